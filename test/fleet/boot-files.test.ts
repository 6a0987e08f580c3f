/** What is taken back is taken back whole: boot files say what a boot gave before, by a rollout as by `lvsform rollback`. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { Director, Duration, Fleet, Listen, Rollout, SyncDaemon } from '../../lib/constructs';
import { type Sim, startSim } from '../../lib/sim';
import { typeHere } from '../cli/fake-io';
import { makeWorkbench, type Typed, type Workbench } from '../cli/support';
import { synth } from '../constructs/program';

const NAMES = ['lb1', 'lb2', 'lb3'];
let bench: Workbench;
let sim: Sim;

beforeEach(async () => {
  bench = makeWorkbench();
  sim = await startSim({ directors: NAMES, interfaces: { lo: 65536, eth0: 1500 } });
});

afterEach(async () => {
  await sim.close();
  bench.remove();
});

interface Program {
  persist?: boolean;
  owns?: 'table';
  weight?: number;
  /** More of everything that boot files hold. */
  more?: boolean;
}

/** The second wave's check fails where `failing` is there. */
function write({ persist, owns, weight = 1, more = false }: Program): void {
  const json = synth((edge) => {
    const settings = { ...(persist && { persist }), ...(owns && { owns }) };
    const directors = NAMES.map((name) => new Director(edge, name, { host: name, ...settings }));
    const command = 'test ! -e failing && exit 0; test -e second && exit 1; touch second';
    const fleet = new Fleet(edge, 'table', {
      directors,
      rollout: Rollout.batches(1).check({ command }).onFailure('rollback-all'),
      ...(more && { timeouts: { udp: Duration.minutes(4) }, syncDaemons: [SyncDaemon.master({ interface: 'eth0' })] }),
    });
    fleet
      .addService('web', { listen: Listen.tcp('192.0.2.1', 80) })
      .addRealServer('rs1', { address: '10.0.0.1', weight });
    if (more)
      fleet.addService('more', { listen: Listen.tcp('192.0.2.2', 80).marked(7) }).addRealServer('rs1', { address: '10.0.0.2' }); // prettier-ignore
  });
  writeFileSync(join(bench.path, 'edge.tf.json'), JSON.stringify(json));
}

function type(...args: string[]): Promise<Typed> {
  const sshConfig = writeSshConfig(join(bench.path, 'ssh'), sim);
  const [command = '', ...rest] = args;
  return typeHere([command, '--from', 'edge.tf.json', '--auto-approve', ...rest], { cwd: bench.path, sshConfig });
}

async function applies(program: Program): Promise<void> {
  write(program);
  expect(await type('apply', '--allow-exec')).toMatchObject({ code: 0 });
}

/** By director: what it has, what a boot gives, and the ledger; but not when and by whom it was written. */
const standing = (): unknown =>
  sim.directors.map((director) => {
    const files = Object.entries(director.files()).filter(
      ([path]) => !/\.undo\/|\/(?:journal|lock|work|holder)$/.test(path),
    );
    const timeouts = director.exec(['ipvsadm', '-L', '--timeout']).stdout;
    const daemons = director.exec(['ipvsadm', '-L', '--daemon']).stdout;
    return [director.rules(), director.marks(), timeouts, daemons, Object.fromEntries(files)];
  });

const CASES: [string, Program, Program][] = [
  ['another weight', { persist: true }, { persist: true, weight: 5 }],
  ['more of everything', { persist: true }, { persist: true, more: true }],
  ['less of everything', { persist: true, more: true }, { persist: true }],
  ['where the whole table is owned', { persist: true, owns: 'table' }, { persist: true, owns: 'table', more: true }],
  ['persisted for the first time', {}, { persist: true, more: true }],
  ['persisted, and nothing else', {}, { persist: true }],
  ['no longer persisted', { persist: true, more: true }, { weight: 2, more: true }],
  ['no longer persisted, and nothing else', { persist: true }, {}],
];

test.each(CASES)('a rollout that is taken back: %s', async (_, first, second) => {
  await applies(first);
  const before = standing();
  write(second);
  writeFileSync(join(bench.path, 'failing'), '');
  const { code, stdout } = await type('apply', '--allow-exec');
  expect({ code, stdout }).toEqual({
    code: 6,
    stdout: expect.stringContaining('Failed and put back: lb1, lb2. Left as they were: lb3.') as string,
  });
  expect(standing()).toEqual(before);
});

/** All but what changes nothing else, and what leaves nobody who knows which timeouts there were. */
const KNOWN = CASES.filter(([name]) => !/nothing else|less of/.test(name));

test.each(KNOWN)('lvsform rollback: %s', async (_, first, second) => {
  await applies(first);
  const before = standing();
  await applies(second);
  expect(standing()).not.toEqual(before);
  for (const again of ['once', 'twice']) {
    expect([again, await type('rollback')]).toMatchObject([again, { code: 0 }]);
    expect(standing()).toEqual(before);
  }
});

test('lvsform rollback: timeouts that are no longer declared are all in the boot file, as they are', async () => {
  await applies({ persist: true, more: true });
  const before = sim.directors[0]!.files()['/var/lib/lvsform/edge.boot']!;
  await applies({ persist: true });
  expect(await type('rollback')).toMatchObject({ code: 0 });
  const after = sim.directors[0]!.files()['/var/lib/lvsform/edge.boot'];
  expect(after).toBe(before.replace('timeouts --set 0 0 240', 'timeouts --set 900 120 240'));
});

test('lvsform rollback takes back the last apply or nothing, and says which', async () => {
  await applies({});
  await applies({ weight: 2 });
  const first = standing();
  await applies({ weight: 2, persist: true });
  const second = standing();
  const nothing = 'lb1: nothing to take back: the last apply changed nothing of the table\n';
  expect(await type('rollback')).toMatchObject({ code: 0, stdout: expect.stringContaining(nothing) as string });
  expect(standing()).toEqual(second);
  await applies({ weight: 2 });
  expect(standing()).not.toEqual(second);
  await applies({ weight: 3 });
  expect((await type('rollback')).stdout).toContain('lb1: taken back (asked for)\n');
  expect((await type('rollback')).stdout).toContain('lb1: nothing was left to do: it was taken back before (asked for)\n'); // prettier-ignore
  expect(sim.directors.map((director) => director.rules())).toEqual((first as string[][]).map(([rules]) => rules));
});
