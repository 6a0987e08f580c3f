import { readFile, stat } from 'node:fs/promises';
import { errorField } from './error-facts';

interface Entry {
  parse: unknown;
  lookedAtMs: number;
  found: Promise<Found | undefined>;
}

interface Found {
  /** Tells whether the file changed. */
  stamp: string;
  value: unknown;
}

/**
 * Files read once, and again when they changed. One per connector: hundreds of directors, most of them at once, want
 * the same few files.
 */
export class FileCache {
  private readonly entries = new Map<string, Entry>();

  /** @param recheckMs how long a file is taken to be unchanged without looking */
  constructor(private readonly recheckMs = 1000) {}

  /**
   * What `parse` makes of a file.
   *
   * @returns undefined when there is no such file, or it is no plain file (/dev/null).
   * @throws whatever reading throws otherwise, e.g. EACCES.
   */
  async read<T>(path: string, parse: (text: string, path: string) => T): Promise<T | undefined> {
    let entry = this.entries.get(path);
    if (entry?.parse !== parse) entry = undefined;
    if (entry === undefined || Date.now() - entry.lookedAtMs >= this.recheckMs) {
      entry = { parse, lookedAtMs: Date.now(), found: look(path, parse, entry?.found) };
      this.entries.set(path, entry);
    }
    const found = await entry.found;
    return found?.value as T | undefined;
  }
}

async function look(
  path: string,
  parse: (text: string, path: string) => unknown,
  before: Promise<Found | undefined> | undefined,
): Promise<Found | undefined> {
  const stats = await stat(path).catch(absent);
  if (!stats?.isFile()) return undefined;
  const stamp = `${stats.mtimeMs} ${stats.size} ${stats.ino}`;
  const known = await before?.catch(() => undefined);
  if (known?.stamp === stamp) return known;
  return { stamp, value: parse(await readFile(path, 'utf8'), path) };
}

function absent(error: unknown): undefined {
  const code = errorField(error, 'code');
  if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
  throw error;
}
