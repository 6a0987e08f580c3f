'use strict';
// Makes the Terraform provider for every platform that has node: the executable, which holds no more than the handshake
// needs, since compiling the rest would take longer than the handshake itself; that rest, which it loads with the first
// call; and the package.json that keeps node from taking them for ES modules below somebody else's package.json.
const { chmodSync, mkdirSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { buildSync } = require('esbuild');

const root = join(__dirname, '..');
const { version, license } = require('../package.json');
const folder = join(root, 'dist', 'terraform-provider');
const executable = join(folder, `terraform-provider-ipvs_v${version}`);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const common = {
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.10',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  logLevel: 'warning',
};
buildSync({
  ...common,
  entryPoints: [join(root, 'tools', 'provider-entry.js')],
  outfile: executable,
  banner: { js: '#!/usr/bin/env node' },
  // Modules rather than CommonJS: of those, what is not used can be left out.
  mainFields: ['module', 'main'],
  define: { 'process.env.LVSFORM_PROVIDER_VERSION': JSON.stringify(version) },
  supported: { 'dynamic-import': false },
  // What grpc-js needs for channelz only.
  external: ['./provider.js', '@grpc/proto-loader'],
});
buildSync({
  ...common,
  entryPoints: [join(root, 'providers', 'terraform', 'provider.ts')],
  outfile: join(folder, 'provider.js'),
  // Native speed-ups of ssh2, which does without.
  external: ['*.node', 'cpu-features'],
});
chmodSync(executable, 0o755);
writeFileSync(
  join(folder, 'package.json'),
  `${JSON.stringify({ name: 'terraform-provider-ipvs', version, license, type: 'commonjs', private: true })}\n`,
);
