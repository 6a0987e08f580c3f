/** One director during one run: one connection, one reading for all who ask, and one change at a time. */
import {
  applyDirector,
  confirm,
  type DirectorAccess,
  fetchLive,
  planBoot,
  stagesOf,
  withLock,
} from '../../../lib/apply';
import {
  ApplyError,
  type Author,
  chainName,
  type Change,
  type Director,
  type DirectorPlan,
  type LiveDirector,
  LvsformError,
  recordName,
  TransportError,
} from '../../../lib/model';
import { planLive } from '../../../lib/pipeline';
import { drainPolicies, knownLedger, ledgerOf } from '../../../lib/plan';
import { type Connect, newNonce, type Runner } from '../../../lib/transport';
import { type Intent, onlyTouched, wishOf } from './wish';

export interface LinkOptions {
  stack: string;
  director: Director;
  connect: Connect<Director>;
  author: Author;
  /** Version of the provider, for the ledger. */
  tool: string;
}

/** Requests that come within this time go together: core sends what may run at once within a millisecond or two. */
const GATHER_MS = 5;

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

  /** What a change would be, judged by the core against the first reading of the run. @throws CapabilityError, UsageError, TransportError */
  async judge(intent: Intent): Promise<DirectorPlan> {
    const { stack, director } = this.options;
    const { wish, live } = wishOf(stack, director, onlyTouched(stack, await (this.first ?? this.live()), [intent]), [
      intent,
    ]);
    return planLive(stack, wish, live, false).plan;
  }

  /** Carries out a change, together with others that come at the same time. @throws LvsformError */
  change(intent: Intent): Promise<void> {
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
      await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
      const batch = this.waiting.splice(0);
      if (this.signal.aborted) for (const { reject } of batch) reject(this.stopped());
      else await this.workOn(batch);
    }
    this.working = undefined;
  }

  private async workOn(batch: readonly Waiting[]): Promise<void> {
    try {
      await this.carryOut(batch.map(({ intent }) => intent));
      for (const { resolve } of batch) resolve();
    } catch (error) {
      if (batch.length > 1 && isAboutOne(error)) {
        // Everything was put back: alone, each one shows whether it was the culprit.
        for (const one of batch) await this.workOn([one]);
        return;
      }
      for (const { reject } of batch) reject(error);
    }
  }

  private async carryOut(intents: readonly Intent[]): Promise<void> {
    const { stack, director, author, tool } = this.options;
    const planNow = (now: LiveDirector) => {
      const { wish, live } = wishOf(stack, director, now, intents);
      return { wish, live, ...planLive(stack, wish, live, false) };
    };
    const settings = { tool, author, lockWaitSeconds: LOCK_WAIT_SECONDS };
    const ledgerFor = (now: LiveDirector, left: readonly Change[], unpersisted = false) => {
      const { wish, live } = wishOf(stack, director, now, intents);
      const at = new Date().toISOString();
      return ledgerOf(stack, wish, live, { ...settings, at, destroy: false, left, unpersisted });
    };
    /** That boot files are gone is known once they are. */
    const record = (to: DirectorAccess, now: LiveDirector, token: string) => {
      const entry = { at: new Date().toISOString(), ...author, stack, outcome: 'adopted', changes: [] };
      return confirm(to, { token, record: recordName(stack) }, ledgerFor(now, [], true), entry);
    };
    try {
      const access = await this.access();
      const now = await fetchLive(access, chainName(stack));
      const { wish, live, plan, standing } = planNow(now);
      const persisted = knownLedger(stack, now)?.persist === true;
      const boot = await planBoot(stack, wish, standing, access, { destroy: false, persisted });
      if (plan.steps.length === 0) {
        const before = knownLedger(stack, now)?.entries ?? [];
        const isKnown = JSON.stringify(ledgerFor(now, [])?.entries ?? []) === JSON.stringify(before);
        if (isKnown && boot?.isPending !== true) return;
        await withLock(access, { stack, author, waitSeconds: LOCK_WAIT_SECONDS }, async ({ token }) => {
          await boot?.write(access, standing);
          await record(access, now, token);
        });
        return;
      }
      await applyDirector({
        plan,
        stages: stagesOf(plan.steps, plan.changes, drainPolicies(stack, wish, live)),
        wish,
        access,
        net: settings,
        connect: () => this.options.connect(director),
        planAgain: (again) => planNow(again).plan,
        ...(boot === undefined
          ? {}
          : {
              afterwards: async (fresh, then, token) => {
                await boot.write(fresh, planNow(then).standing);
                if (boot.isLast) await record(fresh, then, token);
              },
            }),
        ledgerFor,
        signal: this.signal,
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

/** Whether leaving out one change may help the others. */
function isAboutOne(error: unknown): boolean {
  if (!(error instanceof LvsformError)) return false;
  if (error instanceof TransportError || error.cause instanceof TransportError) return false;
  return !['locked', 'lock-lost', 'no-net', 'interrupted'].includes(error.code);
}
