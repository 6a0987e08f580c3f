/** A place for terraform's state as a team has one, behind terraform's `http` backend. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

export interface StateStore {
  /** A `terraform` block that keeps a state there. */
  backend(name: string): object;
  close(): void;
}

export async function startStateStore(): Promise<StateStore> {
  const states = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const name = request.url ?? '';
    void buffer(request).then((body) => {
      if (request.method === 'POST') states.set(name, body);
      const state = states.get(name);
      response.statusCode = state === undefined ? 404 : 200;
      response.end(request.method === 'GET' ? state : undefined);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    backend: (name) => ({ terraform: { backend: { http: { address: `http://127.0.0.1:${port}/${name}` } } } }),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
