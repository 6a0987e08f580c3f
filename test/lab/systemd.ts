/**
 * A director with a Debian userland and systemd, for what happens at boot. A machine of its own, same kernel as the lab's;
 * it may be rebooted and ends with the process that started it.
 *
 *     const director = await startSystemdDirector();
 *     await director.ok(['systemctl', 'is-system-running']);
 *     await director.reboot();
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Connection, type ExecResult } from './ssh';
import { cacheDir, readForwards } from './vm';

/** As in the lab: root, someone with the rights of the documented sudoers file once it is installed, someone with none. */
export type SystemdUser = 'root' | 'lvsform' | 'nosudo';

const BUILD = join(__dirname, 'systemd', 'build');
const QEMU = join(__dirname, 'systemd', 'qemu');
const BOOT_TIMEOUT_MS = 240_000;

/** The image, built when it is not there yet: a minute, and root. */
function makeReady(): string {
  const check = spawnSync(BUILD, ['--check'], { encoding: 'utf8' });
  if (check.status === 0) return check.stdout.trim();
  return execFileSync(BUILD, [], { encoding: 'utf8', stdio: ['ignore', 'pipe', 2] }).trim();
}

export class SystemdDirector {
  private readonly connections = new Map<SystemdUser, Promise<Connection>>();
  private boots = 0;

  private constructor(
    private readonly child: ChildProcess,
    private readonly dir: string,
    readonly port: number,
    readonly identityFile: string,
    /** 'ecdsa-sha2-nistp256 AAAA…' */
    readonly hostKey: string,
  ) {}

  static async start(): Promise<SystemdDirector> {
    const build = makeReady();
    const dir = mkdtempSync(join(tmpdir(), 'lvsform-systemd-'));
    const console = join(dir, 'console.log');
    writeFileSync(console, '');
    const child = spawn(QEMU, [build, console], { stdio: ['pipe', 'pipe', 'pipe'] });
    const stop = (): void => {
      child.kill('SIGKILL');
      rmSync(dir, { recursive: true, force: true });
    };
    process.once('exit', stop);
    child.once('exit', () => process.removeListener('exit', stop));
    try {
      const forwards = await readForwards(child);
      const keys = join(cacheDir(), 'keys');
      const hostKey = readFileSync(join(keys, 'control.pub'), 'utf8').split(' ').slice(0, 2).join(' ');
      const director = new SystemdDirector(child, dir, forwards.get('10.0.2.15') ?? 0, join(keys, 'client'), hostKey);
      await director.booted();
      return director;
    } catch (error) {
      const log = readFileSync(console, 'utf8').slice(-2000);
      stop();
      throw new Error(`the machine with systemd does not boot: ${(error as Error).message}\n${log}`, { cause: error });
    }
  }

  async exec(argv: readonly string[], options: { as?: SystemdUser; stdin?: string } = {}): Promise<ExecResult> {
    const connection = await this.connect(options.as ?? 'root');
    return connection.exec(argv, options.stdin);
  }

  /** Standard output; throws when the command fails. */
  async ok(argv: readonly string[], options: { as?: SystemdUser; stdin?: string } = {}): Promise<string> {
    const result = await this.exec(argv, options);
    if (result.code !== 0) {
      throw new Error(`${argv.join(' ')}: exit ${result.code}\n${result.stderr}${result.stdout}`);
    }
    return result.stdout;
  }

  /** Puts a file there, as root. */
  async write(path: string, text: string, mode = '644'): Promise<void> {
    await this.ok(['sh', '-c', 'cat >"$1" && chmod "$2" "$1"', 'sh', path, mode], { stdin: text });
  }

  /** Shuts down in order, as `reboot` does, and comes back. */
  async reboot(): Promise<void> {
    await this.ok(['systemctl', 'reboot', '--no-block']);
    await this.booted();
  }

  async close(): Promise<void> {
    await this.disconnect();
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
    rmSync(this.dir, { recursive: true, force: true });
  }

  private async booted(): Promise<void> {
    const end = Date.now() + BOOT_TIMEOUT_MS;
    this.boots += 1;
    const count = (): number => readFileSync(join(this.dir, 'console.log'), 'utf8').split('LAB READY').length - 1;
    while (count() < this.boots) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) throw new Error('qemu ended');
      if (Date.now() > end) throw new Error(`not ready after ${BOOT_TIMEOUT_MS / 1000} s`);
      await wait(100);
    }
    await this.disconnect();
  }

  private connect(user: SystemdUser): Promise<Connection> {
    let connection = this.connections.get(user);
    if (connection === undefined) {
      const { port, identityFile, hostKey } = this;
      connection = Connection.open({ port, user, identityFile, hostKey });
      connection.catch(() => this.connections.delete(user));
      this.connections.set(user, connection);
    }
    return connection;
  }

  private async disconnect(): Promise<void> {
    for (const connection of await Promise.allSettled(this.connections.values())) {
      if (connection.status === 'fulfilled') connection.value.close();
    }
    this.connections.clear();
  }
}

/** Boots one: some fifteen seconds without KVM. */
export function startSystemdDirector(): Promise<SystemdDirector> {
  return SystemdDirector.start();
}
