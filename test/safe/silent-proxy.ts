/** A network that can fall silent: a TCP proxy that stops forwarding without closing anything. */
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

export class SilentProxy {
  private readonly sockets = new Set<Socket>();
  private cutOff = false;
  private healed = true;

  private constructor(
    private readonly server: Server,
    private readonly target: number,
  ) {
    server.on('connection', (client) => {
      this.serve(client);
    });
  }

  /** @param target port on this machine it leads to */
  static async open(target: number): Promise<SilentProxy> {
    const server = createServer();
    const proxy = new SilentProxy(server, target);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  /** No byte passes any more, in either direction, and nobody is told. @param heals whether new connections get through */
  cut(heals: boolean): void {
    this.cutOff = true;
    this.healed = heals;
    for (const socket of this.sockets) {
      socket.unpipe();
      socket.pause();
    }
  }

  /** Whether it was cut while somebody was connected. */
  get isCut(): boolean {
    return this.cutOff;
  }

  close(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private serve(client: Socket): void {
    this.keep(client);
    if (!this.healed) return;
    const far = this.keep(connect(this.target, '127.0.0.1'));
    client.pipe(far);
    far.pipe(client);
  }

  private keep(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.setNoDelay(true);
    return socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket));
  }
}
