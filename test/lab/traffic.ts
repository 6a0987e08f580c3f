/** A director's client: fetches, probes that run while something else happens, and connections that are held. */
import type { ClientChannel } from 'ssh2';
import type { ExecResult } from './ssh';

export interface ProbeOptions {
  /** http://192.168.74.88/, http://[2001:db8:74::88]:8080/, tcp://…:7 or udp://…:53. The host is an address. */
  readonly url: string;
  /** A new connection this often; 20 by default. */
  readonly everyMs?: number;
  /** An attempt without an answer after this long has failed; 2000 by default. */
  readonly timeoutMs?: number;
  /** Longer than that, for the answer once the connection is accepted: a slow server is not a missing one. */
  readonly patienceMs?: number;
  /** So many attempts at a time at most: a probe must not drown what it watches. Any number by default. */
  readonly overlap?: number;
  /** Ends by itself after so many attempts, or after so long; otherwise with stop(). */
  readonly count?: number;
  readonly durationMs?: number;
  /** One of the client's addresses: 192.168.74.10 … .19, 2001:db8:74::10 … ::19. */
  readonly from?: string;
  /** Port of `from` for the first attempt; each has the next one. Chosen by the client's kernel by default. */
  readonly firstPort?: number;
}

export interface ProbeFailure {
  /** Since the start of the probe: when the attempt was begun, and when it was given up. */
  readonly atMs: number;
  readonly untilMs: number;
  readonly error: string;
  /** The connection was established, and then no answer came. */
  readonly accepted: boolean;
}

export interface ProbeResult {
  readonly attempts: number;
  readonly answered: number;
  readonly failed: number;
  /** How often each real server answered. */
  readonly servers: Readonly<Record<string, number>>;
  /** The first 1000. */
  readonly failures: readonly ProbeFailure[];
  /** By the guest's clock, in ms since the epoch. */
  readonly startedAt: number;
  readonly durationMs: number;
  readonly medianMs: number;
  readonly slowestMs: number;
}

export interface Probe {
  /** Lets the attempts under way finish, then tells. */
  stop(): Promise<ProbeResult>;
  /** For probes that end by themselves. */
  readonly done: Promise<ProbeResult>;
}

export interface HeldConnection {
  /** Sends a line and waits for the answer: say('hello') → 'rs1-hello'. Rejects when there is none in time. */
  say(line: string, timeoutMs?: number): Promise<string>;
  /** True once the other side has closed. */
  readonly ended: boolean;
  close(): Promise<void>;
}

export type Exec = (argv: readonly string[], options?: { readonly stdin?: string }) => Promise<ExecResult>;
type Start = (argv: readonly string[]) => Promise<ClientChannel>;

export class LabClient {
  readonly addresses = Array.from({ length: 10 }, (_, index) => `192.168.74.${10 + index}`);
  readonly addresses6 = Array.from({ length: 10 }, (_, index) => `2001:db8:74::${10 + index}`);

  constructor(
    readonly exec: Exec,
    private readonly start: Start,
  ) {}

  /** Starts a probe; resolves when its first attempt is over, so that what follows happens under its eyes. */
  async probe(options: ProbeOptions): Promise<Probe> {
    const channel = await this.start(['/lab/probe', ...probeArguments(options)]);
    let output = '';
    let complaint = '';
    let settle: () => void;
    const started = new Promise<void>((resolve) => (settle = resolve));
    channel.on('data', (data: Buffer) => {
      output += data.toString();
      if (output.startsWith('started\n')) settle();
    });
    channel.stderr.on('data', (data: Buffer) => (complaint += data.toString()));
    const done = new Promise<ProbeResult>((resolve, reject) => {
      channel.on('close', () => {
        const result = output.replace('started\n', '');
        if (result.startsWith('{')) resolve(JSON.parse(result) as ProbeResult);
        else reject(new Error(`the probe of ${options.url} failed: ${complaint}${output}`));
      });
    });
    done.catch(() => undefined); // whoever looks at `done` gets the error; nobody has to
    await Promise.race([started, done]);
    return {
      done,
      stop: () => {
        channel.end();
        return done;
      },
    };
  }

  /** So many requests, one after another; who answered how often. */
  async get(url: string, count = 1, options: Omit<ProbeOptions, 'url' | 'count'> = {}): Promise<ProbeResult> {
    const probe = await this.probe({ everyMs: 10, ...options, url, count });
    return probe.done;
  }

  /** One TCP connection that stays open, to the line echo on port 7 unless said otherwise. */
  async hold(address: string, port = 7): Promise<HeldConnection> {
    const host = address.includes(':') ? `TCP6:[${address}]` : `TCP4:${address}`;
    const channel = await this.start(['socat', '-', `${host}:${port}`]);
    let output = '';
    let ended = false;
    let heard: () => void = () => undefined;
    channel.on('data', (data: Buffer) => {
      output += data.toString();
      heard();
    });
    const closed = new Promise<void>((resolve) =>
      channel.on('close', () => {
        ended = true;
        heard();
        resolve();
      }),
    );
    return {
      get ended() {
        return ended;
      },
      async say(line, timeoutMs = 5000) {
        const end = Date.now() + timeoutMs;
        output = '';
        channel.write(`${line}\n`);
        while (!output.includes('\n')) {
          const left = end - Date.now();
          if (ended) throw new Error(`the connection to ${address}:${port} was closed`);
          if (left <= 0) throw new Error(`no answer from ${address}:${port} within ${timeoutMs} ms`);
          await Promise.race([
            new Promise<void>((resolve) => (heard = resolve)),
            new Promise<void>((resolve) => setTimeout(resolve, left).unref()),
          ]);
        }
        return output.slice(0, output.indexOf('\n'));
      },
      async close() {
        channel.end();
        await closed;
      },
    };
  }
}

function probeArguments(options: ProbeOptions): string[] {
  const url = new URL(options.url);
  const scheme = url.protocol.replace(':', '');
  const address = url.hostname.replace(/^\[|\]$/g, '');
  const usualPort = { http: '80', tcp: '7', udp: '53' }[scheme];
  if (usualPort === undefined) throw new Error(`a probe knows http, tcp and udp, not ${scheme}`);
  return [
    `scheme=${scheme}`,
    `address=${address}`,
    `port=${url.port === '' ? usualPort : url.port}`,
    `path=${url.pathname === '' ? '/' : url.pathname}`,
    `every=${options.everyMs ?? 20}`,
    `timeout=${options.timeoutMs ?? 2000}`,
    `patience=${options.patienceMs ?? 0}`,
    `overlap=${options.overlap ?? 0}`,
    `count=${options.count ?? 0}`,
    `duration=${options.durationMs ?? 0}`,
    `from=${options.from ?? ''}`,
    `from-port=${options.firstPort ?? 0}`,
  ];
}
