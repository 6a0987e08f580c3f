/**
 * Simulated directors: SSH servers on loopback that behave like Debian 12 with ipvsadm 1.31, kernel 6.1 and iptables
 * 1.8.9, for demonstrations and for tests of what goes wrong. No packet is ever forwarded.
 *
 *     const sim = await startSim({ directors: 2 });
 *     sim.directors[0].exec(['ipvsadm', '-A', '-t', '192.0.2.1:80']);
 *     …
 *     await sim.close();
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PartResult } from '../dialect/script';
import type { Counters } from '../model';
import { newKeyPair } from './keys';
import { Machine } from './machine';
import type { SimOptions } from './options';
import { startServer, type RunningServer } from './server';
import { loginName } from './programs';
import { runSafe } from './safe';
import { readsInput, runPlain, runShell } from './shell';

export type { MachineOptions, SimOptions } from './options';

/** Exit code and output of a program. */
export type SimResult = PartResult;

/** One simulated director. */
export interface SimDirector {
  name: string;
  host: string;
  /** TCP port of its SSH server. */
  port: number;
  user: string;
  /** File with the private key that it accepts. */
  identityFile: string;
  /** Its public key, `ssh-ed25519 AAAA…`. */
  hostKey: string;
  /** `ipvsadm -Sn`. */
  rules(): string;
  /** `iptables-save` and `ip6tables-save` of table mangle, without the comments. */
  marks(): string;
  /** Runs a program as root, on the machine itself: no SSH, no latency. Injected faults count here as well. */
  exec(argv: readonly string[], stdin?: string): SimResult;
  /** Makes a listing show connections to a real server: what `-Ln` prints as ActiveConn and InActConn. */
  setConnections(realServer: string, connections: { active?: number; inactive?: number; persistent?: number }): void;
  /** Makes `--stats` and `--rate` show new connections of a service (`tcp/192.0.2.1:80`, `fwm/12`) from now on; no packets. */
  setTraffic(service: string, traffic: { connectionsPerSecond: number }): void;
  /** Lets traffic pass to a real server and so through its services: what `-Ln --stats` shows. */
  addTraffic(realServer: string, traffic: Partial<Counters>): void;
  /** What lvsform keeps there, by path. */
  files(): Record<string, string>;
  /** What a reboot does: connections, running programs and tables are gone, also the initial rules; files stay. */
  reboot(): void;
  /** Back to the initial rules; injected faults start counting anew. */
  reset(): void;
}

export interface Sim {
  directors: SimDirector[];
  /** A known_hosts file with all directors. */
  knownHosts: string;
  /** Ends all connections and removes the files. */
  close(): Promise<void>;
}

const COUNTER_NAMES = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;

const HOST = '127.0.0.1';
const GREETING = 'A simulated LVS director. Type ipvsadm and iptables commands; exit leaves.';

/**
 * Starts simulated directors.
 *
 * @throws Error when a port is taken, or when the initial rules of a director are not accepted by its ipvsadm.
 */
export async function startSim(options: SimOptions = {}): Promise<Sim> {
  const folder = await mkdtemp(join(tmpdir(), 'lvsform-sim-'));
  const identityFile = join(folder, 'id_ed25519');
  const knownHosts = join(folder, 'known_hosts');
  const client = newKeyPair();
  // One host key for all: what differs between directors is their port, and making keys takes time.
  const host = newKeyPair();
  const hostKey = host.public;
  await writeFile(identityFile, client.private, { mode: 0o600 });
  const servers: RunningServer[] = [];
  const machines: Machine[] = [];
  const close = async (): Promise<void> => {
    for (const machine of machines) machine.boot.shutDown();
    await Promise.all(servers.map((server) => server.close()));
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const directors: SimDirector[] = [];
    for (const [i, name] of directorNames(options).entries()) {
      const machine = new Machine(options, () => new Date());
      const user = loginName(machine);
      const director = directorOf({ name, user, identityFile, hostKey }, machine, options);
      let commands = 0;
      const server = await startServer({
        hostPrivateKey: host.private,
        clientPublicKey: client.public,
        user,
        port: options.port === undefined ? 0 : options.port + i,
        latencyMs: options.latencyMs ?? 0,
        greeting: GREETING,
        readsInput,
        answer: async (command, terminal) => {
          commands += 1;
          options.beforeCommand?.(director, commands);
          const answered = await runSafe(machine, command, terminal);
          return answered ?? runShell(machine, command, readsInput(command) ? await terminal.input.all() : '');
        },
      });
      machine.onSilence = () => {
        server.fallSilent();
      };
      machine.onReboot = () => {
        server.cut();
      };
      machines.push(machine);
      servers.push(server);
      director.port = server.port;
      directors.push(director);
    }
    await writeFile(knownHosts, directors.map(({ port }) => `[${HOST}]:${port} ${hostKey}\n`).join(''));
    return { directors, knownHosts, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function directorNames({ directors = 1 }: SimOptions): readonly string[] {
  return typeof directors === 'number' ? Array.from({ length: directors }, (_, i) => `lb${i + 1}`) : directors;
}

function directorOf(
  login: Pick<SimDirector, 'name' | 'user' | 'identityFile' | 'hostKey'>,
  machine: Machine,
  options: SimOptions,
): SimDirector {
  const asRoot = { root: true, stdin: '' };
  const listed = (program: string, ...words: string[]): string => machine.run(program, words, asRoot).stdout;
  const director: SimDirector = {
    ...login,
    host: HOST,
    port: 0,
    rules: () => listed('ipvsadm', '-Sn'),
    marks: () =>
      ['iptables-save', 'ip6tables-save']
        .map((program) => listed(program, '-t', 'mangle').replace(/^#.*\n/gm, ''))
        .join(''),
    exec: ([program = '', ...words], stdin = '') =>
      machine.has(program)
        ? machine.run(program, words, { root: true, stdin })
        : runPlain(machine, [program, ...words], stdin),
    setConnections: (realServer, { active, inactive, persistent }) => {
      for (const { destinations } of machine.table.services.values()) {
        const destination = destinations.get(realServer);
        if (destination === undefined) continue;
        destination.activeConnections = active ?? destination.activeConnections;
        destination.inactiveConnections = inactive ?? destination.inactiveConnections;
        destination.persistentConnections = persistent ?? destination.persistentConnections;
      }
    },
    setTraffic: (id, { connectionsPerSecond }) => {
      machine.table.services.get(id)?.traffic.carry(connectionsPerSecond);
    },
    addTraffic: (realServer, traffic) => {
      for (const service of machine.table.services.values()) {
        const destination = service.destinations.get(realServer);
        if (destination === undefined) continue;
        for (const counters of [service.counters, destination.counters])
          for (const name of COUNTER_NAMES) counters[name] += traffic[name] ?? 0n;
      }
    },
    files: () => Object.fromEntries(machine.files.paths().map((path) => [path, machine.files.read(path) ?? ''])),
    reboot: () => {
      machine.reboot();
    },
    reset: () => {
      machine.reset();
      loadRules(machine, login.name, options.rules?.[login.name]);
    },
  };
  director.reset();
  return director;
}

function loadRules(machine: Machine, name: string, rules: string | undefined): void {
  if (rules === undefined) return;
  const { code, stderr } = machine.load(rules);
  if (code !== 0 || stderr !== '') throw new Error(`the initial rules of ${name} were refused: ${stderr.trim()}`);
}
