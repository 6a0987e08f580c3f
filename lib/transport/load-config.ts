import { UsageError } from '../model';
import { errorText } from './error-facts';
import type { FileCache } from './file-cache';
import { includedFiles } from './included-files';
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
      const paths = line.args.flatMap((name) => includedFiles(name, home));
      const included = await Promise.all(paths.map((file) => loadSshConfig(file, home, files, depth + 1)));
      return { ...line, included };
    }),
  );
}
