'use strict';
// Makes dist/lvsform.js, all of the library and the command in one file, and the small files that package.json's "exports"
// name. Node.js takes longer to find and open 700 files than to run what is in them.
const { mkdirSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');
const { buildSync } = require('esbuild');

const root = join(__dirname, '..');
const bundle = join(root, 'dist', 'lvsform.js');

buildSync({
  entryPoints: [join(root, 'tools', 'library-entry.js')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20.10',
  // Names of classes are in messages.
  keepNames: true,
  legalComments: 'eof',
  // The program's own cdktf and constructs are to be the ones used; ssh2 has native code; tsx and yaml are often not needed.
  external: ['cdktf', 'constructs', 'ssh2', 'tsx', 'yaml'],
  logLevel: 'warning',
});

for (const [door, file] of [
  ['index', 'lib/index.js'],
  ['sim', 'lib/sim/index.js'],
  ['providers', 'providers/ipvs/index.js'],
]) {
  const way = file
    .split('/')
    .slice(1)
    .map(() => '..')
    .join('/');
  // ES modules learn the names from the last line, which Node.js reads and never runs.
  const names = Object.keys(require(bundle)[door]).join(', ');
  mkdirSync(dirname(join(root, 'dist', file)), { recursive: true });
  writeFileSync(
    join(root, 'dist', file),
    `'use strict';\nmodule.exports = require('${way}/lvsform.js').${door};\n0 && (module.exports = { ${names} });\n`,
  );
}
