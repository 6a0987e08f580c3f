'use strict';
// Makes a fresh checkout ready to run: dependencies as locked, then the build. Does nothing when both are up to date.
const { execSync } = require('node:child_process');
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const changedAt = (path) => (existsSync(path) ? statSync(path).mtimeMs : 0);

/** Time of the newest source file below a folder. */
function newest(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .reduce((latest, entry) => Math.max(latest, changedAt(join(entry.parentPath ?? entry.path, entry.name))), 0);
}

function run(command) {
  console.error(`$ ${command}`);
  execSync(command, { cwd: root, stdio: ['ignore', 2, 2] });
}

// Not `npm ci`: it refuses a lock file when a registry lacks a package for some other platform.
if (changedAt(join(root, 'package-lock.json')) > changedAt(join(root, 'node_modules/.package-lock.json')))
  run('npm install --no-save');

const built = changedAt(join(root, 'dist/.built'));
const sources = Math.max(
  newest(join(root, 'lib')),
  newest(join(root, 'providers')),
  changedAt(join(root, 'tsconfig.build.json')),
  ...['bundle-library', 'library-entry', 'bundle-provider', 'provider-entry'].map((name) =>
    changedAt(join(root, `tools/${name}.js`)),
  ),
  changedAt(join(root, 'package.json')),
);
if (sources > built) run("npm run --silent build && node -e \"require('fs').writeFileSync('dist/.built', '')\"");
