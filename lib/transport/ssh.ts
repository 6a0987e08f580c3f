/** Directors over SSH. */
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { AnyAuthMethod, AuthenticationType, Client, ClientChannel, ConnectConfig } from 'ssh2';
import type { Director } from '../model';
import { explainConnect, type Progress } from './connect-errors';
import { errorText } from './error-facts';
import { Failure, nameDirector } from './failure';
import { FileCache } from './file-cache';
import { Gateways } from './gateways';
import { checkHostKey } from './host-key';
import { gatherIdentities } from './identities';
import { parseKeyFile } from './key-file';
import { parseKnownHosts } from './known-hosts';
import { Link } from './link';
import { loadSshConfig } from './load-config';
import { parseRevokedKeys } from './revoked-keys';
import { findRoute, type Hop, type LocalUser } from './route';
import type { Connect, Runner } from './runner';

export interface SshOptions {
  /** Time to connect and log in, for each hop. Default: ConnectTimeout of the config, else 10 000. */
  connectTimeoutMs?: number;
  /** Time one command may take. Default 120 000; 0 for no limit. */
  commandTimeoutMs?: number;
  /** Time between signs of life; three unanswered end the connection. Default 15 000; 0 for none. */
  keepaliveMs?: number;
  /** Default `~/.ssh/config`; need not exist. */
  sshConfigFile?: string;
  /** Instead of UserKnownHostsFile and GlobalKnownHostsFile of the config, or their defaults. */
  knownHostsFiles?: readonly string[];
  /** Default `process.env`. HOME says where `~` is, SSH_AUTH_SOCK where the agent is. */
  env?: Readonly<Record<string, string | undefined>>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const COMMAND_TIMEOUT_MS = 120_000;
const KEEPALIVE_MS = 15_000;
const KEEPALIVE_MISSES = 3;

/** Connects to one director. For several, share a {@link createSshConnector}: it reads config and keys once. */
export function connectSsh(director: Director, options: SshOptions = {}): Promise<Runner> {
  return createSshConnector(options)(director);
}

/**
 * Makes a function that connects to directors. Config, known_hosts and key files are read once (again when they
 * change), and connections to jump hosts are shared. Connecting is never retried.
 *
 * The function throws TransportError: `unreachable`, `host-key`, `auth`, `timeout`; its runners throw `timeout`,
 * `connection-lost`, `command-failed`. And UsageError `ssh-config` or `jump` for a config that can't be followed.
 */
export function createSshConnector(options: SshOptions = {}): Connect<Director> {
  const opener = new Opener(options);
  return async (director) => {
    try {
      const link = await opener.open(await opener.findRoute(director));
      return toRunner(link, director.name, options.commandTimeoutMs ?? COMMAND_TIMEOUT_MS);
    } catch (error) {
      throw nameDirector(error, director.name);
    }
  };
}

function toRunner(link: Link, director: string, commandTimeoutMs: number): Runner {
  return {
    run: (script, { stdin, timeoutMs = commandTimeoutMs } = {}) =>
      link.run(script, stdin, timeoutMs).catch((error: unknown) => {
        throw nameDirector(error, director);
      }),
    hold: (script) =>
      link.hold(script).catch((error: unknown) => {
        throw nameDirector(error, director);
      }),
    close: () => link.close(),
  };
}

type Library = Awaited<ReturnType<typeof loadLibrary>>;

async function loadLibrary() {
  const { NodeSSH, ssh2 } = await import('./library.js');
  return { NodeSSH, ssh2, parseKey: (text: string) => parseKeyFile(ssh2, text) };
}

class Opener {
  private readonly files = new FileCache();
  private readonly gateways = new Gateways();
  private readonly local: LocalUser;
  private library: Promise<Library> | undefined;

  constructor(private readonly options: SshOptions) {
    const env = options.env ?? process.env;
    this.local = { home: env.HOME ?? homedir(), user: loginName(env), env };
  }

  async findRoute(director: Director): Promise<Hop[]> {
    const { home } = this.local;
    const path = this.options.sshConfigFile ?? join(home, '.ssh', 'config');
    return findRoute(director, await loadSshConfig(path, home, this.files), this.local);
  }

  /** Opens a connection to the last hop, through the ones before it. */
  async open(route: readonly Hop[]): Promise<Link> {
    const before = route.slice(0, -1);
    const hop = route.at(-1);
    if (hop === undefined) throw new RangeError('a route has at least one hop');
    if (before.length === 0) return this.connect(hop, undefined, () => Promise.resolve());
    const { link, leave } = await this.gateways.enter(routeName(before), () => this.open(before));
    try {
      return await this.connect(hop, await link.forward(hop, this.timeoutOf(hop)), leave);
    } catch (error) {
      await leave();
      throw error;
    }
  }

  private async connect(hop: Hop, sock: ClientChannel | undefined, leave: () => Promise<void>): Promise<Link> {
    this.library ??= loadLibrary();
    const { NodeSSH, ssh2, parseKey } = await this.library;
    const [knownHosts, revoked, identities] = await Promise.all([
      this.readKnownHosts(hop),
      this.readRevoked(hop),
      gatherIdentities(hop, { ssh2, readKey: (path) => this.files.read(path, parseKey) }),
    ]);
    const check = checkHostKey(hop, knownHosts, revoked);
    const timeoutMs = this.timeoutOf(hop);
    const progress: Progress = { connected: sock !== undefined, methods: [], partial: false };

    const config: ConnectConfig = {
      ...(sock === undefined ? { host: hop.host, port: hop.port } : { sock }),
      username: hop.user,
      readyTimeout: timeoutMs,
      keepaliveInterval: this.options.keepaliveMs ?? KEEPALIVE_MS,
      keepaliveCountMax: KEEPALIVE_MISSES,
      ...(check.algorithms === undefined ? {} : { algorithms: { serverHostKey: check.algorithms } }),
      hostVerifier: (key: Buffer) => {
        const refusal = check.judge(key);
        if (refusal !== undefined) progress.hostKey = refusal;
        return refusal === undefined;
      },
      authHandler: inTurn(identities.attempts, hop.user, progress),
    };
    try {
      const client = await connectWith(new NodeSSH(), config, progress);
      return new Link(client, hop, leave);
    } catch (error) {
      throw explainConnect(error, { hop, timeoutMs, identities, progress });
    }
  }

  private timeoutOf(hop: Hop): number {
    return this.options.connectTimeoutMs ?? hop.connectTimeoutMs ?? CONNECT_TIMEOUT_MS;
  }

  private async readKnownHosts(hop: Hop) {
    if (hop.hostKey !== undefined) return [];
    const paths = this.options.knownHostsFiles ?? [...hop.userKnownHostsFiles, ...hop.globalKnownHostsFiles];
    const read = await Promise.all(
      paths.map((path) => this.files.read(path, parseKnownHosts).catch((error: unknown) => refuseUnread(path, error))),
    );
    return read.filter((hosts) => hosts !== undefined);
  }

  /** @throws Failure when it can't be read: then, as for OpenSSH, every key may be a revoked one */
  private async readRevoked({ revokedHostKeysFile: path }: Hop): Promise<ReadonlySet<string>> {
    if (path === undefined) return new Set();
    try {
      const revoked = await this.files.read(path, parseRevokedKeys);
      if (revoked !== undefined) return revoked;
      throw new Error('there is no such file');
    } catch (error) {
      const hint = 'it has to list public keys, one per line: no key is trusted without it';
      throw new Failure('host-key', `RevokedHostKeys ${path} can't be read: ${errorText(error)}`, hint, error);
    }
  }
}

/** It may be the file that says a key is revoked: passing it over, as OpenSSH does, could trust too much. */
function refuseUnread(path: string, error: unknown): never {
  throw new Failure(
    'host-key',
    `the host keys in ${path} can't be read: ${errorText(error)}`,
    "make it readable, or give the key on the Director as 'hostKey'",
    error,
  );
}

function loginName(env: LocalUser['env']): string {
  try {
    return userInfo().username;
  } catch {
    // A container's numeric user has no entry in /etc/passwd.
    return env.USER ?? env.LOGNAME ?? 'root';
  }
}

/** Two routes may share a connection when every hop is the same host, user and set of keys. */
function routeName(hops: readonly Hop[]): string {
  return JSON.stringify(hops.map((hop) => [hop.label, hop.agentSocket, hop.identityFiles, hop.knownAs]));
}

interface NodeSsh {
  connection: Client | null;
  connect(config: ConnectConfig): Promise<unknown>;
}

async function connectWith(ssh: NodeSsh, config: ConnectConfig, progress: Progress): Promise<Client> {
  const connecting = ssh.connect(config);
  // The client exists as soon as connect() has been called, and node-ssh forgets it when the connection ends.
  const client = ssh.connection;
  client?.once('connect', () => (progress.connected = true));
  try {
    await connecting;
  } catch (error) {
    client?.destroy();
    throw error;
  }
  if (client === null) throw new Error('the connection ended at once');
  // A command is a few small packets each way: with Nagle's algorithm every one waits for the other side's delayed ACK.
  client.setNoDelay(true);
  return client;
}

type AuthHandler = (methods: AuthenticationType[] | null, partial: boolean | null) => AnyAuthMethod | false;

/** One identity after the other. `none` comes last: some servers (Tailscale's) want no proof, and others then say what they want. */
function inTurn(attempts: readonly AnyAuthMethod[], username: string, progress: Progress): AuthHandler {
  const queue: AnyAuthMethod[] = [...attempts, { type: 'none', username }];
  return (methods, partial) => {
    if (methods !== null) progress.methods = methods;
    progress.partial ||= partial === true;
    return queue.shift() ?? false;
  };
}
