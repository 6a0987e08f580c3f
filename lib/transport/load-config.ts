import { readdir } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../model';
import { errorText } from './error-facts';
import type { FileCache } from './file-cache';
import { isPattern, matchesPatterns } from './patterns';
import { type ConfigLine, parseSshConfig } from './ssh-config';

/** OpenSSH's own limit (readconf.c, READCONF_MAX_DEPTH). */
const MAX_DEPTH = 16;

/**
 * Reads a config file and the files it includes.
 *
 * @throws UsageError `ssh-config` when a file can't be read or includes nest too deep.
 */
export async function loadSshConfig(path: string, home: string, files: FileCache, depth = 0): Promise<ConfigLine[]> {
  if (depth > MAX_DEPTH) throw new UsageError('ssh-config', `${path}: Include nests deeper than ${MAX_DEPTH} files`);
  const lines = await files.read(path, parseSshConfig).catch((error: unknown) => {
    throw new UsageError('ssh-config', `${path} can not be read: ${errorText(error)}`, { cause: error });
  });
  // Asked for by every director of a fleet, so a plain one is handed out as it is.
  if (lines?.some(({ keyword }) => keyword === 'include') !== true) return lines ?? [];
  return Promise.all(
    lines.map(async (line) => {
      if (line.keyword !== 'include') return line;
      const paths = await Promise.all(line.args.map((pattern) => expand(includePath(pattern, home))));
      const included = await Promise.all(paths.flat().map((file) => loadSshConfig(file, home, files, depth + 1)));
      return { ...line, included };
    }),
  );
}

/** Relative names are relative to ~/.ssh, whoever includes them. */
function includePath(pattern: string, home: string): string {
  if (pattern === '~' || pattern.startsWith('~/')) return join(home, pattern.slice(1));
  return resolve(home, '.ssh', pattern);
}

/** Files a path with wildcards names, in alphabetical order. */
async function expand(path: string): Promise<string[]> {
  if (!isPattern(path)) return [path];
  const parent = dirname(path);
  const last = path.slice(parent === '/' ? 1 : parent.length + 1);
  const folders = await expand(parent);
  const found = await Promise.all(
    folders.map(async (folder) => {
      if (!isPattern(last)) return [join(folder, last)];
      const names = await readdir(folder).catch(() => []);
      return names
        .filter((name) => matchesPatterns(name, [last]) && (last.startsWith('.') || !name.startsWith('.')))
        .sort()
        .map((name) => join(folder, name));
    }),
  );
  return found.flat();
}
