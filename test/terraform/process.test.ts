/** The plugin as a process: when it starts, what it survives, and when it ends. */
import { credentials } from '@grpc/grpc-js';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { GRPCControllerClient } from '../../providers/terraform/wire/generated/goplugin';
import { HealthClient } from '../../providers/terraform/wire/generated/health';
import { MAGIC_COOKIE } from '../../providers/terraform/wire/serve';
import { startSim } from '../../lib/sim';
import { EXECUTABLE, providerBlock, testCore, Workspace } from './support';

// Without a client's certificate there is no TLS.
const env = { PATH: process.env['PATH'], TF_PLUGIN_MAGIC_COOKIE: MAGIC_COOKIE };
const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

async function start(command: string, args: string[] = [], more: NodeJS.ProcessEnv = env) {
  const child = spawn(command, args, { env: more, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, line, address: `unix:${line.split('|')[3] ?? ''}` };
}

test('it is a plugin, and says so to whoever starts it by hand', async () => {
  const child = spawn(EXECUTABLE, [], { env: { PATH: env.PATH }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [said, told] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (said += text.toString()));
  child.stderr.on('data', (text: Buffer) => (told += text.toString()));
  const [code] = (await once(child, 'close')) as [number];
  expect({ code, said }).toEqual({ code: 1, said: '' });
  expect(told).toContain('terraform init');
});

test('it ignores Ctrl-C, and ends when it is told to', async () => {
  const { child, line, address } = await start(EXECUTABLE);
  expect(line).toMatch(/^1\|6\|unix\|\/.+\|grpc\|$/);
  child.kill('SIGINT');
  const health = new HealthClient(address, credentials.createInsecure());
  const check = promisify<object, unknown>(health.check.bind(health));
  expect(await check({ service: 'plugin' })).toMatchObject({ status: 1 });
  const controller = new GRPCControllerClient(address, credentials.createInsecure());
  const ended = once(child, 'exit');
  await promisify<object, unknown>(controller.shutdown.bind(controller))({});
  expect(await ended).toEqual([0, null]);
  health.close();
  controller.close();
});

test('it ends with its parent', async () => {
  const parent = `const { spawn } = require('node:child_process');
    const child = spawn(process.argv[1], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.once('data', () => console.log(child.pid));`;
  const { child, line } = await start(process.execPath, ['-e', parent, EXECUTABLE]);
  const pid = Number(line);
  const runs = (): boolean => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };
  expect(runs()).toBe(true);
  child.kill('SIGKILL');
  while (runs()) await new Promise((resolve) => setTimeout(resolve, 100));
});

testCore('with -debug one process serves every command that attaches to it', async () => {
  const sim = await startSim();
  const { child, line } = await start(EXECUTABLE, ['-debug'], { PATH: env.PATH });
  const reattach = /^TF_REATTACH_PROVIDERS='(.+)'$/.exec(line)?.[1];
  // Where this core takes `lvsform/ipvs` from is in the name.
  const hosts = ['registry.terraform.io', 'registry.opentofu.org'].map((host) => [
    `${host}/lvsform/ipvs`,
    Object.values(JSON.parse(reattach ?? '{}') as object)[0] as object,
  ]);
  const attached = { TF_REATTACH_PROVIDERS: JSON.stringify(Object.fromEntries(hosts)) };
  const service = { director: 'lb1', protocol: 'tcp', address: '192.0.2.1', port: 80, real_servers: {} };
  const workspace = new Workspace(
    {
      'provider.tf.json': providerBlock(sim.directors),
      'main.tf.json': { resource: { ipvs_virtual_service: { web: service } } },
    },
    {},
    'elsewhere',
  );
  try {
    for (const args of [['init'], ['apply', '-auto-approve'], ['plan', '-detailed-exitcode']]) {
      const { code, output } = await workspace.run([...args, '-input=false', '-no-color'], undefined, attached);
      expect({ args, code, output }).toMatchObject({ code: 0 });
    }
    expect(sim.directors[0]!.rules()).toContain('192.0.2.1:80');
    expect(child.exitCode).toBeNull();
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    workspace.remove();
    await sim.close();
  }
});
