/** Each example is a project that runs as it is, and whose artefact is read. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { loadStack } from '../../lib/artefact';
import { projectFiles } from '../../lib/cli/template';
import { type DesiredStack, KNOWN_SCHEDULERS } from '../../lib/model';

const root = resolve(__dirname, '..', '..');
const outdir = mkdtempSync(join(tmpdir(), 'lvsform-examples-'));
afterAll(() => {
  rmSync(outdir, { recursive: true, force: true });
});

/** Runs an example the way its `cdktf.json` says, with the library from the sources. */
function run(example: string): DesiredStack[] {
  const out = join(outdir, example);
  execFileSync(
    process.execPath,
    [
      '--import',
      'tsx',
      '-e',
      `const { mkdirSync } = require('node:fs'); mkdirSync(${JSON.stringify(out)}); require('./main.ts')`,
    ],
    {
      cwd: join(root, 'examples', example),
      env: { ...process.env, CDKTF_OUTDIR: out, TSX_TSCONFIG_PATH: join(root, 'tsconfig.json') },
      stdio: 'pipe',
    },
  );
  const stacks = join(out, 'stacks');
  return readdirSync(stacks).map((stack) => {
    const json: unknown = JSON.parse(readFileSync(join(stacks, stack, 'cdk.tf.json'), 'utf8'));
    return loadStack(stack, json);
  });
}

const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(root, 'examples', entry.name, 'main.ts')))
  .map(({ name }) => name);

test('every example is here', () => {
  expect(examples).toEqual(
    expect.arrayContaining(['dual-stack-dns', 'everything', 'fwmark-http-https', 'single-director']),
  );
});

test.each(examples)('%s is a project of its own', (example) => {
  const file = (name: string): string => readFileSync(join(root, 'examples', example, name), 'utf8');
  expect(JSON.parse(file('cdktf.json'))).toEqual({
    language: 'typescript',
    app: 'npx tsx main.ts',
    output: 'cdktf.out',
  });
  expect(JSON.parse(file('package.json'))).toMatchObject({
    name: example,
    private: true,
    dependencies: { lvsform: '^0.1.0', cdktf: '0.21.0', constructs: '^10.7.2' },
  });
  expect(file('README.md')).toContain('npx lvsform plan');
});

test.each(['a new project', ...examples])('%s asks for the packages that lvsform asks for: two copies are two types', (name) => {
  const parsed = (text: string) => JSON.parse(text) as { dependencies: Record<string, string> };
  const file = (path: string): string => readFileSync(join(root, path), 'utf8');
  const ours = parsed(file('package.json')).dependencies;
  const project = name === 'a new project' ? projectFiles('demo', '0.1.0')['package.json'] : undefined;
  const { lvsform, ...theirs } = parsed(project ?? file(`examples/${name}/package.json`)).dependencies;
  expect(lvsform).toBe('^0.1.0');
  expect(ours).toMatchObject(theirs);
}); // prettier-ignore

test('single-director: one NAT service', () => {
  const [stack] = run('single-director');
  expect(stack?.directors).toHaveLength(1);
  expect(stack?.directors[0]?.table.services[0]).toMatchObject({
    scheduler: 'wrr',
    realServers: [
      { address: '10.0.0.11', port: 8080, forwarding: 'masquerading', weight: 2 },
      { address: '10.0.0.12', port: 8080, forwarding: 'masquerading', weight: 1 },
    ],
  });
});

test('fwmark-http-https: one service for both ports, 3 to 1', () => {
  const [stack] = run('fwmark-http-https');
  expect(stack?.directors.map(({ director }) => director.name)).toEqual(['lb1', 'lb2']);
  for (const { table } of stack?.directors ?? []) {
    expect(table.marks).toEqual([
      expect.objectContaining({ protocol: 'tcp', destination: '192.168.74.88/32', ports: ['80', '443'], mark: 12 }),
    ]);
    expect(table.services).toEqual([
      expect.objectContaining({
        key: { by: 'fwmark', family: 'inet', mark: 12 },
        scheduler: 'wrr',
        realServers: [
          expect.objectContaining({ address: '192.168.74.129', weight: 3, forwarding: 'gatewaying' }),
          expect.objectContaining({ address: '192.168.74.133', weight: 1, forwarding: 'gatewaying' }),
        ],
      }),
    ]);
  }
});

test('dual-stack-dns: UDP one-packet and TCP over both families', () => {
  const [stack] = run('dual-stack-dns');
  const keys = stack?.directors[0]?.table.services.map(({ key, onePacket }) => [key, onePacket]);
  expect(keys).toEqual([
    [{ by: 'address', protocol: 'tcp', address: '192.0.2.53', port: 53 }, false],
    [{ by: 'address', protocol: 'udp', address: '192.0.2.53', port: 53 }, true],
    [{ by: 'address', protocol: 'tcp', address: '2001:db8::53', port: 53 }, false],
    [{ by: 'address', protocol: 'udp', address: '2001:db8::53', port: 53 }, true],
  ]);
});

test('everything: each scheduler, forwarding method, protocol, tunnel and kind of entry', () => {
  const [stack] = run('everything');
  const tables = stack?.directors.map(({ table }) => table) ?? [];
  const services = tables.flatMap((table) => table.services);
  const servers = services.flatMap(({ realServers }) => realServers);
  const seen = (values: unknown[]): unknown[] => [...new Set(values)].sort();
  expect(seen(services.map(({ scheduler }) => scheduler))).toEqual([...KNOWN_SCHEDULERS].sort());
  expect(seen(services.map(({ key }) => (key.by === 'address' ? key.protocol : key.family)))).toEqual(
    seen(['tcp', 'udp', 'sctp', 'inet', 'inet6']),
  );
  expect(seen(servers.map(({ forwarding }) => forwarding))).toEqual(['gatewaying', 'ipip', 'masquerading']);
  expect(seen(servers.flatMap(({ tunnel }) => tunnel?.type ?? []))).toEqual(['gre', 'gue', 'ipip']);
  expect(seen(tables.flatMap(({ daemons }) => daemons.map(({ role }) => role)))).toEqual(['backup', 'master']);
  expect(seen(tables.flatMap(({ timeouts }) => Object.keys(timeouts)))).toEqual(
    seen(['tcpSeconds', 'tcpFinSeconds', 'udpSeconds']),
  );
  expect(stack?.gates).toEqual([
    { address: 'null_resource.fleet-done', commands: [], after: ['lb1', 'lb2'], before: ['lab'] },
  ]);
});
