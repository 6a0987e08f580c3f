/** An SSH agent inside the test, holding the keys it is given. */
import { createServer, type Socket } from 'node:net';
import { AgentProtocol, type ParsedKey } from 'ssh2';

export interface TestAgent {
  socket: string;
  /** How often it signed. */
  signatures: number;
  /** Lists its keys, and signs nothing. */
  locked: boolean;
  stop(): Promise<void>;
}

export async function startAgent(socket: string, keys: readonly ParsedKey[]): Promise<TestAgent> {
  const state = { socket, signatures: 0, locked: false };
  const sockets = new Set<Socket>();
  const server = createServer((connection) => {
    sockets.add(connection);
    connection.on('error', () => undefined);
    const agent = new AgentProtocol(false);
    agent.on('identities', (request) => {
      agent.getIdentitiesReply(request, [...keys]);
    });
    agent.on('sign', (request, pubKey, data, options) => {
      const key = typeof pubKey === 'object' && 'type' in pubKey ? keys.find((held) => same(held, pubKey)) : undefined;
      if (key === undefined || state.locked) {
        agent.failureReply(request);
        return;
      }
      state.signatures += 1;
      agent.signReply(request, key.sign(data, options.hash));
    });
    connection.pipe(agent).pipe(connection);
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return Object.assign(state, {
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        sockets.forEach((connection) => connection.destroy());
      }),
  });
}

const same = (a: ParsedKey, b: ParsedKey): boolean => a.getPublicSSH().equals(b.getPublicSSH());
