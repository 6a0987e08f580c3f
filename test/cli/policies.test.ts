/** `--policy` and `--log`, through the built command: policies are loaded as a user's files are. */
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { Director, Listen } from '../../lib/constructs';
import { type Sim, startSim } from '../../lib/sim';
import { synth } from '../constructs/program';
import { expectGolden } from '../support/golden';
import { makeWorkbench, type Typed, type Workbench } from './support';

let bench: Workbench;
let sim: Sim;
let env: Record<string, string>;

beforeAll(async () => {
  bench = makeWorkbench();
  sim = await startSim({ directors: ['lb1'] });
  env = { LVSFORM_SSH_CONFIG: writeSshConfig(join(bench.path, 'ssh'), sim) };
  writeFileSync(
    join(bench.path, 'edge.tf.json'),
    JSON.stringify(
      synth((edge) => {
        new Director(edge, 'lb1', { host: 'lb1' })
          .addService('web', { listen: Listen.tcp('192.0.2.1', 80) })
          .addRealServer('rs1', { address: '10.0.0.1', weight: 500 });
      }),
    ),
  );
  const text = readFileSync(join(__dirname, '../../docs/policies.md'), 'utf8');
  bench.write('policies.ts', /```ts\n([\s\S]*?)```/.exec(text)?.[1] ?? '');
});

beforeEach(() => {
  sim.directors[0]!.reset();
  rmSync(join(bench.path, 'log.jsonl'), { force: true });
});

afterAll(async () => {
  await sim.close();
  bench.remove();
});

const type = (args: string): Promise<Typed> => bench.run(args.split(' '), { env });
const rules = (): string => sim.directors[0]!.rules();

interface Line {
  event: string;
  at: string;
  [field: string]: unknown;
}
const log = (): Line[] =>
  readFileSync(join(bench.path, 'log.jsonl'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);

test('the example of the documentation warns, and blocks until it is allowed', async () => {
  const warned = await type('apply --from edge.tf.json --policy policies.ts --auto-approve');
  expect(warned).toMatchObject({ code: 0 });
  expect(warned.stdout).toContain('weight 500 [policy/heavy]');
  const destroy = 'destroy --from edge.tf.json --policy policies.ts --auto-approve';
  const before = rules();
  const blocked = await type(destroy);
  expect(blocked.code).toBe(4);
  expect(blocked.stderr).toContain('lb1/tcp/192.0.2.1:80: a whole service is removed [policy/service-removed]');
  expect(blocked.stderr).toContain('--allow policy/service-removed lets it pass');
  expect(rules()).toBe(before);
  expect((await type(`${destroy} --allow policy/service-removed`)).code).toBe(0);
  expect(rules()).toBe('');
}, 60_000);

test('a policy of a plan file’s apply is asked about the plan as it is then', async () => {
  bench.write(
    'closed.js',
    "exports.policies = [() => [{ code: 'closed', severity: 'blocking', message: 'on Sundays' }]];",
  );
  expect((await type('plan --from edge.tf.json --out plan.json')).code).toBe(0);
  const outcome = await type('apply plan.json --policy closed.js');
  expect(outcome.code).toBe(4);
  expect(outcome.stderr).toContain('lb1: on Sundays [policy/closed]');
  expect(rules()).toBe('');
});

test('policies that are none', async () => {
  const bad: Record<string, string> = {
    'none.ts': 'export const other = 1;',
    'value.mjs': "export const policies = ['no'];",
    'throws.ts': "export const policies = [() => [], () => { throw new Error('lost the list'); }];",
    'promise.ts': 'export const policies = [async () => []];',
    'shape.ts': "export const policies = [() => [{ code: 'x', severity: 'fatal', messsage: 'no' }]];",
    'changes.ts': 'export const policies = [(plan: { steps: unknown[] }) => { plan.steps = []; return []; }];',
    'syntax.ts': 'export const policies = [',
  };
  const told: string[] = [];
  for (const [name, text] of Object.entries(bad)) {
    bench.write(name, text);
    const { code, stderr } = await type(`plan --from edge.tf.json --policy ${name}`);
    told.push(`# ${name}: exit code ${code}\n${stderr}`);
  }
  told.push((await type('plan --from edge.tf.json --policy nowhere.ts')).stderr);
  expectGolden('plan-file/bad-policies.txt', bench.normalise(told.join('\n')));
}, 60_000);

test('a journal tells what was done, also of what was refused', async () => {
  await type('apply --from edge.tf.json --auto-approve --log log.jsonl');
  const events = log().map(({ event }) => event);
  expect(events[0]).toBe('started');
  expect(events).toEqual(expect.arrayContaining(['planned', 'locked', 'verified', 'confirmed', 'applied']));
  expect(log().at(-1)).toMatchObject({ event: 'ended', exitCode: 0 });
  expect(log()[0]).toMatchObject({ command: 'apply', by: expect.stringContaining('@') as string });
  expect(log().find(({ event }) => event === 'planned')).toMatchObject({ stack: 'edge', director: 'lb1', create: 2 });
  expect(statSync(join(bench.path, 'log.jsonl')).mode & 0o777).toBe(0o600);
  const lines = log().length;
  expect((await type('plan --from nowhere --log log.jsonl')).code).toBe(1);
  const more = log().slice(lines);
  expect(more.map(({ event }) => event)).toEqual(['started', 'ended']);
  expect(more[1]).toMatchObject({ exitCode: 1, error: { code: 'no-artefact' } });
  expect(log().every(({ at }) => !Number.isNaN(Date.parse(at)))).toBe(true);
}, 60_000);

test('a journal that can not be written stops the command before it does anything', async () => {
  const outcome = await type('apply --from edge.tf.json --auto-approve --log nowhere/log.jsonl');
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toContain("nowhere/log.jsonl can't be written");
  expect(rules()).toBe('');
});
