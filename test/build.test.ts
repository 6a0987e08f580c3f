/** What package.json's "exports" lead to: the built library, one file behind all of them. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import * as library from '../lib';
import * as sim from '../lib/sim';
import * as bindings from '../providers/ipvs';

const ROOT = join(__dirname, '..');

function node(kind: 'module' | 'commonjs', script: string): unknown {
  const args = [`--input-type=${kind}`, '-e', `${script}; console.log(JSON.stringify(result))`];
  return JSON.parse(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }));
}

test('ES modules find every name', () => {
  const doors = { lvsform: library, 'lvsform/sim': sim, 'lvsform/providers/ipvs': bindings };
  const imports = Object.keys(doors).map((name, at) => `import * as door${at} from '${name}'`);
  const names = node('module', `${imports.join('; ')}; const result = [door0, door1, door2].map((door) => Object.keys(door))`); // prettier-ignore
  expect((names as string[][]).map((found) => found.filter((name) => !EXTRA.has(name)).sort())).toEqual(
    Object.values(doors).map((door) => Object.keys(door).sort()),
  );
});

/** What Node.js adds to a CommonJS module that is imported. */
const EXTRA = new Set(['default', 'module.exports']);

test('all doors lead to the same classes', () => {
  const script = `
    const { Director, LvsformError, Scheduler } = require('lvsform');
    const { EachDirector } = require('lvsform/providers/ipvs');
    let thrown;
    try { Scheduler.of('nonsense scheduler') } catch (error) { thrown = error }
    const built = require('./dist/lvsform.js');
    const result = [Director === built.index.Director, thrown instanceof LvsformError,
      EachDirector === built.providers.EachDirector]`;
  expect(node('commonjs', script)).toEqual([true, true, true]);
});
