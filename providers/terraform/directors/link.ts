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
  UsageError,
} from '../../../lib/model';
import { knownLedger } from '../../../lib/plan';
import { type Aim, applyPrepared, planLive, prepare } from '../../../lib/pipeline';
import { type Connect, newNonce, type Runner } from '../../../lib/transport';
import { refuseBlocked } from './allowed';
import { halvesOf } from './halves';
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

/**
 * Core plans a change once more right before it asks for it, so one that was planned is on its way. With a thousand of
 * them on a busy machine core is silent for a second now and then.
 */
const ANNOUNCED_MS = 2000;

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
  /** Changes that were judged, or are being judged, and not asked for yet, by the ids of what they put. */
  private readonly announced = new Set<string>();
  private judging = 0;
  private toldPersist = false;
  /** What has become of the entries that this run puts, by id. */
  private readonly puts = new Map<string, 'asked' | 'made' | 'failed'>();

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

  /**
   * Whether the boot files are not as the provider block wants them, though there is something to restore; the first one
   * who asks is told.
   */
  async awaitsPersist(): Promise<boolean> {
    const { stack, director } = this.options;
    const ledger = knownLedger(stack, await this.live());
    if (this.toldPersist || ledger === undefined || ledger.persist === (director.persist ?? false)) return false;
    this.toldPersist = true;
    return true;
  }

  /** What has passed it so far. @throws TransportError, ParseError */
  async stats(): Promise<Stats> {
    return readStats(await this.access());
  }

  /** What a change would be, judged by the core against the first reading of the run. @throws CapabilityError, UsageError, TransportError */
  async judge(intent: Intent): Promise<DirectorPlan> {
    const { allowed } = this.options;
    // What is only taken away is not planned again before it is asked for. What is put is announced before it is known
    // to be good: else a delete of the same entry, which nobody judges, would leave before it.
    if (intent.put.length > 0) this.announced.add(idsOf(intent));
    this.judging += 1;
    try {
      const plan = await this.planFor(intent);
      // What is blocked is never asked for.
      if (allowFindings(plan.findings, allowed).length > 0) this.fail(intent);
      return plan;
    } catch (error) {
      if (!(error instanceof TransportError)) this.fail(intent);
      // It was not judged, and core may ask for it all the same.
      else this.announced.delete(idsOf(intent));
      throw error;
    } finally {
      this.judging -= 1;
    }
  }

  /** Carries out a change, together with others that come at the same time. @throws LvsformError */
  change(intent: Intent): Promise<void> {
    this.announced.delete(idsOf(intent));
    const ids = intent.put.map(entryId);
    const twin = ids.find((id) => ['asked', 'made'].includes(this.puts.get(id) ?? ''));
    if (twin !== undefined) return Promise.reject(declaredTwice(this.options.director, twin));
    // Now, and not once it is made: two that come at the same time are to know of each other.
    for (const id of ids) this.puts.set(id, 'asked');
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

  private async planFor(intent: Intent): Promise<DirectorPlan> {
    const { stack, director } = this.options;
    const touched = onlyTouched(stack, await (this.first ?? this.live()), [intent]);
    const { wish, live } = wishOf(stack, director, touched, [intent]);
    return planLive(stack, wish, live, false).plan;
  }

  private async work(): Promise<void> {
    while (this.waiting.length > 0) {
      await this.workOn(await this.gather());
    }
    this.working = undefined;
  }

  /** Takes what has come once nothing more does. */
  private async gather(): Promise<Waiting[]> {
    await this.arrive();
    const begin = performance.now();
    let [count, last] = [this.waiting.length, begin];
    for (let now = begin; this.judging > 0 || now - begin < GATHER_MS; now = performance.now()) {
      await wait(QUIET_MS);
      // Where this process was busy itself, what came meanwhile is heard first.
      await heard();
      if (this.judging > 0 || this.waiting.length > count) [count, last] = [this.waiting.length, performance.now()];
      else if (this.announced.size === 0 || performance.now() - last >= ANNOUNCED_MS) break;
    }
    return this.waiting.splice(0);
  }

  private async workOn(batch: readonly Waiting[]): Promise<void> {
    if (this.signal.aborted) {
      this.refuse(batch, this.stopped());
      return;
    }
    try {
      await this.carryOut(batch.map(({ intent }) => this.withoutMade(intent)));
      for (const { intent, resolve } of batch) {
        for (const id of intent.put.map(entryId)) this.puts.set(id, 'made');
        resolve();
      }
    } catch (error) {
      const [first, second] = isAboutOne(error) ? halvesOf(batch) : [batch, []];
      if (second.length > 0) {
        // Everything was put back: in halves, the culprit is found soon, however many it was among.
        await this.workOn(first);
        await this.workOn(second);
        return;
      }
      this.refuse(batch, error);
    }
  }

  private refuse(batch: readonly Waiting[], error: unknown): void {
    for (const { intent, reject } of batch) {
      this.fail(intent);
      reject(error);
    }
  }

  private fail(intent: Intent): void {
    this.announced.delete(idsOf(intent));
    for (const id of intent.put.map(entryId)) if (this.puts.get(id) !== 'made') this.puts.set(id, 'failed');
  }

  /**
   * Entries may change resources within a run, and the one that had it comes to drop it whenever it gets its turn: what
   * another one has made meanwhile stays.
   *
   * @throws UsageError `not-replaced` where what was to take its place has failed: better the old one than none
   */
  private withoutMade(intent: Intent): Intent {
    const own = new Set(intent.put.map(entryId));
    const drop = intent.drop.filter((entry) => own.has(entryId(entry)) || this.puts.get(entryId(entry)) !== 'made');
    const lost = drop.map(entryId).find((id) => !own.has(id) && this.puts.get(id) === 'failed');
    if (lost !== undefined) throw notReplaced(this.options.director, lost);
    return { ...intent, drop };
  }

  private async carryOut(intents: readonly Intent[]): Promise<void> {
    if (intents.every(({ drop, put }) => drop.length + put.length === 0)) return;
    const { stack, director, author, tool, connect, allowed } = this.options;
    const at = (read: LiveDirector): Wish => wishOf(stack, director, read, intents);
    const aim: Aim = { stack, destroy: false, adopts: true, at };
    const settings = { tool, author };
    try {
      const access = await this.access();
      // The lock comes first: batches follow each other, and a reading under it need not be made twice.
      await withLock(access, { stack, author, waitSeconds: LOCK_WAIT_SECONDS, signal: this.signal }, async (lock) => {
        const prepared = await prepare(aim, access, lock);
        if (!isPending(prepared.plan)) return;
        // Connections come and go: what was harmless when it was planned may not be any more.
        refuseBlocked(prepared.plan, allowed);
        const hooks = { connect: () => connect(director), lock, signal: this.signal };
        await applyPrepared(aim, prepared, access, settings, hooks);
      });
      // Who could not be read at first is there now.
      void this.first?.catch(() => (this.first = undefined));
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

  /** Logs in, which takes its time: what comes meanwhile goes along. A login that was refused earlier is tried again. */
  private async arrive(): Promise<void> {
    const earlier = this.connection;
    const failed = await earlier?.then(() => false, () => true); // prettier-ignore
    if (failed === true && this.connection === earlier) this.connection = undefined;
    // What is wrong is told to those who wait.
    await this.access().catch(() => undefined);
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

function declaredTwice({ name }: Director, id: string): UsageError {
  return new UsageError('declared-twice', `${name}/${id} is declared by two resources`, {
    hint: 'they would take it from each other at every apply: remove one of them',
  });
}

function notReplaced({ name }: Director, id: string): UsageError {
  return new UsageError('not-replaced', `${name}/${id} stays: the resource that was to take it over has failed`, {
    hint: 'apply again once that one is right',
  });
}

/** Whether leaving out one change may help the others. */
function isAboutOne(error: unknown): boolean {
  if (!(error instanceof LvsformError)) return false;
  if (error instanceof TransportError || error.cause instanceof TransportError) return false;
  return !['locked', 'lock-lost', 'no-net', 'interrupted', 'stopped'].includes(error.code);
}
