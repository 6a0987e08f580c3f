/** Rollouts on simulated directors, as an operator types them. */
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { Director, Duration, Fleet, Listen, Rollout } from '../../lib/constructs';
import { type Sim, type SimOptions, startSim } from '../../lib/sim';
import { typeHere } from '../cli/fake-io';
import { makeWorkbench, type Typed, type Workbench } from '../cli/support';
import { synth } from '../constructs/program';

let bench: Workbench;
let sim: Sim | undefined;
let probe: Server | undefined;

beforeEach(() => {
  bench = makeWorkbench();
});

afterEach(async () => {
  await sim?.close();
  probe?.close();
  [sim, probe] = [undefined, undefined];
  bench.remove();
});

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `lb${i + 1}`);

async function start(count: number, options: SimOptions = {}): Promise<Sim> {
  sim = await startSim(Object.assign(options, { directors: names(count) }));
  return sim;
}

function write(count: number, make: (directors: Director[]) => Rollout, gates = false): void {
  const json = synth((edge) => {
    const directors = names(count).map(
      (name, i) => new Director(edge, name, { host: name, tags: { site: i < 2 ? 'fra' : 'ams' } }),
    );
    new Fleet(edge, 'table', { directors, rollout: make(directors), ...(gates && { gates }) })
      .addService('web', { listen: Listen.tcp('192.0.2.1', 80) })
      .addRealServer('rs1', { address: '10.0.0.1' });
  });
  writeFileSync(join(bench.path, 'edge.tf.json'), JSON.stringify(json));
}

/** Leads to a port where nobody listens. */
function unplug(name: string): void {
  const file = join(bench.path, 'edge.tf.json');
  const json = JSON.stringify(JSON.parse(readFileSync(file, 'utf8')));
  writeFileSync(file, json.replace(`"host":"${name}"`, '"host":"127.0.0.1","port":1'));
}

function type(...args: string[]): Promise<Typed> {
  const sshConfig = writeSshConfig(join(bench.path, 'ssh'), sim!);
  const [command = '', ...rest] = args;
  return typeHere([command, '--from', 'edge.tf.json', ...rest], { cwd: bench.path, sshConfig });
}

const apply = (...args: string[]): Promise<Typed> => type('apply', '--auto-approve', ...args);
const changed = (): string[] => sim!.directors.filter((one) => one.rules() !== '').map(({ name }) => name);

test('waves in order, each told, and the plan shows them', async () => {
  await start(5);
  write(5, ([, lb2]) => Rollout.canary(lb2!).batches(2));
  expect((await type('plan')).stdout).toContain(
    'Rollout of table: 3 waves, at most 0 failures, at least 0 of 5 serving; on failure stop\n  1  lb2\n  2  lb1, lb3\n  3  lb4, lb5\n',
  );
  const { code, stderr } = await apply();
  expect(code).toBe(0);
  expect(stderr.split('\n').filter((line) => line.startsWith('wave'))).toEqual([
    'wave 1 of 3 (table): lb2',
    'wave 2 of 3 (table): lb1, lb3',
    'wave 3 of 3 (table): lb4, lb5',
  ]);
  expect(changed()).toEqual(names(5));
});

test('a canary whose check fails is put back, and nobody else is touched', async () => {
  await start(4);
  write(4, ([lb1]) => Rollout.canary(lb1!).rest().check({ command: 'echo slow; exit 3' }).onFailure('rollback-batch'));
  const refused = await apply();
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('--allow-exec lets them run')]);
  expect(changed()).toEqual([]);
  const { code, stderr, stdout } = await apply('--allow-exec');
  expect(code).toBe(6);
  expect(stderr).toContain("table: the check after wave 1 failed: 'echo slow; exit 3' ended with exit code 3: slow");
  expect(stdout).toContain('Failed and put back: lb1. Left as they were: lb2, lb3, lb4.');
  expect(changed()).toEqual([]);
});

test('a probe that answers lets the next wave begin; one that stops answering stops the run', async () => {
  await start(3);
  let asked = 0;
  probe = createServer((_, response) => {
    asked += 1;
    response.writeHead(asked === 1 ? 204 : 503).end();
  });
  probe.listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const url = `http://127.0.0.1:${(probe.address() as AddressInfo).port}/`;
  write(3, () => Rollout.batches(1).check({ url }));
  const { code, stderr } = await apply();
  expect(code).toBe(7);
  expect(stderr).toContain(`the check after wave 2 failed: ${url} answered 503`);
  expect(changed()).toEqual(['lb1', 'lb2']);
});

test('gates are for Terraform: the rollout asks each check once, also for a part of the fleet', async () => {
  await start(4);
  const make = ([, lb2]: Director[]): Rollout =>
    Rollout.canary(lb2!).batches(2).check({ command: 'echo asked >> asked' });
  write(4, make, true);
  const asked = (): string => readFileSync(join(bench.path, 'asked'), 'utf8');
  expect((await apply('--allow-exec', '--director', 'lb3')).code).toBe(0);
  expect([changed(), asked()]).toEqual([['lb3'], 'asked\n']);
  const { code, stderr } = await apply('--allow-exec');
  expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('gate ') as string });
  expect([changed(), asked()]).toEqual([names(4), 'asked\n'.repeat(4)]);
});

/** Directors that have the service with another scheduler, and take 900 connections/s; those named lose most once changed. */
function busy(count: number, losing: readonly string[]): SimOptions {
  const rules = '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n';
  return {
    rules: Object.fromEntries(names(count).map((name) => [name, rules])),
    beforeCommand: (director) => {
      const isChanged = director.rules().includes('-s wlc');
      const connectionsPerSecond = isChanged && losing.includes(director.name) ? 90 : 900;
      director.setTraffic('tcp/192.0.2.1:80', { connectionsPerSecond });
    },
  };
}
const rescheduled = (): string[] =>
  sim!.directors.filter((one) => one.rules().includes('-s wlc')).map(({ name }) => name);
const checkFor = (seconds: number) => ({
  connectionsPerSecond: { atLeast: '80%', window: Duration.seconds(seconds) },
});

test('a canary that loses its connections is put back, and nobody else is touched', async () => {
  await start(4, busy(4, ['lb1']));
  write(4, ([lb1]) => Rollout.canary(lb1!).rest().check(checkFor(5)).onFailure('rollback-batch'));
  const { code, stderr, stdout } = await apply();
  expect(stderr).toContain('table: counting connections for 5 s before wave 1\n');
  expect(stderr).toMatch(
    /table: the check after wave 1 failed:\n {4}lb1 takes (?:8\d|9\d)\.\d connections\/s, [89]\d\d before it was changed: (?:9|10|11) %, not 80 % or more\n/,
  );
  expect([code, stdout]).toEqual([6, expect.stringContaining('put back: lb1. Left as they were: lb2, lb3, lb4.')]);
  expect(rescheduled()).toEqual([]);
});

test('directors that take what they took let the next wave begin; a made service, and one with too little traffic, are no loss', async () => {
  await start(3, { ...busy(3, []), rules: busy(2, []).rules! });
  write(3, () => Rollout.batches(1).check(checkFor(3)).onFailure('rollback-all'));
  const { code, stderr } = await apply();
  expect(code).toBe(0);
  expect(stderr.match(/^table: the check.*$/gm)).toEqual([
    'table: the check after wave 1 holds',
    'table: the check after wave 2 holds',
    'table: the check after wave 3 holds; too few connections to judge lb3',
  ]);
  expect(rescheduled()).toEqual(names(3));
});

/** One director whose kernel refuses the second command; for runs that change one at a time. */
function refusing(name: string): SimOptions {
  const options: SimOptions = {
    beforeCommand: (director) => {
      if (director.name === name) options.refuseNth = 2;
      else delete options.refuseNth;
    },
  };
  return options;
}

test('a failure stops the run at its wave, everything goes back, and --resume does what is left', async () => {
  const options = refusing('lb3');
  await start(5, options);
  write(5, () => Rollout.batches(2).onFailure('stop'));
  const file = join(bench.path, 'plan.json');
  expect((await type('plan', '--out', 'plan.json')).code).toBe(0);
  const first = await apply('plan.json', '--parallelism', '1');
  expect(first.code).toBe(7);
  expect(changed()).toEqual(['lb1', 'lb2']);
  expect(first.stdout).toContain('Failed and put back: lb3. Left as they were: lb4, lb5.');
  delete options.beforeCommand;
  delete options.refuseNth;
  expect(await apply('plan.json')).toMatchObject({ code: 3 });
  const second = await apply('plan.json', '--resume');
  expect(second.code).toBe(0);
  expect(second.stderr).not.toMatch(/lb[12]: applied/);
  expect(changed()).toEqual(names(5));
  expect(JSON.parse(readFileSync(file, 'utf8'))).toHaveProperty('used');
});

test('rollback-all puts every wave back', async () => {
  await start(5, refusing('lb5'));
  write(5, () => Rollout.batches(2).onFailure('rollback-all'));
  expect((await apply('--parallelism', '1')).code).toBe(6);
  expect(changed()).toEqual([]);
});

test('a director that can not be reached costs what the rollout puts up with', async () => {
  await start(4);
  write(4, () => Rollout.batches(2));
  unplug('lb2');
  expect((await apply()).code).toBe(1);
  expect(changed()).toEqual([]);
  write(4, () => Rollout.batches(2).maxFailures(1).minServing(2));
  unplug('lb2');
  const { code, stdout } = await apply();
  expect(code).toBe(7);
  expect(stdout).toContain('Applied to 3 directors, read back and verified. Failed: lb2.');
  expect(changed()).toEqual(['lb1', 'lb3', 'lb4']);
});

test('never more at once than --parallelism and the floor allow', async () => {
  await start(6, { latencyMs: 20 });
  write(6, () => Rollout.batches('100%').minServing(4));
  const events: { event: string; director?: string }[] = [];
  const { code, stderr } = await apply('--progress', 'json', '--parallelism', '3');
  expect(code).toBe(0);
  for (const line of stderr.trim().split('\n')) events.push(JSON.parse(line) as (typeof events)[number]);
  let flying = 0;
  let highest = 0;
  for (const { event } of events) {
    if (event === 'begun') flying += 1;
    if (event === 'director') flying -= 1;
    highest = Math.max(highest, flying);
  }
  expect(highest).toBe(2);
});

test('by tag and in shards: every director once', async () => {
  await start(6);
  write(6, () => Rollout.batches(3));
  expect((await type('plan', '--tag', 'site=fra')).stdout).toContain('on 2 directors');
  expect((await type('plan', '--tag', 'site=ber')).stderr).toContain('values of site: fra, ams');
  for (const shard of ['1/3', '2/3', '3/3']) expect((await apply('--shard', shard)).code).toBe(0);
  expect(changed()).toEqual(names(6));
  expect((await type('plan', '--shard', '4/3')).code).toBe(1);
});
