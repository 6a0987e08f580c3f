'use strict';
// Makes the executable of the Terraform provider: one file for every platform that has node, and the package.json that
// keeps node from taking it for an ES module when it lies below somebody else's package.json.
const { chmodSync, mkdirSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { buildSync } = require('esbuild');

const root = join(__dirname, '..');
const { version, license } = require('../package.json');
const folder = join(root, 'dist', 'terraform-provider');
const executable = join(folder, `terraform-provider-ipvs_v${version}`);

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
buildSync({
  entryPoints: [join(root, 'tools', 'provider-entry.js')],
  outfile: executable,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.10',
  minify: true,
  keepNames: true,
  legalComments: 'none',
  banner: { js: '#!/usr/bin/env node' },
  define: { 'process.env.LVSFORM_PROVIDER_VERSION': JSON.stringify(version) },
  // Native speed-ups of ssh2, which does without; and what grpc-js needs for channelz only.
  external: ['*.node', 'cpu-features', '@grpc/proto-loader'],
  logLevel: 'warning',
});
chmodSync(executable, 0o755);
writeFileSync(
  join(folder, 'package.json'),
  `${JSON.stringify({ name: 'terraform-provider-ipvs', version, license, type: 'commonjs', private: true })}\n`,
);
