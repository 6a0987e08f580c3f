'use strict';
// The provider as it is distributed: a filesystem mirror for closed networks, and the files of a registry release. One
// script runs everywhere node does, so every platform gets the same one.
const { Buffer } = require('node:buffer');
const { createHash } = require('node:crypto');
const { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { zipSync } = require('fflate');

const HOSTS = ['registry.terraform.io', 'registry.opentofu.org'];
const PLATFORMS = ['linux_amd64', 'linux_arm64', 'darwin_amd64', 'darwin_arm64'];
const MANIFEST = { version: 1, metadata: { protocol_versions: ['6.0'] } };
const UNIX = 3;
/** The same content gives the same zip, on any day. */
const MTIME = new Date(Date.UTC(2024, 0, 1));

const root = join(__dirname, '..');
const { version } = require('../package.json');
const built = join(root, 'dist', 'terraform-provider');
const mirror = join(root, 'dist', 'terraform-mirror');
const release = join(root, 'dist', 'terraform-release');
for (const folder of [mirror, release]) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

for (const host of HOSTS)
  for (const platform of PLATFORMS)
    cpSync(built, join(mirror, host, 'lvsform', 'ipvs', version, platform), { recursive: true });

const files = Object.fromEntries(
  readdirSync(built).map((name) => {
    // Core runs what it unpacks: without the execute bit it can't.
    const mode = name.startsWith('terraform-provider-') ? 0o100755 : 0o100644;
    return [name, [readFileSync(join(built, name)), { os: UNIX, attrs: (mode << 16) >>> 0, mtime: MTIME, level: 9 }]];
  }),
);
const zip = zipSync(files);
const stem = `terraform-provider-ipvs_${version}`;
const written = new Map(PLATFORMS.map((platform) => [`${stem}_${platform}.zip`, zip]));
written.set(`${stem}_manifest.json`, Buffer.from(`${JSON.stringify(MANIFEST)}\n`));
const sums = [...written].map(([name, content]) => `${createHash('sha256').update(content).digest('hex')}  ${name}\n`);
for (const [name, content] of [...written, [`${stem}_SHA256SUMS`, sums.join('')]])
  writeFileSync(join(release, name), content);
