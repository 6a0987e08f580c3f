/** What a client of a safe apply does on a director, simulated or real: the scripts, fed and read. */
import type { BatchOutcome } from '../../lib/dialect';
import { drainInput, type DrainReading, drainScript, parseDrain } from '../../lib/dialect/drain-script';
import { confirmInput, confirmScript, guardInput, guardScript } from '../../lib/dialect/guard-script';
import {
  HEARTBEAT_SECONDS,
  lockScript,
  locksScript,
  parseSaid,
  rollbackInput,
  rollbackScript,
  type Said,
} from '../../lib/dialect/lock-script';
import { type BatchPart, fetchScript, parseBatch } from '../../lib/dialect/script';
import { renderUndo } from '../../lib/dialect/undo-program';
import type { Command, ServiceKey } from '../../lib/model';
import { type Conversation, connectSsh, newNonce, type Runner } from '../../lib/transport';

/** How a director is reached. */
export interface Login {
  name: string;
  host: string;
  port: number;
  user: string;
  identityFile: string;
  hostKey: string;
}

export interface Lock {
  said: Said | undefined;
  conversation: Conversation;
}

/** What the guarded batch is given; the defaults change nothing and take nothing back. */
export interface Guarded {
  token: string;
  seconds?: number;
  /** Each restore or run of ipvsadm a part of its own. */
  commands?: readonly Command[];
  undo?: readonly Command[];
  record?: string;
  pauseSeconds?: number;
  /** Patience with an answer. */
  timeoutMs?: number;
}

export const ipvsadm = (line: string): Command => ({ tool: 'ipvsadm', args: line.split(' ') });

/** A swap of the chain of mark rules. */
export const restore = (...rules: string[]): Command => ({
  tool: 'iptables-restore',
  args: ['--noflush'],
  input: ['*mangle', ':LVSFORM-edge - [0:0]', '-F LVSFORM-edge', ...rules, 'COMMIT', ''].join('\n'),
});

/** One connection to a director. */
export class SafeClient {
  private constructor(
    readonly runner: Runner,
    readonly sudo: boolean,
  ) {}

  static async connect(login: Login): Promise<SafeClient> {
    const { name, host, port, user, identityFile, hostKey } = login;
    const runner = await connectSsh(
      { name, host, port, user, identityFile, hostKey },
      { sshConfigFile: '/dev/null', env: {} },
    );
    return new SafeClient(runner, user !== 'root');
  }

  /** Asks for the lock and waits for the answer. */
  async lock(token: string, { beats = true, secondMs = 1000, timeoutMs = 60_000 } = {}): Promise<Lock> {
    const nonce = newNonce();
    const conversation = await this.runner.hold(lockScript({ nonce, sudo: this.sudo }));
    conversation.send(JSON.stringify(holder(token)));
    if (beats) {
      const heart = setInterval(() => {
        conversation.send('alive');
      }, HEARTBEAT_SECONDS * secondMs);
      void conversation.ended.then(() => {
        clearInterval(heart);
      });
    }
    const stdout = await conversation.hear((text) => parseSaid(text, nonce) !== undefined, timeoutMs);
    return { said: parseSaid(stdout, nonce), conversation };
  }

  async locks(): Promise<Said | undefined> {
    return this.ask((options) => locksScript(options), '');
  }

  /** Reads the director under the lock, which keeps what it printed. */
  async read(token: string): Promise<void> {
    const nonce = newNonce();
    const { stdout } = await this.runner.run(fetchScript({ nonce, sudo: this.sudo }, 'tables', token));
    if (!stdout.endsWith(`@@${nonce} end\n`)) throw new Error(`the reading is cut short: ${stdout.slice(-80)}`);
  }

  /** What became of the batch, or why it was not begun. */
  async guard(guarded: Guarded): Promise<BatchOutcome[] | 'truncated' | Said> {
    const {
      token,
      seconds = 0,
      commands = [],
      undo = [],
      record = 'edge',
      pauseSeconds,
      timeoutMs = 120_000,
    } = guarded;
    const nonce = newNonce();
    const lines = commands.map(linesOf);
    const parts: BatchPart[] = commands.map(({ tool }, i) => ({
      tool,
      lines: lines[i]?.length ?? 0,
      ...(pauseSeconds === undefined ? {} : { pauseSeconds }),
    }));
    const header = { token, record, confirmSeconds: seconds, chain: 'LVSFORM-edge' };
    const stdin = guardInput(header, lines.flat(), renderUndo(undo), nonce);
    const { stdout } = await this.runner.run(guardScript(parts, { nonce, sudo: this.sudo }), { stdin, timeoutMs });
    return parseSaidExceptEnd(stdout, nonce) ?? parseBatch(stdout, nonce);
  }

  async confirm(
    token: string,
    ledger: object | null = { entries: [] },
    record = 'edge',
    isApply = false,
  ): Promise<Said | undefined> {
    return this.ask(
      (options) => confirmScript(options),
      (nonce) => confirmInput({ token, record, isApply }, ledger, { did: 'apply' }, nonce),
    );
  }

  /** @param apply the token of the only apply that is to be taken back */
  async rollback(token: string, record = 'edge', apply?: string): Promise<Said | undefined> {
    return this.ask(
      (options) => rollbackScript(options),
      (nonce) => rollbackInput(token, record, nonce, apply),
    );
  }

  /** Connections by service and server. */
  async drain(services: readonly ServiceKey[]): Promise<DrainReading['connections']> {
    const nonce = newNonce();
    const script = drainScript({ nonce, sudo: this.sudo });
    const { stdout } = await this.runner.run(script, { stdin: drainInput(services, nonce) });
    const { connections, failures } = parseDrain(stdout, nonce, services);
    if (Object.keys(failures).length > 0) throw new Error(`not listed: ${JSON.stringify(failures)}`);
    return connections;
  }

  close(): Promise<void> {
    return this.runner.close();
  }

  private async ask(
    script: (options: { nonce: string; sudo: boolean }) => string,
    stdin: string | ((nonce: string) => string),
  ): Promise<Said | undefined> {
    const nonce = newNonce();
    const { stdout, stderr } = await this.runner.run(script({ nonce, sudo: this.sudo }), {
      stdin: typeof stdin === 'string' ? stdin : stdin(nonce),
    });
    if (stderr !== '') throw new Error(`the script complains: ${stderr}`);
    return parseSaid(stdout, nonce);
  }
}

export const holder = (token: string) => ({
  stack: 'edge',
  author: { by: 'ada@build-7' },
  since: '2026-01-02T03:04:05.000Z',
  token,
});

const linesOf = ({ args, input }: Command): string[] =>
  input === undefined ? [args.join(' ')] : input.trimEnd().split('\n');

/** A report ends with a word of its own, and has numbers before it. */
function parseSaidExceptEnd(stdout: string, nonce: string): Said | undefined {
  const said = parseSaid(stdout, nonce);
  return said?.word === 'end' || said?.word === 'truncated' ? undefined : said;
}
