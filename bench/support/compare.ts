/**
 * Contestants, measured in turn (A B A B …) by one process, so that whatever else the machine does hits all alike.
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

export interface Turns {
  rounds: number;
  warmUps: number;
}

export interface Comparison {
  subject: Figures;
  baseline: Figures;
  rounds: number;
}

/**
 * Runs all of them in turn (A B C A B C …).
 *
 * @param rounds turns that count
 * @param warmUps turns before them that don't: the just-in-time compiler's, and every cache's
 */
export async function inTurn<Result>(
  contestants: readonly { name: string; run: () => Result | Promise<Result> }[],
  { rounds, warmUps }: Turns,
): Promise<{ name: string; results: Result[] }[]> {
  const entries = contestants.map(({ name, run }) => ({ name, run, results: [] as Result[] }));
  for (let round = -warmUps; round < rounds; round += 1) {
    for (const entry of entries) {
      const result = await entry.run();
      if (round >= 0) entry.results.push(result);
    }
  }
  return entries;
}

export async function compare(subject: Contestant, baseline: Contestant, turns: Turns): Promise<Comparison> {
  const [first, second] = (await inTurn([subject, baseline], turns)).map(({ name, results }) => figures(name, results));
  return { subject: first!, baseline: second!, rounds: turns.rounds };
}

export function figures(name: string, timesMs: readonly number[]): Figures {
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

/** Prints figures as a small table. */
export function printFigures(title: string, all: readonly Figures[], rounds: number): void {
  const width = Math.max(...all.map(({ name }) => name.length));
  const row = ({ name, minMs, medianMs }: Figures): string =>
    `  ${name.padEnd(width)}  ${minMs.toFixed(1).padStart(9)}  ${medianMs.toFixed(1).padStart(9)}`;
  console.log(
    [
      `${title}, ${rounds} rounds`,
      `  ${'ms'.padEnd(width)}  ${'min'.padStart(9)}  ${'median'.padStart(9)}`,
      ...all.map(row),
    ].join('\n'),
  );
}

/** `RATIO 0.61 (medians 0.64), goal at most 1` */
export function ratioOf(subject: Figures, baseline: Figures, goal?: number): string {
  const ratio = (of: 'minMs' | 'medianMs'): string => (subject[of] / baseline[of]).toFixed(2);
  return `RATIO ${ratio('minMs')} (medians ${ratio('medianMs')})${goal === undefined ? '' : `, goal at most ${goal}`}`;
}

/** Prints a comparison as a small table, and the ratio with its goal. */
export function printComparison(title: string, { subject, baseline, rounds }: Comparison, goal?: number): void {
  printFigures(title, [subject, baseline], rounds);
  console.log(`  ${ratioOf(subject, baseline, goal)}`);
}
