/** One SSH connection that is up: commands through it, connections onwards from it, and its end. */
import type { Client, ClientChannel } from 'ssh2';
import { Failure } from './failure';
import type { Hop } from './route';
import type { Conversation, RunResult } from './runner';

/** How long a peer may take to close its side before nobody waits for it any more. */
const CLOSE_GRACE_MS = 500;

export class Link {
  /** Why the connection ended, once it has. */
  private ended: string | undefined;
  private lastError: string | undefined;
  private closing: Promise<void> | undefined;

  constructor(
    private readonly client: Client,
    readonly hop: Hop,
    /** Lets go of the jump host's connection this one runs through. */
    private readonly leaveGateway: () => Promise<void>,
  ) {
    // Without a listener an error, e.g. three missed keepalives, would end the process.
    client.on('error', (error) => (this.lastError = error.message));
    client.once('close', () => (this.ended ??= this.lastError ?? 'the other side closed it'));
  }

  get isOpen(): boolean {
    return this.ended === undefined;
  }

  onceClosed(listener: () => void): void {
    this.client.once('close', listener);
  }

  /**
   * Runs a script and collects its output as it is.
   *
   * A command that runs out of time is left to its fate: its channel is closed, and it ends when it next writes.
   *
   * @param timeoutMs 0 for no limit.
   * @throws Failure `timeout`, `connection-lost`, or `command-failed` when the server refuses to run anything.
   */
  run(script: string, stdin: string | undefined, timeoutMs: number): Promise<RunResult> {
    return new Promise((resolve, reject) => {
      let channel: ClientChannel | undefined;
      let timedOut = false;
      const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;

      function fail(failure: Failure): void {
        clearTimeout(timer);
        reject(failure);
      }
      const { label } = this.hop;
      function onTimeout(): void {
        timedOut = true;
        channel?.close();
        const limit = `${timeoutMs / 1000} s`;
        fail(new Failure('timeout', `the command on ${label} did not end within ${limit}`, TIMEOUT_HINT));
      }

      const started = (error: Error | undefined, opened: ClientChannel): void => {
        if (error !== undefined) {
          fail(this.isOpen ? refused(label, error) : this.lost(error));
          return;
        }
        channel = opened;
        if (timedOut) channel.close();
        collect(channel, stdin, (result) => {
          if (result === undefined) {
            fail(this.lost());
            return;
          }
          clearTimeout(timer);
          resolve(result);
        });
      };

      try {
        this.client.exec(script, started);
      } catch (error) {
        fail(this.lost(error));
      }
    });
  }

  /** Starts a script that stays. @throws Failure `connection-lost`, or `command-failed` when the server refuses. */
  hold(script: string): Promise<Conversation> {
    return new Promise((resolve, reject) => {
      const started = (error: Error | undefined, channel: ClientChannel): void => {
        if (error === undefined) resolve(converse(channel));
        else reject(this.isOpen ? refused(this.hop.label, error) : this.lost(error));
      };
      try {
        this.client.exec(script, started);
      } catch (error) {
        reject(this.lost(error));
      }
    });
  }

  /**
   * Opens a TCP connection from the far end to another host.
   *
   * @param timeoutMs the far end may wait much longer for a host that is silent; 0 for no limit
   * @throws Failure `unreachable`, `connection-lost`.
   */
  forward(next: Hop, timeoutMs: number): Promise<ClientChannel> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const onTimeout = (): void => {
        isLate = true;
        reject(silentFrom(this.hop, next, timeoutMs));
      };
      const timer = timeoutMs > 0 ? setTimeout(onTimeout, timeoutMs) : undefined;
      const opened = (error: Error | undefined, channel: ClientChannel): void => {
        clearTimeout(timer);
        if (isLate && error === undefined) channel.close();
        else if (error === undefined) resolve(channel);
        else if (this.isOpen) reject(unreachableFrom(this.hop, next, error));
        else reject(this.lost(error));
      };
      try {
        this.client.forwardOut('127.0.0.1', 0, next.host, next.port, opened);
      } catch (error) {
        clearTimeout(timer);
        reject(this.lost(error));
      }
    });
  }

  /** Ends the connection; commands still running fail with `connection-lost`. */
  close(): Promise<void> {
    this.closing ??= this.end();
    return this.closing;
  }

  private async end(): Promise<void> {
    if (this.isOpen) {
      const closed = new Promise<void>((resolve) => this.client.once('close', resolve));
      this.lastError = 'it was closed here';
      // Not end(): that waits for the other side, for ever where the network fell silent, and leaves destroy() nothing to
      // do (ssh2 destroys only what can still be written to).
      this.client.destroy();
      await atMost(CLOSE_GRACE_MS, closed);
    }
    await this.leaveGateway();
  }

  private lost(cause?: unknown): Failure {
    const why = this.ended ?? this.lastError ?? 'the command ended without an exit code';
    return new Failure('connection-lost', `the connection to ${this.hop.label} was lost: ${why}`, LOST_HINT, cause);
  }
}

/** Gathers what a command prints, and feeds it. The callback gets undefined when no exit code or signal arrived. */
function collect(
  channel: ClientChannel,
  stdin: string | undefined,
  done: (result: RunResult | undefined) => void,
): void {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  let code: number | null | undefined;
  channel.on('data', (chunk: Buffer) => stdout.push(chunk));
  channel.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  channel.on('exit', (exitCode: number | null) => (code = exitCode));
  // A command may end without reading all of its input; what that means is told by its exit code.
  channel.on('error', () => undefined);
  channel.on('close', () => {
    if (code === undefined) done(undefined);
    else done({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
  });
  channel.end(stdin);
}

function converse(channel: ClientChannel): Conversation {
  let stdout = '';
  let stderr = '';
  let over = false;
  let heard = (): void => undefined;
  channel.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    heard();
  });
  channel.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  channel.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    channel.on('close', () => {
      over = true;
      heard();
      resolve();
    });
  });
  return {
    ended,
    send: (line) => {
      if (!over) channel.write(`${line}\n`);
    },
    complaint: () => stderr,
    hear: (enough, timeoutMs) =>
      new Promise((resolve) => {
        const done = (): void => {
          clearTimeout(timer);
          heard = () => undefined;
          resolve(stdout);
        };
        const timer = setTimeout(done, timeoutMs);
        heard = () => {
          if (over || enough(stdout)) done();
        };
        heard();
      }),
    close: async () => {
      channel.end();
      await atMost(CLOSE_GRACE_MS, ended);
      channel.close();
    },
  };
}

async function atMost(ms: number, what: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
  await Promise.race([what, patience]);
  clearTimeout(timer);
}

const TIMEOUT_HINT = 'the director may be overloaded, or the command waits for something; look at it there';
const LOST_HINT = 'what had been started may have taken effect: plan again to see how the director stands now';

function refused(label: string, error: Error): Failure {
  return new Failure(
    'command-failed',
    `${label} refused to run a command: ${error.message}`,
    'the login may be restricted (ForceCommand, no shell), or too many sessions are open (MaxSessions in sshd_config)',
    error,
  );
}

function unreachableFrom(jump: Hop, next: Hop, error: Error): Failure {
  return new Failure(
    'unreachable',
    `${next.label} can not be reached from ${jump.label}: ${error.message.replace('(SSH) Channel open failure: ', '')}`,
    `check from there: nc -z ${next.host} ${next.port}; sshd on the jump host needs AllowTcpForwarding yes`,
    error,
  );
}

function silentFrom(jump: Hop, next: Hop, timeoutMs: number): Failure {
  return new Failure(
    'unreachable',
    `${next.label} does not answer ${jump.label} within ${timeoutMs / 1000} s`,
    `check that it is up and port ${next.port} is open in firewalls, from there: nc -z ${next.host} ${next.port}`,
  );
}
