/**
 * Directors behind OpenSSH's own server: one sshd each, on a loopback port, with a host key made for the run. They log
 * in the user who runs this, with a home that has no profile, and with stand-ins for the tools first on PATH, because
 * the machine need not have IPVS. Everything is below one temporary folder.
 */
import { spawn, execFileSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const SSHD = '/usr/sbin/sshd';
/** sshd started by root insists on this folder, which only the service makes. */
const PRIVSEP_FOLDER = '/run/sshd';

export interface SshdFleet {
  /** Ours while it runs; anything may be put here. */
  folder: string;
  /** Names, as `sshConfig` knows them. */
  directors: readonly string[];
  sshConfig: string;
  /** Changes what the tools of all directors print. */
  setTools(tools: Tools): void;
  close(): Promise<void>;
}

/** Tool, its arguments, and what it prints: `{ ipvsadm: { '-Sn': '-A -t …' } }`. */
export type Tools = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** What is missing here to start one, or undefined. */
export function sshdMissing(): string | undefined {
  const missing = [SSHD, '/usr/bin/ssh', '/usr/bin/ssh-keygen'].filter((path) => !existsSync(path));
  return missing.length === 0 ? undefined : `${missing.join(', ')}: install openssh-server and openssh-client`;
}

export async function startSshdFleet(count: number, tools: Tools): Promise<SshdFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'lvsform-sshd-'));
  const running = new Set<ChildProcess>();
  const close = async (): Promise<void> => {
    const ended = [...running].map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of running) child.kill();
    await Promise.all(ended);
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', () => {
    for (const child of running) child.kill();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));

  try {
    const user = userInfo().username;
    const names = Array.from({ length: count }, (_, at) => `lb${at + 1}`);
    const ports = await freePorts(count);
    mkdirSync(join(folder, 'home'));
    mkdirSync(join(folder, 'bin'));
    writeTools(join(folder, 'bin'), tools);
    newKey(join(folder, 'id'), 'user');
    const known: string[] = [];
    for (const [at, name] of names.entries()) {
      const port = ports[at]!;
      known.push(`[127.0.0.1]:${port} ${newKey(join(folder, `${name}.key`), name)}`);
      writeFileSync(join(folder, `${name}.conf`), sshdConfig(folder, name, port, user));
      const child = startSshd(join(folder, `${name}.conf`));
      running.add(child);
      child.once('exit', () => running.delete(child));
    }
    writeFileSync(join(folder, 'known_hosts'), `${known.join('\n')}\n`);
    writeFileSync(join(folder, 'ssh_config'), sshConfig(folder, names, ports, user));
    await Promise.all(ports.map((port) => untilListening(port)));
    return {
      folder,
      directors: names,
      sshConfig: join(folder, 'ssh_config'),
      setTools: (changed) => {
        writeTools(join(folder, 'bin'), changed);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @returns the public half, `ssh-ed25519 AAAA…` */
function newKey(path: string, comment: string): string {
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', path]);
  return execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' }).split(' ').slice(0, 2).join(' ');
}

const sshdConfig = (folder: string, name: string, port: number, user: string): string => `
ListenAddress 127.0.0.1
Port ${port}
HostKey ${join(folder, `${name}.key`)}
AuthorizedKeysFile ${join(folder, 'id.pub')}
AllowUsers ${user}
PermitRootLogin prohibit-password
AuthenticationMethods publickey
# The folder is below /tmp, which everybody may write to.
StrictModes no
UsePAM no
UseDNS no
PidFile none
PermitUserRC no
MaxStartups 1000
# HOME has no .bashrc; PATH has the stand-ins.
SetEnv HOME=${join(folder, 'home')} PATH=${join(folder, 'bin')}:/usr/local/bin:/usr/bin:/bin
`;

function startSshd(config: string): ChildProcess {
  const needsFolder = process.getuid?.() === 0 && !existsSync(PRIVSEP_FOLDER);
  // It ends with us, however we end; and where its folder is missing, only it sees one.
  const line = ['setpriv', '--pdeathsig', 'KILL', SSHD, '-D', '-e', '-o', 'LogLevel=FATAL', '-f', config];
  const inOwnRun = `mount -t tmpfs run /run && mkdir -m 755 ${PRIVSEP_FOLDER} && exec "$@"`;
  const [command = '', ...args] = needsFolder ? ['unshare', '--mount', 'sh', '-c', inOwnRun, 'sshd', ...line] : line;
  return spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function sshConfig(folder: string, names: readonly string[], ports: readonly number[], user: string): string {
  const hosts = names.map((name, at) => `Host ${name}\n  HostName 127.0.0.1\n  Port ${ports[at]!}\n`);
  const all = [
    'Host *',
    `  User ${user}`,
    `  IdentityFile ${join(folder, 'id')}`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${join(folder, 'known_hosts')}`,
    '  GlobalKnownHostsFile none',
    '  StrictHostKeyChecking yes',
    '  UpdateHostKeys no',
    '  BatchMode yes',
    '  ControlMaster no',
    '',
  ];
  return [...hosts, ...all].join('\n');
}

/** Shell scripts that need no other process, so that one costs about what the real tool does. */
function writeTools(folder: string, tools: Tools): void {
  for (const [tool, answers] of Object.entries(tools)) {
    const cases = Object.entries(answers).map(([args, text]) => `${quoted(args)}) printf %s ${quoted(text)} ;;`);
    const script = ['#!/bin/sh', 'case "$*" in', ...cases, '*) echo "unexpected: $*" >&2; exit 2 ;;', 'esac', ''];
    writeFileSync(join(folder, tool), script.join('\n'), { mode: 0o755 });
  }
}

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      }).once('error', () => {
        resolve(false);
      });
    });
    if (isOpen) return;
    await wait(50);
  }
  throw new Error(`sshd does not listen on port ${port}`);
}
