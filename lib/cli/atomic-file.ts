import { randomBytes } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../model';

/** Refuses a file that could not be written, before there is anything to lose. @throws UsageError `not-writable` */
export function checkWritable(path: string): void {
  guarded(path, () => {
    accessSync(dirname(replaceable(path)), constants.W_OK);
  });
}

/** Writes a file for its owner only. Whoever reads it meanwhile sees the old file or the new one, never a part. @throws UsageError `not-writable` */
export function writeAtomically(path: string, text: string): void {
  guarded(path, () => {
    const target = replaceable(path);
    const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
    try {
      const file = openSync(temporary, 'wx', 0o600);
      try {
        writeFileSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, target);
    } catch (error) {
      rmSync(temporary, { force: true });
      throw error;
    }
  });
}

/**
 * The file that a name stands for, behind links. Only a file may be replaced by another: `/dev/null` would be one
 * afterwards, for everybody.
 */
function replaceable(path: string): string {
  const now = statSync(path, { throwIfNoEntry: false });
  if (now?.isDirectory() === true) throw new Error('it is a folder');
  if (now?.isFile() === false) throw new Error('it is a device, a pipe or a socket, and a file would take its place');
  if (now !== undefined) return realpathSync(path);
  // A link whose file is still to be made.
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true;
  return isLink ? resolve(realpathSync(dirname(path)), readlinkSync(path)) : path;
}

function guarded(path: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError('not-writable', `${path} can't be written: ${reason}`, { cause: error });
  }
}
