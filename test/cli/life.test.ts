/** What a user types from `init` to `destroy`, on simulated directors. */
import { readFileSync, symlinkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { colours } from '../../lib/cli/io';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { type Sim, startSim } from '../../lib/sim';
import { expectGolden } from '../support/golden';
import { makeWorkbench, runNode, type RunOptions, type Typed, type Workbench } from './support';

const FOREIGN = '-A -u 192.0.2.99:53 -s rr\n-a -u 192.0.2.99:53 -r 10.9.9.9:53 -g -w 1\n';
const ROOT = join(__dirname, '../..');
// eslint-disable-next-line no-control-regex
const ESCAPE = /\u001b/;

let bench: Workbench;
let sim: Sim;
let sshConfig: string;

beforeAll(async () => {
  bench = makeWorkbench();
  sim = await startSim({ directors: ['lb1', 'lb2', 'lb3'], rules: { lb1: FOREIGN } });
  sshConfig = writeSshConfig(join(bench.path, 'ssh config'), sim);
});

beforeEach(() => {
  for (const director of sim.directors) director.reset();
});

afterAll(async () => {
  await sim.close();
  bench.remove();
});

const type = (cwd: string, args: string, options: Omit<RunOptions, 'cwd'> = {}): Promise<Typed> =>
  bench.run(args.split(' '), { ...options, cwd, env: { LVSFORM_SSH_CONFIG: sshConfig, ...options.env } });

const rules = (): string[] => sim.directors.map((director) => director.rules());

test('from init to destroy', async () => {
  const transcript: string[] = [];
  const step = async (cwd: string, args: string, code = 0): Promise<void> => {
    const outcome = await type(cwd, args);
    transcript.push(
      `$ lvsform ${args}\n${outcome.stdout}${outcome.stderr === '' ? '' : `--- stderr\n${outcome.stderr}`}`,
    );
    expect({ args, code: outcome.code, stderr: code === 0 ? '' : outcome.stderr }).toMatchObject({ args, code });
    expect(outcome.stdout + outcome.stderr).not.toMatch(ESCAPE);
  };
  await step('', 'init demo');
  await step('demo', 'synth');
  await step('demo', 'plan --detailed-exitcode', 2);
  expect(rules()).toEqual([FOREIGN, '', '']);
  await step('demo', 'apply --auto-approve');
  await step('demo', 'plan --detailed-exitcode');
  const main = join(bench.path, 'demo/main.ts');
  writeFileSync(main, readFileSync(main, 'utf8').replace('weight: 3', 'weight: 5'));
  await step('demo', 'plan --detailed-exitcode', 2);
  await step('demo', 'apply --auto-approve');
  await step('demo', 'show --director lb1');
  await step('demo', 'destroy --auto-approve');
  await step('demo', 'plan --detailed-exitcode', 2);
  expect(rules()).toEqual([FOREIGN, '', '']);
  expectGolden('life/init-to-destroy.txt', bench.normalise(transcript.join('\n')));
}, 180_000);

const SERVICE = (director: string, address: string): string =>
  `${director}.addService('web', { listen: Listen.tcp('${address}', 80) }).addRealServer('rs1', { address: '10.0.0.1' });`;

/** Two stacks: edge on lb1 and lb2, west on lb3. It talks while it synthesizes, and after. */
const TWO_STACKS = `import { App } from 'cdktf';
import { Director, IpvsStack, Listen } from 'lvsform';

console.log('synthesizing');
const app = new App();
const edge = new IpvsStack(app, 'edge');
const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
const lb2 = new Director(edge, 'lb2', { host: process.env.LB2 ?? 'lb2' });
${SERVICE('lb1', '192.0.2.1')}
${SERVICE('lb2', '192.0.2.2')}
const west = new IpvsStack(app, 'west');
const lb3 = new Director(west, 'lb3', { host: 'lb3' });
${SERVICE('lb3', '192.0.2.3')}
app.synth();
setTimeout(() => console.log('done'), 1);
`;

describe('two stacks', () => {
  beforeAll(() => {
    bench.project('two', TWO_STACKS);
  });

  test('the JSON document, also with a director that can not be reached', async () => {
    const env = { LB2: '127.0.0.2' };
    const dead = bench.write('dead.config', `Host 127.0.0.2\n  Port 1\n${readFileSync(sshConfig, 'utf8')}`);
    const args = `plan --format json --ssh-config ${dead}`;
    const outcome = await type('two', args, { env });
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toContain('synthesizing');
    expectGolden('life/plan-unreachable.json', bench.normalise(outcome.stdout));
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      format: 1,
      summary: { create: 4, update: 0, delete: 0, directors: 3, unreachable: 1 },
      directors: [
        { director: 'lb1', foreign: 1, changes: [{ action: 'create', on: 'service' }, { on: 'server' }] },
        { director: 'lb2', error: { code: 'unreachable' }, changes: [], steps: [], findings: [] },
        { director: 'lb3', foreign: 0 },
      ],
    });
  });

  test('one stack, one director', async () => {
    expect((await type('two', 'apply west --auto-approve')).code).toBe(0);
    expect(rules().map((text) => text.split('\n').length)).toEqual([3, 1, 3]);
    expect((await type('two', 'apply --director lb2 --auto-approve')).code).toBe(0);
    expect(rules()[1]).toContain('192.0.2.2:80');
    expect(rules()[0]).toBe(FOREIGN);
    expect((await type('two', 'plan --director lb2,lb3 --detailed-exitcode')).code).toBe(0);
  });

  test('an output folder instead of a program, and a program of another name', async () => {
    bench.project('renamed', '', { 'cdktf.json': '{ "output": "out" }', 'directors.ts': TWO_STACKS });
    const synthesized = await type('renamed', 'synth --app directors.ts');
    expect(synthesized.stdout).toBe(
      'edge: 2 directors, 1 service: out/stacks/edge/cdk.tf.json\nwest: 1 director, 1 service: out/stacks/west/cdk.tf.json\n',
    );
    const [whole, stack, file] = await Promise.all([
      type('renamed', 'plan --from out west'),
      type('renamed', 'plan --from out/stacks/west'),
      type('renamed', 'plan --from out/stacks/west/cdk.tf.json'),
    ]);
    expect(whole.stdout).toContain('Plan: 2 to create');
    expect([stack.stdout, file.stdout]).toEqual([whole.stdout, whole.stdout]);
  });

  test('Ctrl-C lets the director at work finish, and says what is left', async () => {
    const slow = await startSim({ directors: ['lb1', 'lb2', 'lb3'], latencyMs: 300 });
    try {
      const env = { LVSFORM_SSH_CONFIG: writeSshConfig(join(bench.path, 'slow'), slow) };
      const outcome = await type('two', 'apply --auto-approve', {
        env,
        interruptWhen: (output) => output.includes('lb1: applied'),
      });
      expect(outcome.code).toBe(7);
      expect(outcome.stderr).toContain(
        'Stopping after lb2: what is being changed is finished, what is drained stays quiescent. Ctrl-C again to leave at once.',
      );
      expect(outcome.stdout).toContain('Applied to 2 directors, read back and verified. Left as they were: lb3.\n');
      expect(slow.directors.map((director) => director.rules() !== '')).toEqual([true, true, false]);
    } finally {
      await slow.close();
    }
  }, 30_000);

  test('a table that the stack owns is said to be emptied', async () => {
    bench.project('owner', TWO_STACKS.replace("{ host: 'lb1' }", "{ host: 'lb1', owns: 'table' }"));
    const { stdout } = await type('owner', 'plan --director lb1');
    expect(stdout).toContain(
      "! owns: 'table': everything this stack does not declare is removed: udp/192.0.2.99:53 [removes-undeclared]",
    );
    expect(stdout).toContain('- udp/192.0.2.99:53');
  });
});

describe('programs as ES modules', () => {
  /** A project of somebody who ran npm install. */
  function install(folder: string): void {
    mkdirSync(join(bench.path, folder, 'node_modules'), { recursive: true });
    symlinkSync(ROOT, join(bench.path, folder, 'node_modules/lvsform'));
    for (const name of ['cdktf', 'constructs'])
      symlinkSync(join(ROOT, 'node_modules', name), join(bench.path, folder, 'node_modules', name));
  }

  test.each([
    ['type: module', 'main.ts', '{ "type": "module" }'],
    ['.mts', 'main.mts', '{}'],
  ])('%s, with a top-level await', async (_, file, manifest) => {
    const program = TWO_STACKS.replace('app.synth();', 'await Promise.resolve();\napp.synth();');
    const folder = `esm-${file}`;
    bench.project(folder, '', {
      'cdktf.json': `{ "app": "npx tsx ${file}" }`,
      'package.json': manifest,
      [file]: program,
    });
    install(folder);
    const outcome = await type(folder, 'plan west');
    expect(outcome.stdout).toContain('Plan: 2 to create');
    expect(outcome.code).toBe(0);
  });

  test('the library imports as an ES module', async () => {
    const script = "import { Director, Scheduler } from 'lvsform'; console.log(typeof Director, Scheduler.wrr().name);";
    const outcome = await runNode(['--input-type=module', '-e', script], ROOT, bench.home);
    expect(outcome).toEqual({ code: 0, stdout: 'function wrr\n', stderr: '' });
  });
});

test('colours are for terminals', () => {
  expect(colours(true).create('+')).toMatch(ESCAPE);
  expect(colours(false).create('+')).toBe('+');
});

test('the simulator’s SSH configuration works from a folder with a blank in its name', () => {
  expect(readFileSync(sshConfig, 'utf8')).toContain(`IdentityFile "${join(bench.path, 'ssh config', 'id')}"`);
});
