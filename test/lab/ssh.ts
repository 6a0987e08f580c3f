/** One SSH connection that stays open, for the lab's own use. What is tested brings its own way to connect. */
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { Client, type ClientChannel } from 'ssh2';

export interface ExecResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Target {
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly hostKey: string;
}

/** argv as one line of a POSIX shell. The only place where the lab quotes. */
export function quote(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)).join(' ');
}

export class Connection {
  private busy = 0;

  private constructor(
    private readonly client: Client,
    private readonly socket: Socket,
  ) {}

  static open(target: Target): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const client = new Client();
      const socket = connect(target.port, '127.0.0.1');
      socket.setNoDelay(true);
      client
        .once('ready', () => {
          client.removeListener('error', reject);
          client.on('error', () => undefined); // the channels say so too
          // Idle connections don't keep a process alive; work under way does (see channel()).
          socket.unref();
          resolve(new Connection(client, socket));
        })
        .once('error', reject)
        .connect({
          sock: socket,
          username: target.user,
          privateKey: readFileSync(target.identityFile),
          readyTimeout: 60_000,
          hostVerifier: (key: Buffer) => key.toString('base64') === target.hostKey.split(' ')[1],
        });
    });
  }

  start(argv: readonly string[]): Promise<ClientChannel> {
    return this.channel(quote(argv));
  }

  /**
   * Starts a command line and leaves the talking to the caller. What must not be missed is to be listened for in
   * `prepare`: a short command's exit arrives together with its start, before an await of this promise goes on.
   */
  channel(command: string, prepare: (channel: ClientChannel) => void = () => undefined): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      if (this.busy++ === 0) this.socket.ref();
      const idle = (): void => {
        if (--this.busy === 0) this.socket.unref();
      };
      const refuse = (error: Error): void => {
        idle();
        reject(error);
      };
      try {
        this.client.exec(command, (error, channel) => {
          if (error) {
            refuse(error);
            return;
          }
          channel.once('close', idle);
          prepare(channel);
          resolve(channel);
        });
      } catch (error) {
        refuse(error as Error);
      }
    });
  }

  exec(argv: readonly string[], stdin = ''): Promise<ExecResult> {
    const command = quote(argv);
    return new Promise((resolve, reject) => {
      let code: number | undefined;
      const stdout: Buffer[] = [];
      const stderr: Buffer[] = [];
      const listen = (channel: ClientChannel): void => {
        channel
          .on('data', (data: Buffer) => stdout.push(data))
          .on('exit', (exitCode: number | null) => (code = exitCode ?? 255))
          .on('error', reject)
          .on('close', () => {
            if (code === undefined) {
              reject(new Error(`the connection was lost while running: ${command}`));
              return;
            }
            resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
          });
        channel.stderr.on('data', (data: Buffer) => stderr.push(data));
        channel.end(stdin);
      };
      this.channel(command, listen).catch(reject);
    });
  }

  close(): void {
    this.client.end();
    this.socket.destroy();
  }
}
