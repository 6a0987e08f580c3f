import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { UsageError } from '../model';

/**
 * What somebody saved of a director: a file, or `-` for standard input. Windows saves as UTF-16, or with a byte order
 * mark in front.
 *
 * @throws UsageError when there is no such file
 */
export function readText(file: string, cwd: string): string {
  const bytes = file === '-' ? readFileSync(0) : readFileSync(existingFile(resolve(cwd, file)));
  return new TextDecoder(bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : 'utf-8').decode(bytes);
}

function existingFile(path: string): string {
  if (!existsSync(path)) throw new UsageError('no-file', `${path} does not exist`);
  if (statSync(path).isDirectory()) throw new UsageError('no-file', `${path} is a folder`, { hint: 'say which file' });
  return path;
}
