/** Types command lines: the built `bin/lvsform` in a folder and a home of its own. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const BIN = join(ROOT, 'bin', 'lvsform');

export interface Typed {
  code: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Folder below the workbench's own. */
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  stdin?: string;
  /** Sends SIGINT as soon as the output so far says so. */
  interruptWhen?: (output: string) => boolean;
}

/** A temporary folder with a home; programs in it find `lvsform` like those of a user who has not run npm install. */
export interface Workbench {
  path: string;
  home: string;
  write(name: string, text: string): string;
  /** Writes a project: `main.ts` and a `cdktf.json` that names it. */
  project(folder: string, program: string, files?: Readonly<Record<string, string>>): void;
  run(args: readonly string[], options?: RunOptions): Promise<Typed>;
  /** Output without what differs from run to run: folders, ports, keys. */
  normalise(text: string): string;
  remove(): void;
}

export function makeWorkbench(): Workbench {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'lvsform-cli-')));
  const home = join(path, 'home');
  const write = (name: string, text: string): string => {
    const file = join(path, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  mkdirSync(home);
  return {
    path,
    home,
    write,
    project: (folder, program, files = {}) => {
      const all = { 'cdktf.json': '{ "app": "npx tsx main.ts" }\n', 'main.ts': program, ...files };
      for (const [name, text] of Object.entries(all)) write(join(folder, name), text);
    },
    run: (args, { cwd = '', ...options } = {}) => runNode([BIN, ...args], join(path, cwd), home, options),
    normalise: (text) => normalise(text.replaceAll(path, 'TMP')),
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}

/** Runs node with nothing of the caller's environment that could change what is printed. */
export function runNode(
  args: readonly string[],
  cwd: string,
  home: string,
  { env = {}, stdin = '', interruptWhen }: Omit<RunOptions, 'cwd'> = {},
): Promise<Typed> {
  const child = spawn(process.execPath, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, USER: 'tester', ...env },
  });
  let [stdout, stderr, interrupted] = ['', '', false];
  const watch = (): void => {
    if (interrupted || interruptWhen?.(stdout + stderr) !== true) return;
    interrupted = true;
    child.kill('SIGINT');
  };
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    watch();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    watch();
  });
  // A command that ends without reading its input closes the pipe.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}

export function normalise(text: string): string {
  return (
    text
      .replaceAll(ROOT, 'LVSFORM')
      .replace(/127\.0\.0\.1(\]?):\d{2,5}/g, '127.0.0.1$1:PORT')
      .replace(/port \d{4,5}\b/g, 'port PORT')
      // Newer releases of Node.js say more about where JSON breaks.
      .replace(/ \(line \d+ column \d+\)/g, '')
      .replace(/SHA256:[A-Za-z0-9+/]+/g, 'SHA256:FINGERPRINT')
      .replace(/(ssh-ed25519|ssh-rsa) AAAA[A-Za-z0-9+/=]+/g, '$1 AAAA…')
  );
}

/** Maps with few calls in flight; the results come one by one. */
export function pooled<T, R>(items: readonly T[], limit: number, map: (item: T) => Promise<R>): Promise<R>[] {
  const lanes: Promise<unknown>[] = Array.from({ length: limit }, () => Promise.resolve());
  return items.map((item, at) => {
    const lane = at % limit;
    const result = (lanes[lane] ?? Promise.resolve()).then(() => map(item));
    lanes[lane] = result.catch(() => undefined);
    return result;
  });
}
