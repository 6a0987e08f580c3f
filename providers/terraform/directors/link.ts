/** One director during one run: one connection, one reading for all who ask, and one change at a time. */
import { setImmediate as heard, setTimeout as wait } from 'node:timers/promises';
import { type DirectorAccess, fetchLive, readStats, withLock } from '../../../lib/apply';
import {
  allowFindings,
  ApplyError,
  type Author,
  chainName,
  type Director,
  type DirectorPlan,
  isPending,
  type LiveDirector,
  LvsformError,
  type Stats,
  TransportError,
} from '../../../lib/model';
import { type Aim, applyPrepared, planLive, prepare } from '../../../lib/pipeline';
import { type Connect, newNonce, type Runner } from '../../../lib/transport';
import { refuseBlocked } from './allowed';
import { entryId, type Intent, onlyTouched, type Wish, wishOf } from './wish';

export interface LinkOptions {
  stack: string;
  director: Director;
  connect: Connect<Director>;
  author: Author;
  /** Version of the provider, for the ledger. */
  tool: string;
  /** Codes of blocking findings that may pass in this run. */
  allowed: readonly string[];
}

/**
 * Changes that come within this time of each other go together: core sends what may run at once one after the other, a
 * few milliseconds apart. A batch has its price, however small it is: lock, readings, undo.
 */
const QUIET_MS = 25;

/** Core plans a change once more right before it asks for it, so one that was planned is on its way. */
const ANNOUNCED_MS = 500;

/** But the first one does not wait longer than this for more. */
const GATHER_MS = 5000;

/** Another provider process, or lvsform, may be at it. */
const LOCK_WAIT_SECONDS = 120;

interface Waiting {
  intent: Intent;
  resolve: () => void;
  reject: (error: unknown) => void;
}

export class DirectorLink {
  private reading: Promise<LiveDirector> | undefined;
  private first: Promise<LiveDirector> | undefined;
  private connection: Promise<Runner> | undefined;
  private waiting: Waiting[] = [];
  private working: Promise<void> | undefined;
  /** Changes that were judged and not asked for yet, by the ids of what they put. */
  private readonly announced = new Set<string>();

  constructor(
    private readonly options: LinkOptions,
    private readonly signal: AbortSignal,
  ) {}

  /** The director as it was read first in this run, or after the last change. @throws TransportError, ParseError */
  live(): Promise<LiveDirector> {
    this.reading ??= this.fetch();
    this.first ??= this.reading;
    return this.reading;
  }

  /** What has passed it so far. @throws TransportError, ParseError */
  async stats(): Promise<Stats> {
    return readStats(await this.access());
  }

  /** What a change would be, judged by the core against the first reading of the run. @throws CapabilityError, UsageError, TransportError */
  async judge(intent: Intent): Promise<DirectorPlan> {
    const { stack, director, allowed } = this.options;
    const { wish, live } = wishOf(stack, director, onlyTouched(stack, await (this.first ?? this.live()), [intent]), [
      intent,
    ]);
    const { plan } = planLive(stack, wish, live, false);
    // What is only taken away is not planned again before it is asked for, and what is blocked is never asked for.
    if (intent.put.length > 0 && allowFindings(plan.findings, allowed).length === 0) this.announced.add(idsOf(intent));
    return plan;
  }

  /** Carries out a change, together with others that come at the same time. @throws LvsformError */
  change(intent: Intent): Promise<void> {
    this.announced.delete(idsOf(intent));
    return new Promise((resolve, reject) => {
      this.waiting.push({ intent, resolve, reject });
      this.working ??= this.work();
    });
  }

  async close(): Promise<void> {
    await this.working;
    const runner = await this.connection?.catch(() => undefined);
    this.connection = undefined;
    await runner?.close();
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      await this.workOn(await this.gather());
    }
    this.working = undefined;
  }

  /** Takes what has come once nothing more does. */
  private async gather(): Promise<Waiting[]> {
    const begin = performance.now();
    let [count, last] = [this.waiting.length, begin];
    for (let now = begin; now - begin < GATHER_MS; now = performance.now()) {
      await wait(QUIET_MS);
      // Where this process was busy itself, what came meanwhile is heard first.
      await heard();
      if (this.waiting.length > count) [count, last] = [this.waiting.length, performance.now()];
      else if (this.announced.size === 0 || performance.now() - last >= ANNOUNCED_MS) break;
    }
    return this.waiting.splice(0);
  }

  private async workOn(batch: readonly Waiting[]): Promise<void> {
    if (this.signal.aborted) {
      for (const { reject } of batch) reject(this.stopped());
      return;
    }
    try {
      await this.carryOut(batch.map(({ intent }) => intent));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      if (batch.length > 1 && isAboutOne(error)) {
        // Everything was put back: in halves, the culprit is found soon, however many it was among.
        const half = Math.ceil(batch.length / 2);
        await this.workOn(batch.slice(0, half));
        await this.workOn(batch.slice(half));
        return;
      }
      for (const { reject } of batch) reject(error);
    }
  }

  private async carryOut(intents: readonly Intent[]): Promise<void> {
    const { stack, director, author, tool, connect, allowed } = this.options;
    const at = (read: LiveDirector): Wish => wishOf(stack, director, read, intents);
    const aim: Aim = { stack, destroy: false, adopts: true, at };
    const settings = { tool, author };
    try {
      const access = await this.access();
      // The lock comes first: batches follow each other, and a reading under it need not be made twice.
      await withLock(access, { stack, author, waitSeconds: LOCK_WAIT_SECONDS }, async (lock) => {
        const prepared = await prepare(aim, access, lock);
        if (!isPending(prepared.plan)) return;
        // Connections come and go: what was harmless when it was planned may not be any more.
        refuseBlocked(prepared.plan, allowed);
        const hooks = { connect: () => connect(director), lock, signal: this.signal };
        await applyPrepared(aim, prepared, access, settings, hooks);
      });
    } catch (error) {
      await this.forget();
      throw error;
    } finally {
      this.reading = undefined;
    }
  }

  private async fetch(): Promise<LiveDirector> {
    return fetchLive(await this.access(), chainName(this.options.stack));
  }

  private async access(): Promise<DirectorAccess> {
    const { director, connect } = this.options;
    this.connection ??= connect(director);
    return { name: director.name, sudo: director.sudo ?? false, runner: await this.connection, nonce: newNonce };
  }

  /** After a failure the connection may be dead: the next one starts anew. */
  private async forget(): Promise<void> {
    const connection = this.connection;
    this.connection = undefined;
    const runner = await connection?.catch(() => undefined);
    await runner?.close();
  }

  private stopped(): ApplyError {
    return new ApplyError(
      'interrupted',
      this.options.director.name,
      'Terraform was asked to stop: this was not begun',
      {
        hint: 'apply again to go on',
      },
    );
  }
}

const idsOf = ({ put }: Intent): string => put.map(entryId).join(' ');

/** Whether leaving out one change may help the others. */
function isAboutOne(error: unknown): boolean {
  if (!(error instanceof LvsformError)) return false;
  if (error instanceof TransportError || error.cause instanceof TransportError) return false;
  return !['locked', 'lock-lost', 'no-net', 'interrupted'].includes(error.code);
}
