import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileCache } from '../../lib/transport/file-cache';

const folder = mkdtempSync(join(tmpdir(), 'lvsform-cache-'));
const path = join(folder, 'file');
afterAll(() => {
  rmSync(folder, { recursive: true });
});

let parsed: string[] = [];
const parse = (text: string): string => {
  parsed.push(text);
  return text.toUpperCase();
};
beforeEach(() => {
  parsed = [];
  writeFileSync(path, 'one');
});

test('many at once read a file once', async () => {
  const files = new FileCache();
  expect(await Promise.all([1, 2, 3].map(() => files.read(path, parse)))).toEqual(['ONE', 'ONE', 'ONE']);
  expect(parsed).toEqual(['one']);
});

test('a file is read again when it changed, and only then', async () => {
  const files = new FileCache(0);
  await files.read(path, parse);
  await files.read(path, parse);
  writeFileSync(path, 'three');
  expect(await files.read(path, parse)).toBe('THREE');
  expect(parsed).toEqual(['one', 'three']);
});

test('a file that comes and goes', async () => {
  const files = new FileCache(0);
  rmSync(path);
  expect(await files.read(path, parse)).toBeUndefined();
  writeFileSync(path, 'back');
  expect(await files.read(path, parse)).toBe('BACK');
});

test('devices, folders and impossible paths are no files', async () => {
  const files = new FileCache();
  for (const other of ['/dev/null', folder, join(path, 'below')])
    expect(await files.read(other, parse)).toBeUndefined();
});

test('another parser of the same file has a result of its own', async () => {
  const files = new FileCache();
  expect(await files.read(path, parse)).toBe('ONE');
  expect(await files.read(path, (text) => text.length)).toBe(3);
});
