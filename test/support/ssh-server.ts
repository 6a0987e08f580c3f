/** An SSH server inside the test: enough of sshd to log in with a key, run commands we script, and be a jump host. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import ssh2, { type Connection, type ServerChannel, type Session, type TcpipRequestInfo } from 'ssh2';

const { Server, utils } = ssh2;

export interface KeyPair {
  private: string;
  /** `ssh-ed25519 AAAA…`, no comment. */
  public: string;
}

export type KeyKind = 'ed25519' | 'ecdsa' | 'rsa';

const MAKE: Readonly<Record<KeyKind, (lock: object) => { private: string; public: string }>> = {
  ed25519: (lock) => utils.generateKeyPairSync('ed25519', lock),
  ecdsa: (lock) => utils.generateKeyPairSync('ecdsa', { bits: 256, ...lock }),
  rsa: (lock) => utils.generateKeyPairSync('rsa', { bits: 2048, ...lock }),
};

/** The library's generator drops leading zeros of ed25519 keys, so that one in 256 can't be read: those are made again. */
export function newKey(kind: KeyKind = 'ed25519', passphrase?: string): KeyPair {
  const pair = MAKE[kind](passphrase === undefined ? {} : { passphrase, cipher: 'aes256-ctr', rounds: 1 });
  if (utils.parseKey(pair.private, passphrase) instanceof Error) return newKey(kind, passphrase);
  return { private: pair.private, public: pair.public.trim() };
}

/** What a command gets: its text, and its channel for stdin, stdout, stderr and the exit code. */
export type Command = (channel: ServerChannel, script: string) => void;

export interface ServerOptions {
  hostKeys?: readonly KeyPair[];
  /** Public keys that may log in, for any user but those of `users`. None: nobody may. */
  authorized?: readonly string[];
  /** Login names that exist. Default: all. */
  users?: readonly string[];
  /** Login needs no proof at all. */
  open?: boolean;
  command?: Command;
  /** Whether connections onwards are allowed. */
  forwarding?: boolean;
}

export interface TestServer {
  port: number;
  /** The host key in use, as known_hosts has it. */
  hostKey: string;
  /** Login name and method of each attempt, e.g. `ops publickey`. */
  logins: string[];
  scripts: string[];
  /** SSH connections accepted so far. */
  accepted: number;
  /** SSH connections that are up now. */
  open: number;
  /** Cuts all TCP connections. */
  cut(): void;
  stop(): Promise<void>;
}

export const echo: Command = (channel) => {
  channel.pipe(channel, { end: false });
  channel.on('end', () => {
    finish(channel, 0);
  });
};

export function finish(channel: ServerChannel, code: number): void {
  channel.exit(code);
  channel.end();
}

export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const hostKeys = options.hostKeys ?? [newKey()];
  const sockets = new Set<Socket>();
  const state = { logins: [] as string[], scripts: [] as string[], accepted: 0, open: 0 };

  const server = new Server({ hostKeys: hostKeys.map((key) => key.private) }, (client) => {
    state.accepted += 1;
    state.open += 1;
    client.on('error', () => undefined);
    client.on('close', () => (state.open -= 1));
    authenticate(client, options, state.logins);
    client.on('session', (accept) => {
      serveSession(accept(), options.command ?? echo, state.scripts);
    });
    client.on('tcpip', (accept, reject, info) => {
      if (options.forwarding === true) forward(accept, reject, info);
      else reject();
    });
  });
  // Sockets of our own, so that they can be cut.
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    server.injectSocket(socket);
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    sockets.forEach((socket) => socket.destroy());
  };
  return Object.assign(state, {
    port: (tcp.address() as AddressInfo).port,
    hostKey: hostKeys[0]?.public ?? '',
    cut,
    stop: () =>
      new Promise<void>((resolve) => {
        tcp.close(() => {
          resolve();
        });
        cut();
      }),
  });
}

function authenticate(client: Connection, options: ServerOptions, logins: string[]): void {
  client.on('authentication', (context) => {
    logins.push(`${context.username} ${context.method}`);
    const userExists = options.users?.includes(context.username) ?? true;
    if (options.open === true && userExists) {
      context.accept();
      return;
    }
    if (context.method !== 'publickey' || !userExists) {
      context.reject(['publickey']);
      return;
    }
    const offered = `${context.key.algo} ${context.key.data.toString('base64')}`;
    const allowed = options.authorized?.find((key) => key.split(' ')[1] === offered.split(' ')[1]);
    const key = allowed === undefined ? undefined : utils.parseKey(allowed);
    if (key === undefined || key instanceof Error) {
      context.reject(['publickey']);
      return;
    }
    if (context.signature === undefined || context.blob === undefined) {
      context.accept();
      return;
    }
    if (key.verify(context.blob, context.signature, context.hashAlgo)) context.accept();
    else context.reject(['publickey']);
  });
}

function serveSession(session: Session, command: Command, scripts: string[]): void {
  session.on('exec', (accept, _reject, info) => {
    scripts.push(info.command);
    command(accept(), info.command);
  });
}

function forward(accept: () => ServerChannel, reject: () => void, info: TcpipRequestInfo): void {
  const socket = connect(info.destPort, info.destIP);
  socket.on('error', reject);
  socket.on('connect', () => {
    const channel = accept();
    socket.removeListener('error', reject);
    socket.on('error', () => channel.destroy());
    channel.on('error', () => socket.destroy());
    channel.pipe(socket).pipe(channel);
  });
}
