/**
 * Whatever dies during an apply, and whenever: the director ends exactly as it was before or exactly as desired, what
 * others keep there is as it was, the lock is free, and the next apply finishes the job.
 *
 * Runs are shared out to several directors, which mostly wait. Each walks from table to table: what one run ends with is
 * what the next one begins with.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import fc from 'fast-check';
import { acquireLock } from '../../lib/apply';
import type { DirectorTable } from '../../lib/model';
import { describeLab, type Lab, startLab } from '../lab/lab';
import { arbitraryTable, editedTable, type Features } from '../support/arbitraries';
import { SEED } from '../support/seed';
import { Bench, connectSsh, foreignLines, SETTINGS, WALKED } from './bench';
import { SilentProxy } from './silent-proxy';

/** How many runs of each fault. */
const FAULTS = { killed: 26, cut: 20, refused: 16, full: 18, clock: 12, 'clock and more': 8 } as const;
type Fault = keyof typeof FAULTS;
const DIRECTORS = 6;

/** No walk may lock itself out: every fault needs logins to happen to. */
const TABLES: Features = { ...WALKED, takesLogins: false };

/** When something goes wrong: so long after the client has said this. */
const EVENTS = ['start', 'locked', 'executing', 'verified'] as const;
interface Moment {
  after: (typeof EVENTS)[number];
  delayMs: number;
}

const moments = fc.record<Moment>({ after: fc.constantFrom(...EVENTS), delayMs: fc.integer({ min: 0, max: 1500 }) });

/** All that is random about a run but its table. */
const chances = fc.record({
  moment: moments,
  confirmSeconds: fc.integer({ min: 4, max: 8 }),
  /** Whether the network lets new connections through again. */
  heals: fc.boolean(),
  /** The disk was full before the apply. */
  fromTheStart: fc.boolean(),
  /** What the kernel is asked that it refuses. */
  refused: fc.constantFrom<Refused>('new service', 'edited service', 'daemon'),
  /** What else happens while the clock is wrong. Where it is nothing, the run ends as desired on any machine. */
  besides: fc.constantFrom<Fault>('killed', 'refused'),
});
type Chances = typeof chances extends fc.Arbitrary<infer T> ? T : never;
type Refused = 'new service' | 'edited service' | 'daemon';

/** One file starts faster than the sources would. */
const CLIENT = join(__dirname, '../../dist/test/client-to-be-killed.js');

describeLab('an apply that something happens to', () => {
  let lab: Lab;
  const benches: Bench[] = [];

  beforeAll(async () => {
    buildSync({
      entryPoints: [join(__dirname, 'client.js')],
      outfile: CLIENT,
      bundle: true,
      platform: 'node',
      external: ['ssh2'],
    });
    lab = await startLab();
    // One after the other: all logins at once take an emulated machine longer than a login may take.
    for (let at = 0; at < DIRECTORS; at++) benches.push(await Bench.open(lab, at % 2 ? 'legacy' : 'nft'));
    // A small disk of its own, to be filled.
    for (const { director } of benches)
      await director.ok(['sh', '-c', 'umount /var/lib/lvsform 2>/dev/null; mount -t tmpfs -o size=256k,mode=700 tmpfs /var/lib/lvsform']); // prettier-ignore
  }, 240_000);

  afterAll(async () => {
    await Promise.all(benches.map((bench) => bench.close()));
    await lab.close();
  });

  const runs = shuffled(Object.entries(FAULTS).flatMap(([fault, count]) => Array<Fault>(count).fill(fault as Fault)));

  test(`${runs.length} runs: as before or as desired, and nothing in between`, async () => {
    const begin = Date.now();
    const shareOf = (lane: number) => runs.map((fault, run) => ({ fault, run })).filter(({ run }) => run % DIRECTORS === lane); // prettier-ignore
    const walks = await Promise.allSettled(benches.map((bench, lane) => walk(bench, shareOf(lane))));
    const failed = walks.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
    if (failed.length > 0) throw new Error(failed.map(({ message }) => message).join('\n\n'), { cause: failed[0] });
    const ends = walks.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
    const table = Object.keys(FAULTS).map((fault) => {
      const some = ends.filter((end) => end.fault === fault);
      const count = (what: string): number => some.filter(({ end }) => end === what).length;
      return `${fault}: ${count('before')} as before, ${count('desired')} as desired`;
    });
    console.log(`seed ${SEED}, ${Math.round((Date.now() - begin) / 1000)} s\n${table.join('\n')}`);
    expect(ends).toHaveLength(runs.length);
    // A fault whose moment came too late left the apply to its end.
    for (const fault of Object.keys(FAULTS) as Fault[])
      expect(ends.filter((end) => end.fault === fault && end.struck).length).toBeGreaterThan(FAULTS[fault] / 2);
    expect(ends.filter(({ end }) => end === 'before').length).toBeGreaterThan(10);
    expect(ends.filter(({ end }) => end === 'desired').length).toBeGreaterThan(10);
  }, 900_000);
});

interface End {
  fault: Fault;
  struck: boolean;
  end: 'before' | 'desired';
}

async function walk(bench: Bench, turns: readonly { fault: Fault; run: number }[]): Promise<End[]> {
  const ends: End[] = [];
  const foreign = foreignLines(await bench.list());
  let table = sample(arbitraryTable(TABLES), turns[0]?.run ?? 0);
  expect(await bench.apply(table)).toMatchObject({ outcome: 'applied' });
  let before = await bench.list();
  for (const { fault, run } of turns) {
    const desired = edited(table, run);
    const chance = sample(chances, run);
    const story = `run ${run} (seed ${SEED}): ${fault} ${JSON.stringify(chance)}`;
    try {
      const { struck, said } = await strike(bench, fault, desired, chance, run);
      // Only a network that was cut keeps an apply from being planned; else nothing would have happened to any.
      if (fault !== 'cut') expect(said).not.toContain('could not be planned');
      await bench.atRest();
      await mend(bench);
      const after = await bench.list((now) => now === before);
      const lock = await acquireLock(bench.access, { stack: 'edge', author: SETTINGS.author, waitSeconds: 1 });
      await lock.release();
      const { outcome, error } = await bench.apply(desired);
      if (error !== undefined) throw error;
      const reached = outcome === 'unchanged' ? after : await bench.list();
      expect(before).not.toBe(reached);
      expect(foreignLines(reached)).toBe(foreign);
      // All three are shown where it is neither.
      if (after !== before && after !== reached) throw new Error(`neither as before nor as desired; the client said ${said}\nBEFORE\n${before}\nAFTER\n${after}\nDESIRED\n${reached}`); // prettier-ignore
      ends.push({ fault, struck, end: after === before ? 'before' : 'desired' });
      [table, before] = [desired, reached];
    } catch (error) {
      throw new Error(`${bench.director.name}, ${story}: ${error instanceof Error ? error.message : String(error)}`, { cause: error }); // prettier-ignore
    }
  }
  return ends;
}

/** Applies, and lets it happen. @returns whether it did, and what the client said last */
async function strike(
  bench: Bench,
  fault: Fault,
  desired: DirectorTable,
  chance: Chances,
  run: number,
): Promise<{ struck: boolean; said: string }> {
  // prettier-ignore
  const settings = { confirmSeconds: chance.confirmSeconds };
  switch (fault) {
    case 'killed':
      return kill(bench, desired, chance);
    case 'cut': {
      const proxy = await SilentProxy.open(bench.director.port);
      try {
        const at = alarm(chance.moment, () => {
          proxy.cut(chance.heals);
        });
        at.heard('start');
        const said = await saidOf(bench.apply(desired, { settings, hooks: at.hooks, connect: connectSsh }, proxy.port));
        at.stop();
        await bench.atRest();
        return { struck: proxy.isCut, said };
      } finally {
        proxy.close();
      }
    }
    case 'refused': {
      const said = await saidOf(bench.apply(spoilt(desired, chance.refused, run), { settings, connect: connectSsh }));
      return { struck: /said|rolled-back/.test(said), said };
    }
    case 'full': {
      const fill = async (): Promise<void> => {
        await bench.director.exec(['sh', '-c', 'dd if=/dev/zero of=/var/lib/lvsform/filler bs=1k 2>/dev/null']);
      };
      let filled = chance.fromTheStart ? fill() : undefined;
      await filled;
      const at = alarm(chance.moment, () => {
        filled ??= fill();
      });
      at.heard('start');
      const said = await saidOf(bench.apply(desired, { settings, hooks: at.hooks, connect: connectSsh }));
      at.stop();
      await filled;
      return { struck: filled !== undefined, said };
    }
    case 'clock':
    case 'clock and more': {
      // Wrong, and another wrong each time it is asked.
      await bench.shell.run('printf "#!/bin/sh\\necho $(( $$ * 7919 - 99999999 ))\\n" > /usr/local/bin/date; chmod 755 /usr/local/bin/date'); // prettier-ignore
      const besides = fault === 'clock' ? 'nothing' : chance.besides;
      if (besides === 'killed') return { ...(await kill(bench, desired, chance)), struck: true };
      const wish = besides === 'refused' ? spoilt(desired, chance.refused, run) : desired;
      const said = await saidOf(bench.apply(wish, { settings: { confirmSeconds: 60 }, connect: connectSsh }));
      return { struck: true, said };
    }
  }
}

/** What was broken is well again before the next apply. */
async function mend(bench: Bench): Promise<void> {
  await bench.shell.run('rm -f /var/lib/lvsform/filler /usr/local/bin/date');
}

/** A client of its own, killed at a moment. */
async function kill(
  bench: Bench,
  desired: DirectorTable,
  { moment, confirmSeconds }: Chances,
): Promise<{ struck: boolean; said: string }> {
  // prettier-ignore
  const job = { stack: bench.stackOf(desired), settings: { ...SETTINGS, confirmSeconds } };
  const child = spawn(process.execPath, [CLIENT], { stdio: ['pipe', 'pipe', 'pipe'] });
  const at = alarm(moment, () => {
    child.kill('SIGKILL');
  });
  let said = '';
  child.stdout.on('data', (data: Buffer) => {
    said += data.toString();
    for (const word of data.toString().split('\n')) at.heard(word);
  });
  child.stderr.on('data', (data: Buffer) => (said += data.toString()));
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(job));
  const signal = await new Promise<string | null>((resolve) => {
    child.once('close', (_, by) => {
      resolve(by);
    });
  }); // prettier-ignore
  at.stop();
  return { struck: signal === 'SIGKILL', said };
}

/** Does something at a moment. */
function alarm({ after, delayMs }: Moment, what: () => void) {
  let timer: NodeJS.Timeout | undefined;
  const heard = (word: string): void => {
    if (word === after && timer === undefined) timer = setTimeout(what, delayMs);
  };
  return {
    heard,
    hooks: { onEvent: (_: string, { kind }: { kind: string }) => { heard(kind); } }, // prettier-ignore
    stop: () => {
      clearTimeout(timer);
    },
  };
}

/** What became of an apply, in words; an error of the plan, too. */
async function saidOf(apply: Promise<{ outcome: string; error?: Error }>): Promise<string> {
  try {
    const { outcome, error } = await apply;
    return `${outcome} ${error?.message ?? ''}`;
  } catch (error) {
    return String(error);
  }
}

/** The same table with something this kernel refuses, early or late. */
function spoilt(table: DirectorTable, how: Refused, run: number): DirectorTable {
  const [first, ...rest] = table.services;
  if (how === 'edited service' && first !== undefined)
    return { ...table, services: [{ ...first, scheduler: 'twos', schedulerFlags: [] }, ...rest] };
  if (how === 'daemon') {
    const daemon = { role: 'master', interface: 'nope0', syncId: run % 256, maxLength: 1472, group: '224.0.0.81', port: 8848, ttl: 1 } as const; // prettier-ignore
    return { ...table, daemons: [daemon, ...table.daemons.filter(({ role }) => role !== 'master')] };
  }
  const fresh = { by: 'address', protocol: 'tcp', address: '192.0.2.200', port: 1 + run } as const;
  const service = { key: fresh, scheduler: 'twos', schedulerFlags: [], persistence: null, persistenceEngine: null, onePacket: false, realServers: [] }; // prettier-ignore
  return { ...table, services: [...table.services, service] };
}

function sample<T>(arbitrary: fc.Arbitrary<T>, run: number): T {
  const [value] = fc.sample(arbitrary, { numRuns: 1, seed: SEED + run });
  if (value === undefined) throw new Error('no sample');
  return value;
}

/** An edit that changes something. */
function edited(table: DirectorTable, run: number): DirectorTable {
  const some = fc.sample(editedTable(table, TABLES), { numRuns: 20, seed: SEED + run });
  const found = some.find((candidate) => JSON.stringify(candidate) !== JSON.stringify(table));
  if (found === undefined) throw new Error('no edit');
  return found;
}

function shuffled<T>(items: readonly T[]): T[] {
  const keys = fc.sample(fc.integer(), { numRuns: items.length, seed: SEED });
  return items.map((item, at) => ({ item, key: keys[at] ?? 0 })).sort((a, b) => a.key - b.key).map(({ item }) => item); // prettier-ignore
}
