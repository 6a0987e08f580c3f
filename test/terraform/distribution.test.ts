/** Every way the provider reaches a core, with the core itself looking for it. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeWorkbench } from '../cli/support';
import { testCore, Workspace } from './support';

const ROOT = join(__dirname, '../..');
const PLATFORM = `linux_${process.arch === 'x64' ? 'amd64' : process.arch}`;
const HOSTS = ['registry.terraform.io', 'registry.opentofu.org'];
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

const CONFIG = {
  terraform: { required_providers: { ipvs: { source: 'lvsform/ipvs' } } },
  provider: { ipvs: { stack: 'edge', directors: { lb1: { host: 'lb1' } } } },
  resource: { ipvs_timeouts: { lb1: { director: 'lb1', tcp_seconds: 600 } } },
};

let workspace: Workspace;
const bench = makeWorkbench();

beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'tools/package-provider.js')]);
});
beforeEach(() => {
  // A project of ES modules: unpacked below it, a script without a package.json of its own would not start.
  workspace = new Workspace({ 'main.tf.json': CONFIG, 'package.json': { type: 'module' } }, {}, 'elsewhere');
});
afterEach(() => {
  workspace.remove();
});
afterAll(() => {
  bench.remove();
});

/** Starts the provider once, which `init` does not. */
async function works(config: string, commands: string[][] = [['init', '-input=false'], ['validate']]): Promise<void> {
  workspace.write('cli.tfrc', config);
  for (const args of commands) {
    const { code, output } = await workspace.run([...args, '-no-color'], undefined, {
      TF_CLI_CONFIG_FILE: workspace.file('cli.tfrc'),
      HOME: bench.home,
    });
    expect({ args, code, output }).toEqual({ args, code: 0, output });
  }
}

const mirror = (path: string): string => `provider_installation {\n  filesystem_mirror { path = "${path}" }\n}\n`;

testCore('the filesystem mirror of build:provider', () => works(mirror(join(ROOT, 'dist/terraform-mirror'))));

testCore('the zips of a release: unpacked by the core they can be executed', async () => {
  const zip = `terraform-provider-ipvs_${version}_${PLATFORM}.zip`;
  for (const host of HOSTS) {
    const folder = workspace.file('packed', host, 'lvsform', 'ipvs');
    mkdirSync(folder, { recursive: true });
    copyFileSync(join(ROOT, 'dist/terraform-release', zip), join(folder, zip));
  }
  await works(mirror(workspace.file('packed')));
});

test('the sums and the manifest of a release', () => {
  const release = join(ROOT, 'dist/terraform-release');
  const stem = `terraform-provider-ipvs_${version}`;
  const sums = readFileSync(join(release, `${stem}_SHA256SUMS`), 'utf8')
    .trimEnd()
    .split('\n');
  const named = sums.map((line) => line.split('  ')[1] ?? '');
  expect(named.sort()).toEqual(readdirSync(release).filter((name) => !name.endsWith('SUMS')).sort()); // prettier-ignore
  expect(named).toEqual(expect.arrayContaining([`${stem}_linux_arm64.zip`, `${stem}_manifest.json`]));
  for (const line of sums) {
    const [sum, name = ''] = line.split('  ');
    expect(createHash('sha256').update(readFileSync(join(release, name))).digest('hex')).toBe(sum); // prettier-ignore
  }
  expect(JSON.parse(readFileSync(join(release, `${stem}_manifest.json`), 'utf8'))).toEqual({
    version: 1,
    metadata: { protocol_versions: ['6.0'] },
  });
});

testCore('lvsform provider install: into the folder of a user, and a mirror with its block', async () => {
  const installed = await bench.run(['provider', 'install']);
  expect(installed).toMatchObject({ code: 0, stdout: '' });
  for (const host of HOSTS) {
    const folder = join(bench.home, '.terraform.d/plugins', host, 'lvsform/ipvs', version, PLATFORM);
    expect(installed.stderr).toContain(folder);
    expect(statSync(join(folder, `terraform-provider-ipvs_v${version}`)).mode & 0o111).toBe(0o111);
  }
  await works('');
  const elsewhere = await bench.run(['provider', 'install', '--dir', 'mirror', '--config', 'filesystem_mirror']);
  expect(elsewhere).toMatchObject({ code: 0 });
  expect(elsewhere.stdout).toContain(join(bench.path, 'mirror'));
  await works(elsewhere.stdout);
});

testCore('lvsform provider install --config dev_overrides: no init at all', async () => {
  const { code, stdout } = await bench.run(['provider', 'install', '--config', 'dev_overrides']);
  expect(code).toBe(0);
  await works(stdout, [['validate']]);
  expect(await bench.run(['provider', 'install', '--config', 'other'])).toMatchObject({ code: 1, stdout: '' });
});
