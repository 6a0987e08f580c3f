/**
 * Runs the user's program. `npx tsx main.ts` and the like run in this process, through tsx: no second Node.js to start,
 * and errors keep the user's lines. Any other `app` of cdktf.json is run as it is, by the shell, as cdktf does.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LvsformError, UsageError } from '../model';
import { errorCode } from './errors';
import { loadingLater } from './later-package';
import { runLoudly } from './shell';

const TYPESCRIPT_APP =
  /^(?:npx (?:--?[\w-]+ )*)?(?:tsx|ts-node(?:-esm)?|node) (?:--?[\w-]+ )*([^\s"'$&|;<>]+\.[mc]?[tj]s)$/;

const EVERY_PROGRAM_NEEDS = ['cdktf', 'lvsform'];

/**
 * Half the time of loading cdktf goes into these. It zips assets with the one, in a process of its own, and compares
 * versions of terraform with the other.
 */
const SELDOM_USED_BY_CDKTF = ['archiver', 'semver'];

/** The file an `app` command runs, when it is one we can run in this process. */
export function appFile(app: string): string | undefined {
  return TYPESCRIPT_APP.exec(app.trim())?.[1];
}

/**
 * Runs a program so that it synthesizes into `outDir`.
 *
 * @param more what it finds in its environment besides
 * @throws UsageError, or what the library throws in the program
 */
export async function runApp(
  app: string,
  cwd: string,
  outDir: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const environment = { ...more, CDKTF_OUTDIR: outDir, CDKTF_CONTINUE_SYNTH_ON_ERROR_ANNOTATIONS: '1' };
  const file = appFile(app);
  if (file === undefined) {
    runCommand(app, cwd, environment);
    return;
  }
  const path = resolve(cwd, file);
  if (!existsSync(path))
    throw new UsageError('no-app', `the program ${path} does not exist`, {
      hint: 'give it with --app FILE, or as "app" in cdktf.json',
    });
  Object.assign(process.env, environment);
  await withUserCode('program', path, cwd, EVERY_PROGRAM_NEEDS, async () => {
    await synthesized(join(outDir, 'manifest.json'));
  });
}

/**
 * What a TypeScript or JavaScript file of the user's exports. It is loaded like a program.
 *
 * @param what what messages call it, e.g. `policy file`
 * @param path absolute
 * @throws UsageError `no-file`, `app-failed`, or what the library throws in the module
 */
export async function loadModule(what: string, path: string, cwd: string): Promise<Record<string, unknown>> {
  if (!existsSync(path)) throw new UsageError('no-file', `the ${what} ${path} does not exist`);
  let exported: unknown;
  await withUserCode(what, path, cwd, [], (module) => {
    exported = module;
    return Promise.resolve();
  });
  return typeof exported === 'object' && exported !== null ? (exported as Record<string, unknown>) : {};
}

/** Runs a file of the user's in this process, and waits for `then` while everything it needs is still there. */
async function withUserCode(
  what: string,
  path: string,
  cwd: string,
  needs: readonly string[],
  then: (exported: unknown) => Promise<void>,
): Promise<void> {
  printToStderr();
  outliveUserCode();
  const code: UserCode = { what, isDone: false };
  const undo: (() => void)[] = [enterFolder(cwd), resolveFromHere()];
  try {
    await userCode.run(code, () =>
      withStrayErrors(async () => {
        const { exported, unregister } = await importFile(path, needs);
        undo.push(unregister);
        await then(exported);
      }),
    );
    code.isDone = true;
  } catch (error) {
    if (error instanceof ProgramExit && error.exitCode === 0) return;
    if (error instanceof LvsformError) throw error;
    // Told while tsx is still there to say which line of TypeScript it was.
    throw describe(error, what, path);
  } finally {
    for (const step of undo.reverse()) step();
  }
}

function runCommand(app: string, cwd: string, environment: Record<string, string>): void {
  const problem = runLoudly(app, { cwd, env: { ...process.env, ...environment } }, (text) =>
    process.stderr.write(text),
  );
  if (problem !== undefined) throw new UsageError('app-failed', `the program ${problem}: ${app}`);
}

interface Imported {
  exported: unknown;
  /** Takes back what makes TypeScript run. */
  unregister: () => void;
}

/** Starts a program. */
async function importFile(path: string, needs: readonly string[]): Promise<Imported> {
  if (/^\.m[tj]s$/.test(extname(path))) return { exported: await importModule(path), unregister: () => undefined };
  loadPlainly(path, needs);
  const { register } = await import('./typescript.js');
  const unregister = register();
  let exported: unknown;
  try {
    exported = createRequire(path)(path);
  } catch (error) {
    if (!ESM_ONLY.includes(errorCode(error) ?? '')) {
      // Its lines are looked up when they are first asked for, which has to be before tsx is gone.
      if (error instanceof Error) Reflect.get(error, 'stack');
      unregister();
      throw error;
    }
    exported = await importModule(path);
  }
  return {
    exported,
    unregister: () => {
      unregister();
    },
  };
}

/**
 * Loads packages as the file will find them, before tsx is there: it reads every file that is loaded, which takes as long
 * again as loading it, and these are hundreds of files of plain JavaScript.
 */
function loadPlainly(path: string, packages: readonly string[]): void {
  const load = createRequire(path);
  for (const name of packages) {
    try {
      loadingLater(SELDOM_USED_BY_CDKTF, () => {
        load(name);
      });
    } catch {
      // The program will meet the same, and knows its line.
    }
  }
}

const ESM_ONLY = ['ERR_REQUIRE_ESM', 'ERR_REQUIRE_ASYNC_MODULE'];

async function importModule(path: string): Promise<unknown> {
  const { tsImport } = await import('tsx/esm/api');
  return (await tsImport(pathToFileURL(path).href, __filename)) as unknown;
}

/** A program may synthesize after an await: waits until it has, or until nothing is left that could make it. */
function synthesized(manifest: string, limitMs = 60_000): Promise<void> {
  return new Promise((resolve) => {
    const startedMs = Date.now();
    const done = (): void => {
      clearInterval(poll);
      process.off('beforeExit', done);
      resolve();
    };
    const look = (): void => {
      if (existsSync(manifest) || Date.now() - startedMs > limitMs) done();
    };
    const poll = setInterval(look, 20);
    // Not what keeps the process alive: when only this is left, the program is over.
    poll.unref();
    process.once('beforeExit', done);
    // Not at once: promises the program forgot to await are rejected before this.
    setImmediate(look);
  });
}

/** Errors that nobody in the program catches are its failure, not a crash of ours. */
function withStrayErrors(run: () => Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const events = ['uncaughtException', 'unhandledRejection'] as const;
    for (const event of events) process.on(event, reject);
    void run()
      .then(resolve, reject)
      .finally(() => {
        for (const event of events) process.off(event, reject);
      });
  });
}

/** The program called process.exit: it is over, we are not. */
class ProgramExit extends Error {
  constructor(readonly exitCode: number) {
    super(`ended with exit code ${exitCode}`);
  }
}

interface UserCode {
  /** What messages call it. */
  what: string;
  /** What it fails at from now on comes too late to be its outcome. */
  isDone: boolean;
}

/** Whose code is running: a timer or a promise that a program leaves behind is still the program's. */
const userCode = new AsyncLocalStorage<UserCode>();

let outlives = false;

/**
 * From now on user code ends neither this process nor what we do after it: `main().then(() => process.exit())` is called
 * when the stacks are there already and directors are being changed.
 */
function outliveUserCode(): void {
  if (outlives) return;
  outlives = true;
  const exit = process.exit.bind(process);
  // With undefined as its argument, process.exit() forgets process.exitCode.
  process.exit = (...codes) => {
    if (userCode.getStore() === undefined) exit(...codes);
    throw new ProgramExit(Number(codes[0] ?? process.exitCode ?? 0));
  };
  const onStray = (error: unknown): void => {
    const code = userCode.getStore();
    if (code === undefined) {
      process.off('uncaughtException', onStray);
      // Ours, and nothing to go on with: what Node.js does by itself.
      process.nextTick(() => {
        throw error;
      });
    } else if (code.isDone && !(error instanceof ProgramExit && error.exitCode === 0)) {
      const text = error instanceof Error ? error.message : String(error);
      process.stderr.write(`warning: the ${code.what} failed after it was done: ${text}\n`);
    }
  };
  process.on('uncaughtException', onStray);
}

/** What a program threw, and the first of its own lines. */
function describe(error: unknown, what: string, path: string): UsageError {
  if (error instanceof ProgramExit)
    return new UsageError('app-failed', `the ${what} ended itself with exit code ${error.exitCode}`, { cause: error });
  const text = error instanceof Error ? error.message : String(error);
  const at = error instanceof Error ? ownLine(error.stack ?? '', dirname(path)) : undefined;
  const missing = /^Cannot find (?:module|package) '([^']+)'/.exec(text);
  if (missing !== null) {
    const name = missing[1] ?? '';
    const hint = /^[./]/.test(name) ? 'paths are relative to the file that imports them' : `npm install ${name}`;
    return new UsageError('app-failed', `the ${what} imports '${name}', which does not exist`, { hint, cause: error });
  }
  const where = at === undefined || text.includes(at) ? '' : ` (${at})`;
  return new UsageError('app-failed', `the ${what} ${path} failed: ${text}${where}`, { cause: error });
}

/** `main.ts:3:7`, relative to the folder of the program. */
function ownLine(stack: string, folder: string): string | undefined {
  const frames = stack.split('\n').filter((line) => /^\s+at /.test(line) && !line.includes('node_modules'));
  const place = frames
    .map((line) => line.slice(line.indexOf(`${folder}${sep}`)))
    .find((line) => line.startsWith(folder));
  return place?.slice(folder.length + 1).replace(/\)$/, '');
}

type Resolve = (request: string, ...rest: unknown[]) => string;

const OURS = /^(?:lvsform|cdktf|constructs|@cdktf\/provider-null)(?:\/|$)/;

/**
 * A program whose folder has no node_modules yet finds lvsform, cdktf and constructs where this command has them, so that
 * `lvsform init` gives a project that works at once. What is installed beside the program always wins.
 *
 * @returns takes the fallback away again
 */
function resolveFromHere(): () => void {
  const loader = Module as unknown as { _resolveFilename: Resolve };
  const original = loader._resolveFilename;
  const here = createRequire(__filename);
  loader._resolveFilename = function (request, ...rest) {
    try {
      return original.call(this, request, ...rest);
    } catch (error) {
      if (!OURS.test(request)) throw error;
      // The package refers to itself by name through its "exports".
      return original.call(this, here.resolve(request), ...rest);
    }
  };
  return () => {
    loader._resolveFilename = original;
  };
}

/** @returns goes back */
function enterFolder(cwd: string): () => void {
  const before = process.cwd();
  process.chdir(cwd);
  return () => {
    process.chdir(before);
  };
}

/**
 * What the program prints, also later from a timer, must not get into `--format json`. Our own output has its own way
 * out: see {@link processIo}.
 */
function printToStderr(): void {
  process.stdout.write = process.stderr.write.bind(process.stderr);
}
