/** The files an `Include` of an SSH configuration names. */
import { readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Files in alphabetical order; a name without wildcards need not exist. Relative names are relative to ~/.ssh, whoever
 * includes them.
 */
export function includedFiles(name: string, home: string): string[] {
  return expand(name === '~' || name.startsWith('~/') ? join(home, name.slice(1)) : resolve(home, '.ssh', name));
}

const isGlob = (path: string): boolean => /[*?[]/.test(path);

function expand(path: string): string[] {
  if (!isGlob(path)) return [path];
  const parent = dirname(path);
  const last = path.slice(parent === '/' ? 1 : parent.length + 1);
  const folders = expand(parent);
  if (!isGlob(last)) return folders.map((folder) => join(folder, last));
  const pattern = toRegExp(last);
  return folders.flatMap((folder) =>
    namesIn(folder)
      .filter((name) => pattern.test(name) && (last.startsWith('.') || !name.startsWith('.')))
      .sort()
      .map((name) => join(folder, name)),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** A pattern of glob(7): `*`, `?`, `[0-9]`, `[!a]`. */
function toRegExp(glob: string): RegExp {
  const source = glob.replace(/\[!?\]?[^\]]*\]|[\s\S]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    if (part.length === 1) return part.replace(/[.+^${}()|[\]\\]/, '\\$&');
    const [negated, set] = part.startsWith('[!') ? ['^', part.slice(2, -1)] : ['', part.slice(1, -1)];
    return `[${negated}${set.replace(/[\]\\^[]/g, '\\$&')}]`;
  });
  return new RegExp(`^${source}$`, 's');
}
