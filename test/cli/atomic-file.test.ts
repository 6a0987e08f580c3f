import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkWritable, writeAtomically } from '../../lib/cli/atomic-file';

const folder = mkdtempSync(join(tmpdir(), 'lvsform-atomic-'));
const at = (name: string): string => join(folder, name);
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test('a pipe or a device is no file to be replaced', () => {
  execFileSync('mkfifo', [at('pipe')]);
  symlinkSync('/dev/null', at('null'));
  for (const path of [at('pipe'), at('null'), '/dev/null']) {
    const problem = `${path} can't be written: it is a device, a pipe or a socket, and a file would take its place`;
    expect(() => {
      checkWritable(path);
    }).toThrow(problem);
    // Not of the real device, should this ever fail.
    if (path !== '/dev/null')
      expect(() => {
        writeAtomically(path, 'text');
      }).toThrow(problem);
  }
  expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
  expect(lstatSync(at('null')).isSymbolicLink()).toBe(true);
});

test('a link stays one, and the file it names is replaced, or made', () => {
  mkdirSync(at('there'));
  writeFileSync(at('there/old.json'), 'old');
  symlinkSync('there/old.json', at('old'));
  symlinkSync('there/new.json', at('new'));
  for (const name of ['old', 'new']) {
    checkWritable(at(name));
    writeAtomically(at(name), `text of ${name}`);
    expect(lstatSync(at(name)).isSymbolicLink()).toBe(true);
    expect(readFileSync(at(`there/${name}.json`), 'utf8')).toBe(`text of ${name}`);
    expect(statSync(at(name)).mode & 0o777).toBe(0o600);
  }
  expect(readdirSync(at('there')).sort()).toEqual(['new.json', 'old.json']);
});
