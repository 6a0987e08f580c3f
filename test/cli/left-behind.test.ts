/** What a program leaves behind once it has synthesized: it neither ends the run nor keeps it from ending. */
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { type Sim, startSim } from '../../lib/sim';
import { makeWorkbench, type Workbench } from './support';

const PROGRAM = `import { App } from 'cdktf';
import { Director, IpvsStack, Listen } from 'lvsform';

const app = new App();
const lb1 = new Director(new IpvsStack(app, 'edge'), 'lb1', { host: 'lb1' });
lb1.addService('web', { listen: Listen.tcp('192.0.2.1', 80) }).addRealServer('rs1', { address: '10.0.0.1' });
const closePool = () => new Promise((resolve) => setTimeout(resolve, 150));
`;

let bench: Workbench;
let sim: Sim;
let sshConfig: string;

beforeAll(async () => {
  bench = makeWorkbench();
  sim = await startSim({ directors: ['lb1'], latencyMs: 100 });
  sshConfig = writeSshConfig(join(bench.path, 'ssh'), sim);
});

beforeEach(() => {
  for (const director of sim.directors) director.reset();
});

afterAll(async () => {
  await sim.close();
  bench.remove();
});

test.each([
  ['an exit when all is done', 'app.synth();\nvoid closePool().then(() => process.exit());', ''],
  [
    'an exit that is a failure',
    'app.synth();\nvoid closePool().then(() => process.exit(3));',
    'ended with exit code 3',
  ],
  ['an error', "app.synth();\nsetTimeout(() => {\n  throw new Error('no pool');\n}, 150);", 'no pool'],
  ['a promise', "app.synth();\nvoid closePool().then(() => Promise.reject(new Error('no pool')));", 'no pool'],
  ['a timer', 'setInterval(() => undefined, 1000);\napp.synth();', ''],
])('%s', async (name, tail, warning) => {
  const folder = name.replaceAll(' ', '-');
  bench.project(folder, PROGRAM + tail);
  const args = ['apply', '--auto-approve', '--ssh-config', sshConfig];
  const { code, stdout, stderr } = await bench.run(args, { cwd: folder });
  expect(sim.directors[0]?.rules()).toContain('-a -t 192.0.2.1:80 -r 10.0.0.1:80');
  expect(stdout).toContain('Applied to 1 director');
  expect(stderr.split('\n').filter((line) => line.startsWith('warning: the program'))).toEqual(
    warning === '' ? [] : [`warning: the program failed after it was done: ${warning}`],
  );
  expect(code).toBe(0);
});

test('the exit code is that of the run, whatever keeps the process open', async () => {
  bench.project('pending', `${PROGRAM}setInterval(() => undefined, 1000);\napp.synth();`);
  const args = ['plan', '--detailed-exitcode', '--ssh-config', sshConfig];
  expect((await bench.run(args, { cwd: 'pending' })).code).toBe(2);
});
