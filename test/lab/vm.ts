/** The virtual machine: found or made ready, booted, described in a state file other processes attach through, ended. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

/** What another process needs to use a lab that is running. */
export interface VmState {
  readonly pid: number;
  /** Leases, console log and this state live here. */
  readonly runDir: string;
  readonly acceleration: string;
  readonly kernel: string;
  readonly identityFile: string;
  readonly control: Endpoint;
  readonly directors: Readonly<Record<string, Endpoint>>;
  readonly bootMs: number;
}

export interface Endpoint {
  readonly port: number;
  /** 'ecdsa-sha2-nistp256 AAAA…' */
  readonly hostKey: string;
}

export interface Vm {
  readonly state: VmState;
  readonly stateFile: string;
  readonly stop: () => void;
}

const HERE = __dirname;
export const SETUP = join(HERE, 'setup');
const BOOT_TIMEOUT_MS = 120_000;

export function cacheDir(): string {
  return (
    process.env['LVSFORM_LAB_DIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'lvsform-lab')
  );
}

/** The image to boot, or undefined when setup has to run first. */
export function findBuild(): string | undefined {
  const check = spawnSync(SETUP, ['--check'], { encoding: 'utf8' });
  return check.status === 0 ? check.stdout.trim() : undefined;
}

/** Why setup can't run here without a person, or undefined when it can. */
export function whyNotUnattended(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    return `this is ${process.platform} on ${process.arch}, not linux on x64`;
  const release = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  if (!/^ID(_LIKE)?=.*debian/m.test(release)) return 'this system is not of the Debian family';
  if (process.getuid?.() !== 0) return 'it is not set up, and only root can do that';
  return undefined;
}

/** Runs setup if it has to; its messages go to this process's stderr. */
export function makeReady(): string {
  const ready = findBuild();
  if (ready !== undefined) return ready;
  execFileSync(SETUP, [], { stdio: ['ignore', 2, 2] });
  const build = findBuild();
  if (build === undefined) throw new Error(`${SETUP} ended well, but did not leave a build`);
  return build;
}

/** Boots the lab. It ends with stop(), and in any case with this process. 24: a fleet of sixteen, and what runs beside it. */
export async function bootVm(directors = 24): Promise<Vm> {
  const build = makeReady();
  const begin = Date.now();
  const runs = join(cacheDir(), 'run');
  mkdirSync(runs, { recursive: true });
  removeStale(runs);
  const runDir = mkdtempSync(join(runs, `${process.pid}-`));
  const console = join(runDir, 'console.log');
  mkdirSync(join(runDir, 'leases'));
  writeFileSync(console, '');

  const child = spawn(join(HERE, 'host', 'qemu'), [build, console, String(directors)], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let complaint = '';
  child.stderr.on('data', (data: Buffer) => (complaint += data.toString()));
  const stop = (): void => {
    process.removeListener('exit', stop);
    child.kill('SIGKILL');
    rmSync(runDir, { recursive: true, force: true });
  };
  process.once('exit', stop);

  try {
    const [forwards] = await Promise.all([readForwards(child), ready(child, console)]);
    const state = describe(child, runDir, directors, forwards, Date.now() - begin);
    const stateFile = join(runDir, 'state.json');
    writeFileSync(stateFile, JSON.stringify(state, undefined, 2));
    letGo(child);
    return { state, stateFile, stop };
  } catch (error) {
    const log = readFileSync(console, 'utf8').slice(-2000);
    stop();
    throw new Error(`the lab does not boot: ${(error as Error).message}\n${complaint}${log}`, { cause: error });
  }
}

/** Guest address → port on our loopback. The ports were chosen by the kernel, so qemu has to be asked. */
export async function readForwards(child: ChildProcess): Promise<Map<string, number>> {
  const forwards = new Map<string, number>();
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('qemu has no standard input or output');
  stdin.on('error', () => undefined); // that qemu is gone is noticed and told elsewhere
  stdin.write(
    '{"execute":"qmp_capabilities"}\n{"execute":"human-monitor-command","arguments":{"command-line":"info usernet"}}\n',
  );
  const lines = createInterface({ input: stdout });
  for await (const line of lines) {
    const answer = JSON.parse(line) as { return?: unknown };
    if (typeof answer.return !== 'string') continue;
    for (const [, port, address] of answer.return.matchAll(
      /HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+([\d.]+)\s+22/g,
    )) {
      if (address) forwards.set(address, Number(port));
    }
    break;
  }
  if (forwards.size === 0) throw new Error('qemu did not tell its ports');
  stdout.resume(); // later events are of no interest, but must not fill the pipe
  return forwards;
}

async function ready(child: ChildProcess, console: string): Promise<void> {
  const end = Date.now() + BOOT_TIMEOUT_MS;
  while (!readFileSync(console, 'utf8').includes('LAB READY')) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error(`qemu ended (${child.exitCode ?? child.signalCode})`);
    if (Date.now() > end) throw new Error(`not ready after ${BOOT_TIMEOUT_MS / 1000} s`);
    await wait(20);
  }
}

function describe(
  child: ChildProcess,
  runDir: string,
  directors: number,
  forwards: Map<string, number>,
  bootMs: number,
): VmState {
  const cache = cacheDir();
  const keys = join(cache, 'keys');
  const endpoint = (name: string, address: string): Endpoint => {
    const port = forwards.get(address);
    if (port === undefined) throw new Error(`qemu does not forward to ${name} (${address})`);
    return {
      port,
      hostKey: readFileSync(join(keys, `${name}.pub`), 'utf8')
        .split(' ')
        .slice(0, 2)
        .join(' '),
    };
  };
  const names = Array.from({ length: directors }, (_, index) => `d${index + 1}`);
  return {
    pid: child.pid ?? 0,
    runDir,
    acceleration: readFileSync(join(cache, 'acceleration'), 'utf8').split('\n')[0] ?? '',
    kernel: readFileSync(join(cache, 'kernel', 'version'), 'utf8').trim(),
    identityFile: join(keys, 'client'),
    control: endpoint('control', '10.0.2.15'),
    directors: Object.fromEntries(names.map((name, index) => [name, endpoint(name, `10.0.2.${101 + index}`)])),
    bootMs,
  };
}

/** The machine alone must not keep this process from ending. */
function letGo(child: ChildProcess): void {
  child.unref();
  for (const stream of child.stdio) (stream as unknown as { unref?: () => void } | null)?.unref?.();
}

/** Run directories of processes that were killed. */
function removeStale(runs: string): void {
  for (const name of readdirSync(runs)) {
    if (!isAlive(Number.parseInt(name, 10))) rmSync(join(runs, name), { recursive: true, force: true });
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
