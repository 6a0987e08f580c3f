/** Which process uses which director: one file each, created atomically, so that any number of processes can share a lab. */
import { closeSync, openSync, readFileSync, statSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './vm';

let leases = 0;

/** Takes any free director, or says undefined. */
export function takeLease(runDir: string, names: readonly string[]): string | undefined {
  return restedFirst(runDir, names).find(
    (name) => take(fileOf(runDir, name)) || (bury(runDir, name) && take(fileOf(runDir, name))),
  );
}

export function giveBack(runDir: string, name: string): void {
  writeFileSync(`${fileOf(runDir, name)}.rested`, '');
  unlinkSync(fileOf(runDir, name));
}

/** The director given back longest ago has most likely been made anew by now. */
function restedFirst(runDir: string, names: readonly string[]): string[] {
  const since = new Map(
    names.map((name) => [name, statSync(`${fileOf(runDir, name)}.rested`, { throwIfNoEntry: false })?.mtimeMs ?? 0]),
  );
  return [...names].sort((a, b) => (since.get(a) ?? 0) - (since.get(b) ?? 0));
}

function fileOf(runDir: string, name: string): string {
  return join(runDir, 'leases', name);
}

function take(file: string): boolean {
  return create(file, `${process.pid}-${++leases}-${Date.now()}`);
}

/** Removes the lease of a process that died. Of several who notice, the one that makes the tombstone does it; tombstones stay. */
function bury(runDir: string, name: string): boolean {
  const file = fileOf(runDir, name);
  const holder = read(file);
  if (holder === undefined || holder === '' || isAlive(Number.parseInt(holder, 10))) return false;
  if (!create(`${file}.dead-${holder}`, '')) return false;
  unlinkSync(file);
  return true;
}

function create(file: string, content: string): boolean {
  try {
    const handle = openSync(file, 'wx');
    writeSync(handle, content);
    closeSync(handle);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined; // given back in between
  }
}
