/** A bench for tests of SSH: a home directory and servers that are gone after each test. Import it to have its hooks. */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { type Director, LvsformError } from '../../lib/model';
import { connectSsh, type Runner, type SshOptions } from '../../lib/transport';
import { makeSshHome, type SshHome } from './ssh-home';
import { newKey, type ServerOptions, startServer, type TestServer } from './ssh-server';

/** The key in the home directory, which servers accept unless told otherwise. */
export const user = newKey();
export let home: SshHome;
const cleanups: (() => unknown)[] = [];

/** Runs after the test, last come first. */
export function afterTest(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

beforeEach(() => {
  home = makeSshHome();
  home.writeKey('id_ed25519', user);
  afterTest(() => {
    home.remove();
  });
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

export async function serve(options: ServerOptions = {}): Promise<TestServer> {
  const server = await startServer({ authorized: [user.public], ...options });
  afterTest(() => server.stop());
  return server;
}

/** A director at a test server, whose key is given unless the test says otherwise. */
export function at(server: TestServer, fields: Partial<Director> = {}): Director {
  return { name: 'lb1', host: '127.0.0.1', port: server.port, user: 'ops', hostKey: server.hostKey, ...fields };
}

export function withoutKey(director: Director): Director {
  const { hostKey: _hostKey, ...rest } = director;
  return rest;
}

export function know(...servers: { port: number; hostKey: string }[]): void {
  home.write('known_hosts', servers.map((server) => `[127.0.0.1]:${server.port} ${server.hostKey}\n`).join(''));
}

export async function connect(director: Director, options: SshOptions = {}): Promise<Runner> {
  const runner = await connectSsh(director, { env: home.env, ...options });
  afterTest(() => runner.close());
  return runner;
}

export async function failure(promise: Promise<unknown>): Promise<LvsformError> {
  const outcome = await promise.then(
    () => 'it worked',
    (error: unknown) => error,
  );
  if (outcome instanceof LvsformError) return outcome;
  throw new Error(`expected one of our errors, got ${String(outcome)}`);
}

export function containing(text: string): unknown {
  return expect.stringContaining(text);
}

export async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; !condition() && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

export async function listen(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer();
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterTest(() => {
    sockets.forEach((socket) => {
      socket.destroy();
    });
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

export async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
