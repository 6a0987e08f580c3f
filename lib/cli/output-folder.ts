/**
 * The output of a program, such as `cdktf.out`. A program writes into a folder of its run's own, and what it wrote is put
 * in place afterwards: two runs in one project never read each other's.
 */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  rmdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { errorCode } from './errors';

/** Of a run that was killed. No program takes this long. */
const LEFT_OVER_AFTER_MS = 3_600_000;
/** Putting files in place takes milliseconds: who holds the place for longer was killed. */
const TAKE_PLACE_AFTER_MS = 10_000;
const MANIFEST = 'manifest.json';

/** A state, its backups and locks, and what `terraform init` keeps: written beside a stack's file, and not by a program. */
const TERRAFORMS_OWN = /^\.terraform|\.tfstate(?:$|[.-])|^terraform\.tfstate\.d$/;

/**
 * Makes a folder for one run, and removes it afterwards. It is as deep in the project as the output itself, because a
 * program may name its own files as seen from there.
 */
export async function withRunFolder<T>(outDir: string, run: (folder: string) => Promise<T>): Promise<T> {
  const home = dirname(outDir);
  const prefix = `.${basename(outDir)}.`;
  mkdirSync(home, { recursive: true });
  removeLeftOvers(home, prefix);
  const folder = mkdtempSync(join(home, prefix));
  try {
    // Git must not call the project dirty because of it.
    writeFileSync(join(folder, '.gitignore'), '*\n');
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function removeLeftOvers(home: string, prefix: string): void {
  for (const name of readdirSync(home)) {
    const folder = join(home, name);
    if (!name.startsWith(prefix) || !existsSync(join(folder, '.gitignore'))) continue;
    if (Date.now() - statSync(folder).mtimeMs > LEFT_OVER_AFTER_MS) rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Puts what a run wrote into the output folder, file by file and the manifest last. Stacks of before that it no longer has
 * go away; what Terraform keeps there stays.
 */
export async function putInPlace(folder: string, outDir: string): Promise<void> {
  mkdirSync(outDir, { recursive: true });
  await alone(join(outDir, '.lvsform-writes'), () => {
    const files = readdirSync(folder).filter((name) => name !== '.gitignore' && name !== MANIFEST);
    for (const name of files) place(join(folder, name), join(outDir, name));
    removeStale(join(folder, 'stacks'), join(outDir, 'stacks'));
    place(join(folder, MANIFEST), join(outDir, MANIFEST));
  });
}

/** One run at a time. */
async function alone(lock: string, run: () => void): Promise<void> {
  const startedMs = performance.now();
  while (!taken(lock)) {
    if (performance.now() - startedMs > TAKE_PLACE_AFTER_MS) break;
    await wait(10);
  }
  try {
    run();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function taken(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    return false;
  }
}

function place(from: string, to: string): void {
  const kind = lstatSync(from);
  const before = lstatSync(to, { throwIfNoEntry: false });
  if (kind.isDirectory()) {
    if (before !== undefined && !before.isDirectory()) rmSync(to);
    mkdirSync(to, { recursive: true });
    for (const name of readdirSync(from)) place(join(from, name), join(to, name));
    return;
  }
  if (before?.isDirectory() === true) rmSync(to, { recursive: true });
  // Whoever reads it meanwhile need not notice.
  if (kind.isFile() && before?.isFile() === true && readFileSync(from).equals(readFileSync(to))) return;
  const temporary = `${to}.${process.pid}.new`;
  rmSync(temporary, { force: true });
  if (kind.isSymbolicLink()) symlinkSync(readlinkSync(from), temporary);
  else copyFileSync(from, temporary);
  renameSync(temporary, to);
}

function removeStale(now: string, place: string): void {
  if (!existsSync(place)) return;
  for (const entry of readdirSync(place, { withFileTypes: true })) {
    const path = join(place, entry.name);
    const fresh = join(now, entry.name);
    if (TERRAFORMS_OWN.test(entry.name)) continue;
    if (!entry.isDirectory()) {
      if (!existsSync(fresh) && lstatSync(fresh, { throwIfNoEntry: false }) === undefined) rmSync(path);
      continue;
    }
    removeStale(fresh, path);
    if (!existsSync(fresh) && readdirSync(path).length === 0) rmdirSync(path);
  }
}
