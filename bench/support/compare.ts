/**
 * Two contestants, measured in turn (A B A B …) in one process, so that whatever else the machine does hits both alike.
 * The ratio of the minima is what to look at: noise only ever adds.
 */

export interface Contestant {
  name: string;
  /** One run, in milliseconds of whatever the bench is about. */
  run: () => number | Promise<number>;
}

export interface Figures {
  name: string;
  minMs: number;
  medianMs: number;
}

export interface Comparison {
  subject: Figures;
  baseline: Figures;
  rounds: number;
}

/**
 * @param rounds pairs that count
 * @param warmUps pairs before them that don't: the just-in-time compiler's, and every cache's
 */
export async function compare(
  subject: Contestant,
  baseline: Contestant,
  { rounds, warmUps }: { rounds: number; warmUps: number },
): Promise<Comparison> {
  const times: Record<'subject' | 'baseline', number[]> = { subject: [], baseline: [] };
  for (let round = -warmUps; round < rounds; round += 1) {
    const [subjectMs, baselineMs] = [await subject.run(), await baseline.run()];
    if (round < 0) continue;
    times.subject.push(subjectMs);
    times.baseline.push(baselineMs);
  }
  return {
    subject: figures(subject.name, times.subject),
    baseline: figures(baseline.name, times.baseline),
    rounds,
  };
}

function figures(name: string, timesMs: readonly number[]): Figures {
  const sorted = [...timesMs].sort((a, b) => a - b);
  return { name, minMs: sorted[0] ?? NaN, medianMs: sorted[Math.floor(sorted.length / 2)] ?? NaN };
}

/** CPU time of this process, all its threads, while `work` runs. */
export async function cpuMs(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Time on the wall while `work` runs. */
export async function wallMs(work: () => unknown): Promise<number> {
  const before = performance.now();
  await work();
  return performance.now() - before;
}

/** Prints a comparison as a small table, and the ratio with its goal. */
export function printComparison(title: string, { subject, baseline, rounds }: Comparison, goal?: number): void {
  const width = Math.max(subject.name.length, baseline.name.length);
  const row = ({ name, minMs, medianMs }: Figures): string =>
    `  ${name.padEnd(width)}  ${minMs.toFixed(1).padStart(9)}  ${medianMs.toFixed(1).padStart(9)}`;
  const ratio = (of: 'minMs' | 'medianMs'): string => (subject[of] / baseline[of]).toFixed(2);
  console.log(
    [
      `${title}, ${rounds} rounds`,
      `  ${'ms'.padEnd(width)}  ${'min'.padStart(9)}  ${'median'.padStart(9)}`,
      row(subject),
      row(baseline),
      `  RATIO ${ratio('minMs')} (medians ${ratio('medianMs')})${goal === undefined ? '' : `, goal at most ${goal}`}`,
    ].join('\n'),
  );
}
