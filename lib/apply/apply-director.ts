/**
 * One director's part of an apply, with a net under it: lock → recheck → for each stage (drain →) place and arm the undo
 * → execute → verify over a new connection → record and disarm. Whatever goes wrong in between ends with the director as
 * it was before, put back by us or, when we are gone, by itself.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { chainName, ApplyError, type Author, type Change, type DirectorPlan, type Finding, type Holder, type Ledger, LvsformError, type LiveDirector, recordName, type Step, isTakenBack, RETRY_UNDO, type UndoRecord, wordsOf } from '../model'; // prettier-ignore
import { controllersScript, type GuardHeader, parseControllers } from '../dialect';
import type { Runner } from '../transport';
import { blockedError, codesOf, newlyBlocking } from './blocked';
import { awaitDrains, type DrainProgress } from './drain';
import type { Stage } from './stages';
import { type DirectorAccess, fetchLive, shareFacts } from './fetch';
import { confirm, executeGuarded, takeBack } from './guard';
import { type DirectorLock, withLock } from './lock';
import { interruptedError, judgeSteps, refusalError } from './report-refusal';

export interface NetOptions {
  author: Author;
  /** How long the director waits for the confirmation; 0: no switch. Default 90. */
  confirmSeconds?: number;
  /** How long to wait for the lock. Default 0. */
  lockWaitSeconds?: number;
}

/** What of an apply stays in effect unless it is taken back. */
export interface Effect {
  /** Of the lock it was done under: its undo has the same. */
  token: string;
  /** How many of its steps. */
  steps: number;
  /** The ledger as it was written, if it was. */
  ledger?: Ledger | null;
}

/** Tells what happens on a director while it happens. */
export type ApplyEvent =
  | { kind: 'waiting'; holder: Holder | undefined }
  | { kind: 'locked' }
  | { kind: 'executing'; steps: number; confirmSeconds: number }
  | { kind: 'draining'; progress: readonly DrainProgress[] }
  | { kind: 'verified' }
  | { kind: 'confirmed' }
  | { kind: 'taken-back'; undo: UndoRecord };

export interface DirectorApply {
  plan: DirectorPlan;
  stages: readonly Stage[];
  access: DirectorAccess;
  /** Opens another connection to the same director. */
  connect: () => Promise<Runner>;
  /** What is left to do for this table; empty when it is as wished. */
  planAgain: (live: LiveDirector) => DirectorPlan;
  /** What the stack owns once a stage is done; null when nothing is left. */
  ledgerFor: (live: LiveDirector, left: readonly Change[]) => Ledger | null;
  /** What is left to write once the table is as wished: boot files. */
  afterwards?: (access: DirectorAccess, now: LiveDirector, token: string) => Promise<void>;
  net: NetOptions;
  /** Codes of blocking findings that may come up under the lock, beside those that `plan` has. */
  allowed?: readonly string[] | undefined;
  /** The lock, where it is held since before the director was read; else it is taken, and the director read again. */
  lock?: DirectorLock;
  onEvent?: (event: ApplyEvent) => void;
  /** Told each time that more of it is confirmed, and when a lost connection has left some of it. */
  onEffect?: (effect: Effect) => void;
  /** Ends drains. */
  signal?: AbortSignal;
  /** Keeps from beginning what waits for the lock. */
  beginSignal?: AbortSignal;
}

export const DEFAULT_CONFIRM_SECONDS = 90;

/** How long to wait for a holder of ours that has just lost its connection. */
const RECONNECT_WAIT_SECONDS = 60;
/** How long giving the lock back may take on a connection that may be dead. */
const RELEASE_MS = 3000;

/**
 * Applies the plan of one director.
 *
 * @returns how each drain ended
 * @throws ApplyError, TransportError: see {@link ApplyError}'s codes; `rolled-back` says that the director is as before
 */
export async function applyDirector(job: DirectorApply): Promise<DrainProgress[]> {
  if (job.lock !== undefined) return runStages(job, job.lock);
  const options = {
    stack: job.plan.stack,
    author: job.net.author,
    waitSeconds: job.net.lockWaitSeconds ?? 0,
    onWait: (holder: Holder | undefined) => job.onEvent?.({ kind: 'waiting', holder }),
    ...(job.beginSignal === undefined ? {} : { signal: job.beginSignal }),
  };
  return withLock(job.access, options, async (lock) => {
    job.onEvent?.({ kind: 'locked' });
    await recheck(job, lock);
    return runStages(job, lock);
  });
}

/** Between the plan and the lock somebody else may have been here, and clients may have connected. */
async function recheck(job: DirectorApply, { token }: DirectorLock): Promise<void> {
  const { plan, access } = job;
  const read = async (): Promise<DirectorPlan> => job.planAgain(await fetchLive(access, chainName(plan.stack), token));
  const isPlanned = ({ steps }: DirectorPlan): boolean => JSON.stringify(steps) === JSON.stringify(plan.steps);
  const blocking = (now: DirectorPlan): Finding[] => newlyBlocking(plan, now, job.allowed ?? []);
  const now = await readAgainUnless(read, (first) => isPlanned(first) && blocking(first).length === 0);
  if (isPlanned(now)) {
    const found = blocking(now);
    if (found.length === 0) return;
    throw blockedError(plan.director, found, `plan again and review it; \`--allow ${codesOf(found)}\` lets it pass`);
  }
  const ids = (steps: readonly Step[]): Set<string> => new Set(steps.flatMap((step) => step.changes));
  const [before, after] = [ids(plan.steps), ids(now.steps)];
  const moved = [...before, ...after].filter((id) => before.has(id) !== after.has(id));
  throw new ApplyError('stale', plan.director, `it changed since it was planned, so nothing was changed: ${moved.join(', ') || 'the same entries have other values'}`, { hint: 'plan again and review what is different' }); // prettier-ignore
}

/**
 * The kernel gives no snapshot of its table: while somebody else puts services in or takes them out, a reading may miss
 * one (ip_vs_genl_dump_services). So nothing is given up because of one reading.
 */
async function readAgainUnless<T>(read: () => Promise<T>, isFine: (read: T) => boolean): Promise<T> {
  const first = await read();
  return isFine(first) ? first : read();
}

async function runStages(job: DirectorApply, lock: DirectorLock): Promise<DrainProgress[]> {
  const drained: DrainProgress[] = [];
  let done: Step[] = [];
  let left: readonly Change[] = job.plan.changes;
  for (const [at, { drains, steps: planned }] of job.stages.entries()) {
    let steps = planned;
    if (drains.length > 0) {
      drained.push(...(await drain(job, drains, done.length)));
      const { live, gone } = await recheckDrained(job, lock, left, done.length);
      const isOurs = ({ changes }: Step): boolean => changes.some((id) => !gone.has(id));
      [steps, done] = [steps.filter(isOurs), done.filter(isOurs)];
      if (steps.length === 0) {
        await record(job, lock, job.access, { now: live, left: job.planAgain(live).changes, done });
        continue;
      }
    }
    done = [...done, ...steps];
    const later = job.stages.slice(at + 1).flatMap((stage) => stage.steps);
    left = await runStage(job, lock, { steps, done, later });
  }
  return drained;
}

/**
 * A drain takes minutes, and the director has other operators. Reads it again: what the plan touches has to be as it was
 * left before the wait, or is gone already.
 *
 * @param left what was left to do then
 * @param done how many steps are in effect
 * @returns the table, and ids of what somebody else removed for us
 * @throws ApplyError when there is anything else to do than before
 */
async function recheckDrained(
  { plan, planAgain, access }: DirectorApply,
  { token }: DirectorLock,
  left: readonly Change[],
  done: number,
): Promise<{ live: LiveDirector; gone: ReadonlySet<string> }> {
  const expected = new Map(left.map((change) => [change.id, JSON.stringify(change)]));
  const read = async () => {
    const live = await fetchLive(access, chainName(plan.stack), token);
    const now = planAgain(live).changes;
    const ids = new Set(now.map(({ id }) => id));
    return {
      live,
      moved: now.filter((change) => expected.get(change.id) !== JSON.stringify(change)).map(({ id }) => id),
      gone: new Set([...expected.keys()].filter((id) => !ids.has(id))),
    };
  };
  const found = await readAgainUnless(read, ({ moved, gone }) => moved.length === 0 && gone.size === 0);
  if (found.moved.length === 0) return found;
  const what = `somebody else changed it while real servers were drained: ${found.moved.join(', ')}`;
  const hint = 'plan again and review what is different; what was drained takes no new connections and is still there';
  throw done === 0
    ? new ApplyError('stale', plan.director, `${what}\n  nothing was changed`, { hint })
    : new ApplyError('interrupted', plan.director, `${what}\n  what was drained is not removed, everything else is done`, { failedAt: done + 1, hint }); // prettier-ignore
}

/** @param done steps before it, which are in effect and stay so */
async function drain(
  { plan, access, onEvent, signal }: DirectorApply,
  drains: Stage['drains'],
  done: number,
): Promise<DrainProgress[]> {
  try {
    return await awaitDrains(drains, access, {
      onProgress: (progress) => onEvent?.({ kind: 'draining', progress }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted !== true || error instanceof LvsformError) throw error;
    throw new ApplyError('interrupted', plan.director, 'stopped while real servers were drained: they take no new connections and are still there, everything else is done', { cause: error, failedAt: done + 1, hint: 'run `lvsform apply` again to go on' }); // prettier-ignore
  }
}

interface Turn {
  steps: readonly Step[];
  /** These and the ones before them. */
  done: readonly Step[];
  /** Those that come after a drain. */
  later: readonly Step[];
}

/** @returns what is left to do */
async function runStage(job: DirectorApply, lock: DirectorLock, turn: Turn): Promise<readonly Change[]> {
  const { plan, access, net } = job;
  const confirmSeconds = net.confirmSeconds ?? DEFAULT_CONFIRM_SECONDS;
  const chain = chainName(plan.stack);
  const header: GuardHeader = { ...recordOf(job, lock), confirmSeconds, chain };
  job.onEvent?.({ kind: 'executing', steps: turn.steps.length, confirmSeconds });
  let refusal;
  try {
    refusal = await executeGuarded(turn.steps, turn.done, access, header);
  } catch (error) {
    if (isLost(error)) throw await afterLoss(job, lock, turn, error);
    const before = turn.done.length - turn.steps.length;
    throw before > 0 && error instanceof LvsformError ? notGoneOn(plan.director, before, error) : error;
  }
  if (refusal !== undefined) {
    const now = await fetchLive(access, chainName(plan.stack));
    const stopped = judgeSteps(turn.steps, plan.changes, now.table, refusal);
    throw await backOut(job, lock, access, refusalError(plan.director, refusal, stopped));
  }
  return verify(job, lock, turn);
}

/** After a drain the director would not begin what was left. */
function notGoneOn(director: string, done: number, reason: LvsformError): ApplyError {
  const why = wordsOf(director, reason);
  return new ApplyError('interrupted', director, `after a drain: ${why}\n  what was drained is not removed, everything else is done`, {
    cause: reason,
    failedAt: done + 1,
    hint: reason.hint ?? 'run `lvsform apply` again to go on',
  }); // prettier-ignore
}

/** Which record an apply writes, and with what right. */
const recordOf = ({ plan }: DirectorApply, { token }: DirectorLock) => ({ token, record: recordName(plan.stack) });

/**
 * Over a new connection: that the director can still be reached is part of what is verified.
 *
 * @returns what is left to do
 */
async function verify(job: DirectorApply, lock: DirectorLock, turn: Turn): Promise<readonly Change[]> {
  const { plan, access } = job;
  let runner: Runner | undefined;
  try {
    runner = await job.connect();
    shareFacts(access.runner, runner);
    const fresh = { ...access, runner };
    const pending = turn.later.flatMap(({ changes }) => changes);
    const read = async () => {
      const now = await fetchLive(fresh, chainName(plan.stack));
      const left = job.planAgain(now).changes;
      // A service that goes later takes its real servers with it.
      const wrong = left.filter(({ id }) => !pending.some((later) => id === later || id.startsWith(`${later}/`)));
      return { now, left, wrong };
    };
    const { now, left, wrong } = await readAgainUnless(read, ({ wrong }) => wrong.length === 0);
    if (wrong.length > 0) {
      throw await backOut(job, lock, fresh, await notConverged(plan, wrong, fresh));
    }
    job.onEvent?.({ kind: 'verified' });
    await record(job, lock, fresh, { now, left, done: turn.done });
    return left;
  } catch (error) {
    if (!isLost(error)) throw error;
    throw await afterLoss(job, lock, turn, error);
  } finally {
    await runner?.close();
  }
}

/** The line of the director's journal that tells of an apply. */
export function journalEntry(
  { stack, changes }: DirectorPlan,
  author: Author,
  outcome: 'applied' | 'rolled-back' = 'applied',
): object {
  const words = changes.map(({ action, id }) => `${action} ${id}`);
  return { at: new Date().toISOString(), ...author, stack, outcome, changes: words };
}

async function record(
  job: DirectorApply,
  lock: DirectorLock,
  access: DirectorAccess,
  { now, left, done }: { now: LiveDirector; left: readonly Change[]; done: readonly Step[] },
): Promise<void> {
  const { plan, net } = job;
  const ledger = job.ledgerFor(now, left);
  let undone: UndoRecord | undefined;
  try {
    undone = await confirm(access, { ...recordOf(job, lock), isApply: true }, ledger, journalEntry(plan, net.author));
  } catch (error) {
    if (isLost(error) || !(error instanceof LvsformError)) throw error;
    throw await backOut(job, lock, access, error);
  }
  if (undone !== undefined) throw rolledBack(plan.director, undone);
  job.onEffect?.({ token: lock.token, steps: done.length, ledger });
  job.onEvent?.({ kind: 'confirmed' });
  if (left.length === 0) await job.afterwards?.(access, now, lock.token);
}

/** Takes the apply back and says so, together with the reason. */
async function backOut(
  job: DirectorApply,
  lock: DirectorLock,
  access: DirectorAccess,
  reason: LvsformError,
): Promise<LvsformError> {
  const { plan } = job;
  try {
    const undo = await takeBack(access, recordOf(job, lock), lock.token);
    if (undo === undefined) return reason;
    job.onEvent?.({ kind: 'taken-back', undo });
    return rolledBack(plan.director, undo, reason);
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    return reason;
  }
}

function rolledBack(director: string, undo: UndoRecord, reason?: LvsformError): ApplyError {
  const why = reason === undefined ? undo.detail : wordsOf(director, reason);
  if (undo.state === 'stuck')
    return new ApplyError('interrupted', director, `${why}\n  the director could not be put back whole (${undo.detail})`, {
      cause: reason,
      hint: RETRY_UNDO,
    }); // prettier-ignore
  const state =
    undo.state === 'partly' ? `put back but for what somebody else changed (${undo.detail})` : 'as it was before';
  return new ApplyError('rolled-back', director, `${why}\n  the director is ${state}`, {
    cause: reason,
    hint: reason?.hint ?? 'run `lvsform plan` to see how it stands',
  });
}

const isLost = (error: unknown): error is LvsformError =>
  error instanceof LvsformError &&
  ['connection-lost', 'unreachable', 'timeout', 'auth', 'host-key'].includes(error.code);

/**
 * A connection is gone. Taking the lock anew undoes what was armed; without a switch the table is read to say what
 * happened.
 */
async function afterLoss(
  job: DirectorApply,
  lost: DirectorLock,
  turn: Turn,
  cause: LvsformError,
): Promise<LvsformError> {
  const { plan, access, net } = job;
  const confirmSeconds = net.confirmSeconds ?? DEFAULT_CONFIRM_SECONDS;
  // Where only the verifying connection was lost, the first one still feeds our own lock.
  await Promise.race([lost.release(), wait(RELEASE_MS, undefined, { ref: false })]);
  let runner: Runner | undefined;
  try {
    runner = await job.connect();
    shareFacts(access.runner, runner);
    const fresh = { ...access, runner };
    const options = { stack: plan.stack, author: net.author, waitSeconds: RECONNECT_WAIT_SECONDS };
    return await withLock(fresh, options, async () => {
      const now = await fetchLive(fresh, chainName(plan.stack));
      const undo = now.records.undo[recordName(plan.stack)];
      if (undo !== undefined && isTakenBack(undo)) return rolledBack(plan.director, undo, cause);
      const stopped = judgeSteps(turn.steps, plan.changes, now.table);
      const steps = turn.done.length - turn.steps.length + stopped.done.length;
      if (undo?.token === lost.token && steps > 0) job.onEffect?.({ token: lost.token, steps });
      return interruptedError(plan.director, stopped, cause);
    });
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    const fate =
      confirmSeconds > 0 ? `it puts itself back within ${confirmSeconds} s of the change` : 'its state is not known';
    return new ApplyError('interrupted', plan.director, `the connection was lost during the apply and it can not be reached again: ${fate}`, { cause, hint: 'run `lvsform plan` as soon as it answers' }); // prettier-ignore
  } finally {
    await runner?.close();
  }
}

async function notConverged(plan: DirectorPlan, left: readonly Change[], access: DirectorAccess): Promise<ApplyError> {
  const nonce = access.nonce();
  const { stdout } = await access.runner.run(controllersScript({ nonce, sudo: access.sudo }));
  const controllers = parseControllers(stdout);
  const list = left
    .map(({ action, id, fields }) => `    ${action} ${id}${action === 'update' ? ` (${fields.join(', ')})` : ''}`)
    .join('\n');
  const who = controllers.length > 0 ? `; ${controllers.join(' and ')} runs there` : '';
  return new ApplyError('not-converged', plan.director, `every command was accepted, yet this still differs${who}:\n${list}`, {
    hint: controllers.length > 0 ? `take these entries out of ${controllers.join(' and ')}, or out of this program` : 'something else changes this table: another operator, a health checker?',
  }); // prettier-ignore
}
