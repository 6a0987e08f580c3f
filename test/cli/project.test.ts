/** From a program to its stacks, and what is left in the output folder. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Io } from '../../lib/cli/io';
import { loadProject } from '../../lib/cli/project';
import { quietIo } from '../support/quiet-io';

let cwd: string;
let said: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'lvsform-project-'));
  said = '';
});

afterEach(() => {
  rmSync(cwd, { recursive: true });
});

const io = (): Io => quietIo(cwd, { err: (text) => void (said += text) });

function write(name: string, text: string): void {
  const file = join(cwd, name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

const ipvs = (director: string): object => ({
  provider: { ipvs: [{ directors: { [director]: { host: director } } }] },
});

/** A program in plain JavaScript that writes stacks as cdktf does, and then runs `more`. */
function program(file: string, stacks: Readonly<Record<string, object>>, more = ''): string {
  write(
    file,
    `const fs = require('fs');
const write = (out, stacks) => {
  for (const [name, json] of Object.entries(stacks)) {
    fs.mkdirSync(out + '/stacks/' + name, { recursive: true });
    fs.writeFileSync(out + '/stacks/' + name + '/cdk.tf.json', JSON.stringify(json));
  }
  const paths = Object.keys(stacks).map((name) => [name, { synthesizedStackPath: 'stacks/' + name + '/cdk.tf.json' }]);
  fs.writeFileSync(out + '/manifest.json', JSON.stringify({ stacks: Object.fromEntries(paths) }));
};
write(process.env.CDKTF_OUTDIR, ${JSON.stringify(stacks)});
${more}`,
  );
  // Not a command that would be run in this process.
  return `true && node ${file}`;
}

const names = async (app: string): Promise<string[]> => (await loadProject({ app }, io())).map(({ stack }) => stack);

test('a run reads what its own program wrote, whoever writes into the output meanwhile', async () => {
  const other = `fs.rmSync('cdktf.out', { recursive: true, force: true });
fs.mkdirSync('cdktf.out');
write('cdktf.out', ${JSON.stringify({ other: ipvs('lb2') })});`;
  expect(await names(program('main.js', { edge: ipvs('lb1') }, other))).toEqual(['edge']);
  // The last one to end has its output there, whole.
  expect((await loadProject({ from: 'cdktf.out' }, io())).map(({ stack }) => stack)).toEqual(['edge']);
  expect(readdirSync(join(cwd, 'cdktf.out', 'stacks'))).toEqual(['edge']);
});

test('a program that fails leaves the output of before, and nothing of its own', async () => {
  await names(program('main.js', { edge: ipvs('lb1') }));
  const failing = names(program('main.js', { other: ipvs('lb1') }, 'process.exit(3);'));
  await expect(failing).rejects.toThrow(/failed with exit code 3/);
  expect(readdirSync(join(cwd, 'cdktf.out', 'stacks'))).toEqual(['edge']);
  expect(readdirSync(cwd).sort()).toEqual(['cdktf.out', 'main.js']);
});

test('stacks of before go away; what Terraform keeps beside them stays', async () => {
  await names(program('main.js', { edge: ipvs('lb1'), west: ipvs('lb2'), gone: ipvs('lb3') }));
  write('cdktf.out/cache.json', '{}');
  write('cdktf.out/stacks/edge/.terraform/providers/x', '');
  write('cdktf.out/stacks/edge/.terraform.lock.hcl', '');
  write('cdktf.out/stacks/edge/edge.tfstate', '{}');
  write('cdktf.out/stacks/edge/assets/old', '');
  write('cdktf.out/stacks/west/terraform.tfstate.backup', '{}');
  await names(program('main.js', { edge: ipvs('lb4') }));
  const files = readdirSync(join(cwd, 'cdktf.out'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(cwd.length + 1));
  expect(files.sort()).toEqual([
    'cdktf.out/cache.json',
    'cdktf.out/manifest.json',
    'cdktf.out/stacks/edge/.terraform.lock.hcl',
    'cdktf.out/stacks/edge/.terraform/providers/x',
    'cdktf.out/stacks/edge/cdk.tf.json',
    'cdktf.out/stacks/edge/edge.tfstate',
    'cdktf.out/stacks/west/terraform.tfstate.backup',
  ]);
  expect(existsSync(join(cwd, 'cdktf.out/stacks/gone'))).toBe(false);
  expect(readFileSync(join(cwd, 'cdktf.out/stacks/edge/cdk.tf.json'), 'utf8')).toContain('lb4');
});

test('the folder of a run that was killed is removed once it is old, and nobody else’s', async () => {
  for (const [name, hours] of [
    ['.cdktf.out.killed', 2],
    ['.cdktf.out.runs', 0],
  ] as const) {
    // prettier-ignore
    write(`${name}/.gitignore`, '*\n');
    const at = Date.now() / 1000 - hours * 3600;
    utimesSync(join(cwd, name), at, at);
  }
  write('.cdktf.out.mine/notes', '');
  utimesSync(join(cwd, '.cdktf.out.mine'), 0, 0);
  await names(program('main.js', { edge: ipvs('lb1') }));
  expect(readdirSync(cwd).sort()).toEqual(['.cdktf.out.mine', '.cdktf.out.runs', 'cdktf.out', 'main.js']);
});

test('runs side by side, each with a program of its own', async () => {
  const apps = [1, 2, 3, 4].map((at) => program(`main${at}.js`, { [`stack${at}`]: ipvs(`lb${at}`) }));
  expect(await Promise.all(apps.map(names))).toEqual([['stack1'], ['stack2'], ['stack3'], ['stack4']]);
  expect(readdirSync(join(cwd, 'cdktf.out', 'stacks'))).toHaveLength(1);
});

test('a program finds the SSH configuration that was asked for', async () => {
  const tell = `fs.writeFileSync('told', process.env.LVSFORM_SSH_CONFIG);`;
  await loadProject({ app: program('main.js', { edge: ipvs('lb1') }, tell), sshConfig: 'ssh_config' }, io());
  expect(readFileSync(join(cwd, 'told'), 'utf8')).toBe(join(cwd, 'ssh_config'));
});

describe('beside stacks of other providers', () => {
  const dns = { provider: { aws: [{}] }, resource: { aws_route53_zone: { z: { name: 'example.net' } } } };
  const broken = { ...ipvs('lb9'), data: { aws_ami: { a: {} } } };
  const load = async (stacks: Readonly<Record<string, object>>, asked: string[] = []): Promise<string[]> =>
    (await loadProject({ app: program('main.js', stacks) }, io(), asked)).map(({ stack }) => stack);

  test('those are passed over, and that is said', async () => {
    expect(await load({ dns, edge: ipvs('lb1') })).toEqual(['edge']);
    expect(said).toBe('note: stack dns has nothing of IPVS in it, and is passed over\n');
  });

  test('a stack that was asked for is read, whatever the others are', async () => {
    expect(await load({ dns, broken, edge: ipvs('lb1') }, ['edge'])).toContain('edge');
    expect(said).toBe('');
    await expect(load({ dns, edge: ipvs('lb1') }, ['dns'])).rejects.toThrow('aws_route53_zone');
    await expect(load({ dns, broken, edge: ipvs('lb1') }, ['edge', 'broken'])).rejects.toThrow('data.aws_ami.a');
  });

  test('what is wrong in a stack of ours is told, and so is a program of theirs alone', async () => {
    await expect(load({ broken, edge: ipvs('lb1') })).rejects.toThrow('data.aws_ami.a');
    await expect(load({ dns })).rejects.toThrow('aws_route53_zone');
  });
});
