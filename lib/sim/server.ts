/** The SSH side of a simulated director: an ssh2 server on loopback that takes one key and answers commands. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import {
  Server,
  utils,
  type AuthContext,
  type Connection,
  type ParsedKey,
  type ServerChannel,
  type Session,
} from 'ssh2';
import type { PartResult } from '../dialect/script';
import { Killed } from './boot';
import { Dropped } from './machine';
import { Input, type Terminal } from './terminal';

export interface ServerSettings {
  hostPrivateKey: string;
  clientPublicKey: string;
  user: string;
  /** 0 for any free port. */
  port: number;
  latencyMs: number;
  /** Whether the command is answered only once its input has arrived. */
  readsInput: (command: string) => boolean;
  /** Rejects with Dropped to cut the connection, with Killed when nobody is there any more to answer. */
  answer: (command: string, terminal: Terminal) => Promise<PartResult>;
  /** What an interactive session greets with. */
  greeting: string;
}

export interface RunningServer {
  port: number;
  /** Nothing passes any more through the connections there are, and none of them ends. */
  fallSilent(): void;
  /** Ends all connections at once. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts listening on 127.0.0.1. */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const allowed = parseKey(settings.clientPublicKey);
  const connections = new Set<Connection>();
  const server = new Server({ hostKeys: [settings.hostPrivateKey], ident: 'lvsform-sim' }, (connection) => {
    connections.add(connection);
    connection.on('close', () => connections.delete(connection));
    // A client that goes away in the middle is nothing to report.
    connection.on('error', () => undefined);
    connection.on('authentication', (context) => {
      authenticate(context, settings.user, allowed);
    });
    connection.on('session', (accept) => {
      serveSession(accept(), connection, settings);
    });
  });
  // Listening is ours for the sake of noDelay: an answer is a few small packets, and none should wait for an ACK.
  const sockets = new Set<Socket>();
  const listener = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    server.injectSocket(socket);
  });
  listener.listen(settings.port, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as AddressInfo).port,
    fallSilent: () => {
      sockets.forEach(silence);
    },
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
    close: async () => {
      for (const connection of connections) connection.end();
      // A silent one can't be told.
      for (const socket of sockets) if (socket.listenerCount('data') === 0) socket.destroy();
      const closed = once(listener, 'close');
      listener.close();
      await closed;
    },
  };
}

/** What arrives is lost, and what is sent. */
function silence(socket: Socket): void {
  socket.removeAllListeners('data');
  socket.resume();
  socket.write = () => true;
}

function parseKey(text: string): ParsedKey {
  const key = utils.parseKey(text);
  if (key instanceof Error) throw key;
  return key;
}

function authenticate(context: AuthContext, user: string, allowed: ParsedKey): void {
  if (context.username !== user || context.method !== 'publickey') {
    context.reject(['publickey']);
    return;
  }
  const known = context.key.algo === allowed.type && context.key.data.equals(allowed.getPublicSSH());
  const proven =
    context.signature === undefined ||
    context.blob === undefined ||
    allowed.verify(context.blob, context.signature, context.hashAlgo);
  if (known && proven) context.accept();
  else context.reject(['publickey']);
}

function serveSession(session: Session, connection: Connection, settings: ServerSettings): void {
  // Missing when the client wants no reply, whatever the types say.
  const agree = (accept: (() => void) | undefined): void => accept?.();
  session.on('env', agree);
  session.on('pty', agree);
  session.on('exec', (accept, _reject, { command }) => {
    void serveCommand(accept(), command, connection, settings);
  });
  session.on('shell', (accept) => {
    serveShell(accept(), connection, settings);
  });
}

async function serveCommand(
  channel: ServerChannel,
  command: string,
  connection: Connection,
  settings: ServerSettings,
): Promise<void> {
  const input = new Input();
  channel.on('data', (chunk: Buffer) => {
    input.push(chunk);
  });
  for (const end of ['end', 'close']) {
    channel.on(end, () => {
      input.end();
    });
  }
  if (settings.readsInput(command)) await input.whole();
  if (settings.latencyMs > 0) await wait(settings.latencyMs);
  const result = await answer(settings, command, { input, write: (text) => void channel.write(text) }, connection);
  if (result === undefined) {
    channel.close();
    return;
  }
  channel.stderr.write(result.stderr);
  channel.write(result.stdout);
  channel.exit(result.code);
  channel.end();
}

async function answer(
  settings: ServerSettings,
  command: string,
  terminal: Terminal,
  connection: Connection,
): Promise<PartResult | undefined> {
  try {
    return await settings.answer(command, terminal);
  } catch (error) {
    if (error instanceof Killed) return undefined;
    if (!(error instanceof Dropped)) throw error;
    connection.end();
    return undefined;
  }
}

/** A prompt for people: one plain command a line, no shell behind it. */
function serveShell(channel: ServerChannel, connection: Connection, settings: ServerSettings): void {
  const prompt = `${settings.user}@lvsform-sim# `;
  const say = (text: string): void => void channel.write(text.replace(/\r?\n/g, '\r\n'));
  say(`${settings.greeting}\n${prompt}`);
  let line = '';
  const run = async (): Promise<void> => {
    say('\n');
    const command = line.trim();
    line = '';
    if (command === 'exit' || command === 'logout') {
      endShell(channel);
      return;
    }
    const result = command === '' ? undefined : await answer(settings, command, nobody(), connection);
    say(`${result?.stdout ?? ''}${result?.stderr ?? ''}${prompt}`);
  };
  const type = async (text: string): Promise<void> => {
    for (const character of text) {
      if (character === '\r' || character === '\n') await run();
      else if (character === '\u0004') {
        endShell(channel);
        return;
      } else if (character === '\u007f') line = erase(line, say);
      else if (character >= ' ') {
        say(character);
        line += character;
      }
    }
  };
  // What is typed while a command runs waits for its end.
  let typed = Promise.resolve();
  channel.on('data', (chunk: Buffer) => {
    typed = typed.then(() => type(chunk.toString()));
  });
}

/** A command that is typed has no input of its own, and prints when it is done. */
function nobody(): Terminal {
  const input = new Input();
  input.end();
  return { input, write: () => undefined };
}

function erase(line: string, say: (text: string) => void): string {
  if (line !== '') say('\b \b');
  return line.slice(0, -1);
}

function endShell(channel: ServerChannel): void {
  channel.exit(0);
  channel.end();
}
