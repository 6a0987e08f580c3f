import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * Which room may import which: the architecture's teeth. A room is a folder of lib or providers, or a file directly in
 * lib. Packages are named as they are imported; `node:` modules are allowed at the edges only.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  'lib/model': ['zod', 'ipaddr.js', 'node:crypto'],
  'lib/dialect': ['lib/model'],
  'lib/plan': ['lib/model'],
  'lib/report': ['lib/model'],
  'lib/artefact': ['lib/model', 'zod'],
  'lib/transport': ['lib/model', 'node-ssh', 'ssh2', 'ssh-config', 'node:*'],
  'lib/apply': ['lib/model', 'lib/dialect', 'lib/plan', 'lib/transport', 'node:timers/promises'],
  // The decisions (rollout-state.ts) do no IO; what is done to a director is handed in.
  'lib/fleet': ['lib/model', 'lib/apply', 'node:timers/promises'],
  'lib/terraform.ts': ['cdktf'],
  'providers/ipvs': ['lib/model', 'lib/terraform.ts', 'constructs', 'zod', 'node:*'],
  // Reads files while a program runs: synchronous, and of transport only how SSH configurations are read.
  'lib/inventory': ['lib/model', 'lib/transport', 'yaml', 'node:*'],
  'lib/constructs': [
    'lib/model',
    'lib/inventory',
    'lib/terraform.ts',
    'providers/ipvs',
    'constructs',
    '@cdktf/provider-null',
    'zod',
    'node:*',
  ],
  'lib/sim': ['lib/model', 'lib/dialect', 'ssh2', 'node:*'],
  'lib/pipeline': [
    'lib/model',
    'lib/dialect',
    'lib/plan',
    'lib/apply',
    'lib/fleet',
    'lib/transport',
    'lib/artefact',
    'node:timers/promises',
  ],
  // Who runs lvsform: asks git and the environment.
  'lib/author.ts': ['lib/model', 'node:*'],
  'providers/terraform': [
    'lib/model',
    'lib/artefact',
    'lib/apply',
    'lib/plan',
    'lib/transport',
    'lib/pipeline',
    'lib/author.ts',
    '@grpc/grpc-js',
    '@bufbuild/protobuf',
    '@msgpack/msgpack',
    '@peculiar/x509',
    'reflect-metadata',
    'zod',
    'node:*',
  ],
  'lib/cli': [
    'lib/author.ts',
    'lib/model',
    'lib/dialect',
    'lib/report',
    'lib/artefact',
    'lib/apply',
    'lib/transport',
    'lib/sim',
    'lib/pipeline',
    'cli-progress',
    'commander',
    'picocolors',
    'tsx',
    'zod',
    'lvsform',
    'node:*',
  ],
  'lib/index.ts': ['lib/model', 'lib/constructs', 'lib/pipeline', 'lib/artefact', 'lib/report', 'lib/transport'],
};

/** Packages that one file alone may import. */
const ONE_FILE: Record<string, string> = { cdktf: 'lib/terraform.ts', 'node-ssh': 'lib/transport/library.ts' };

const root = resolve(__dirname, '..');
const files = ['lib', 'providers'].flatMap((top) =>
  readdirSync(join(root, top), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(top, name)),
);

function roomOf(path: string): string {
  const [top = '', second = ''] = path.split('/');
  return `${top}/${second}`;
}

function importsOf(file: string): { path: string; typeOnly: boolean }[] {
  const text = readFileSync(join(root, file), 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(import|export)( type)?[^;'"]*?from '([^']+)'|import\('([^']+)'\)|^import '([^']+)'/gm,
    ),
  ].map((match) => ({
    path: match[3] ?? match[4] ?? match[5] ?? '',
    typeOnly: match[2] !== undefined,
  }));
}

function target(file: string, path: string): string {
  if (!path.startsWith('.'))
    return path.startsWith('node:')
      ? path
      : path
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/');
  const resolved = relative(root, resolve(root, dirname(file), path)).replace(/\.js$/, '');
  return files.includes(`${resolved}.ts`) && resolved.split('/').length === 2 ? `${resolved}.ts` : roomOf(resolved);
}

test('every import is allowed by the table', () => {
  const offences = files.flatMap((file) => {
    const allowed = MAY_IMPORT[roomOf(file)];
    if (allowed === undefined) return [`${file} is in a room the table does not know`];
    return importsOf(file)
      .map(({ path }) => target(file, path))
      .filter(
        (name) =>
          name !== roomOf(file) && !allowed.includes(name) && !(name.startsWith('node:') && allowed.includes('node:*')),
      )
      .map((name) => `${file} imports ${name}`);
  });
  expect(offences).toEqual([]);
});

test('packages behind a seam are imported by one file', () => {
  const offences = files.flatMap((file) =>
    importsOf(file)
      .filter(({ path, typeOnly }) => !typeOnly && ONE_FILE[path] !== undefined && ONE_FILE[path] !== file)
      .map(({ path }) => `${file} imports ${path}`),
  );
  expect(offences).toEqual([]);
});

test('only the command line prints', () => {
  const printing = files.filter(
    (file) =>
      roomOf(file) !== 'lib/cli' &&
      /\bconsole\.|process\.std(?:out|err)\b/.test(readFileSync(join(root, file), 'utf8')),
  );
  expect(printing).toEqual([]);
});
