/**
 * The sentence the product is: fetch → parse → keep → diff → order → render, and then lock → recheck → arm → execute →
 * verify → record → disarm (lib/apply). The only file of the library that knows every room.
 */
import { acquireLock, type ApplyEvent, type BootPlan, planBoot, type Standing, applyDirector, type DirectorAccess, type DrainProgress, fetchLive, type NetOptions, stagesOf } from './apply'; // prettier-ignore
import { checkCapabilities, renderMove } from './dialect';
import {
  ApplyError,
  CapabilityError,
  type Change,
  chainName,
  type DesiredDirector,
  type DesiredStack,
  type Director,
  type DirectorPlan,
  type FailedDirector,
  type Gate,
  isPlanned,
  type Ledger,
  type LiveDirector,
  LvsformError,
  type Plan,
  recordName,
  REMEMBERED_PLANS,
  summarize,
  ValidationError,
} from './model';
import { declaredDrains, drainPolicies, findDoubleClaims, ownedEntries, planTable } from './plan';
import { type Connect, newNonce, type Runner } from './transport';

/**
 * Directors read at once. One takes some ten round trips and 2 ms of our CPU (more than half of it SSH's), so at 50 ms
 * a round trip 64 keep a core a quarter busy and a fleet of 200 takes two seconds. On loopback, where only CPU counts, 8 to 200 make no difference
 * (bench/fleet-loopback.ts). More means more sockets, and more logins at one instant for a bastion to take.
 */
export const DEFAULT_PARALLELISM = 64;

export interface PlanOptions {
  connect: Connect<Director>;
  /** Plan to take away what the stacks declare. */
  destroy?: boolean;
  /** Directors read at once. */
  parallelism?: number;
}

/** One director of one stack with an open connection: planned from it, applied through it. */
interface Session {
  stack: string;
  wish: DesiredDirector;
  access: DirectorAccess;
  /** What it was planned from. */
  live: LiveDirector;
  /** For directors that persist. */
  boot: BootPlan | undefined;
}

/** A plan, and the connections it was made over. Close it. */
export interface OpenPlan {
  plan: Plan;
  stacks: readonly DesiredStack[];
  sessions: Session[];
  options: PlanOptions;
  close(): Promise<void>;
}

/** Plans every director of the stacks. One that can't be reached or read is an entry with an error; the others go on. @throws ValidationError */
export async function planStacks(stacks: readonly DesiredStack[], options: PlanOptions): Promise<OpenPlan> {
  const claims = findDoubleClaims(stacks);
  if (claims.length > 0) throw new ValidationError(claims);
  const wishes = stacks.flatMap(({ stack, directors }) => directors.map((wish) => ({ stack, wish })));
  const sessions: Session[] = [];
  const directors = await mapConcurrently(
    wishes,
    options.parallelism ?? DEFAULT_PARALLELISM,
    async ({ stack, wish }) => {
      let runner: Runner | undefined;
      try {
        runner = await options.connect(wish.director);
        const access = { name: wish.director.name, sudo: wish.director.sudo ?? false, runner, nonce: newNonce };
        const destroy = options.destroy ?? false;
        const live = await fetchLive(access, chainName(stack));
        const { plan: tablePlan, standing } = planLive(stack, wish, live, destroy);
        const boot = await planBoot(stack, wish, standing, access, destroy);
        const plan = boot === undefined ? tablePlan : withBoot(tablePlan, boot);
        // Nothing to do: no reason to keep the connection.
        if (isIdle(plan)) await runner.close();
        else sessions.push({ stack, wish, access, live, boot });
        return plan;
      } catch (error) {
        await runner?.close();
        return failedDirector(stack, wish.director.name, error);
      }
    },
  );
  return {
    plan: { format: 1, stacks: stacks.map(({ stack }) => stack), summary: summarize(directors), directors },
    stacks,
    sessions,
    options,
    close: async () => {
      await Promise.all(sessions.map(({ access }) => access.runner.close()));
    },
  };
}

/** Plans one director over an open connection. */
export async function planDirector(
  stack: string,
  wish: DesiredDirector,
  access: DirectorAccess,
  destroy = false,
): Promise<DirectorPlan> {
  return planLive(stack, wish, await fetchLive(access, chainName(stack)), destroy).plan;
}

const isIdle = ({ steps, boot }: DirectorPlan): boolean => steps.length === 0 && boot !== true;

function withBoot(plan: DirectorPlan, { findings, isPending }: BootPlan): DirectorPlan {
  return { ...plan, findings: [...plan.findings, ...findings], ...(isPending ? { boot: true } : {}) };
}

/** Plans one director from what was read. @throws CapabilityError, UsageError `claimed` */
export function planLive(
  stack: string,
  wish: DesiredDirector,
  live: LiveDirector,
  destroy: boolean,
): { plan: DirectorPlan; standing: Standing } {
  const problems = destroy ? [] : checkCapabilities(wish.table, live);
  if (problems.length > 0)
    throw new CapabilityError(wish.director.name, problems, {
      hint: `this director has ipvsadm ${live.capabilities.ipvsadm} and kernel ${live.capabilities.kernel}`,
    });
  const { changes, moves, findings, foreign, fingerprints, desired } = planTable(stack, wish, live, { destroy });
  const plan = {
    stack,
    director: wish.director.name,
    changes,
    steps: moves.map(renderMove),
    findings,
    foreign: foreign.length,
    fingerprints,
  };
  return { plan, standing: { table: desired, foreign } };
}

function failedDirector(stack: string, director: string, error: unknown): FailedDirector {
  if (!(error instanceof LvsformError)) throw error;
  const { code, message, hint } = error;
  return { stack, director, error: { code, message, ...(hint === undefined ? {} : { hint }) } };
}

export type Outcome = 'unchanged' | 'applied' | 'rolled-back' | 'failed' | 'skipped';

export interface ApplyReport {
  stack: string;
  director: string;
  outcome: Outcome;
  /** Steps that took effect, where that is known. */
  steps: number;
  /** How each drain ended. */
  drained?: DrainProgress[];
  error?: LvsformError;
}

export interface ApplyHooks {
  /** Asks the run to stop before the next director. */
  signal?: AbortSignal;
  onDirector?: (report: ApplyReport) => void;
  /** What happens on a director while it happens. */
  onEvent?: (director: string, event: ApplyEvent) => void;
  /** Called at each gate, in order; a rejection stops the run: the first director behind the gate carries the error. */
  onGate?: (gate: Gate) => Promise<void>;
}

/** How an apply is carried out and signed. */
export interface ApplySettings extends NetOptions {
  /** Version of lvsform, for the ledger. */
  tool: string;
  /** Id of the plan file that is being applied. */
  planId?: string;
}

/**
 * Applies an open plan, director by director in the order the gates ask for. The first failure stops the run: the
 * directors after it stay as they are and are reported as skipped.
 *
 * @throws LvsformError when a part of the plan has an error: nothing is changed then
 */
export async function applyPlan(
  open: OpenPlan,
  settings: ApplySettings,
  hooks: ApplyHooks = {},
): Promise<ApplyReport[]> {
  const failed = open.plan.directors.filter((entry) => !isPlanned(entry));
  if (failed.length > 0) {
    throw new ApplyError(
      'refused',
      failed.map(({ director }) => director).join(', '),
      'could not be planned, so nothing is applied anywhere',
      {
        hint: 'mend it, or choose directors with --director',
      },
    );
  }
  const reports: ApplyReport[] = [];
  let stopped = false;
  let gateError: LvsformError | undefined;
  for (const stage of open.stacks.flatMap((stack) => orderOf(stack))) {
    if (stage.kind === 'gate') {
      if (stopped || !reports.some(({ outcome }) => outcome === 'applied')) continue;
      gateError = await passGate(stage.gate, hooks);
      stopped = gateError !== undefined;
      continue;
    }
    const plan = open.plan.directors
      .filter(isPlanned)
      .find((entry) => entry.stack === stage.stack && entry.director === stage.director);
    if (plan === undefined) continue;
    const report = stopped ? reportOf(plan, 'skipped', 0, gateError) : await applyOne(plan, open, settings, hooks);
    gateError = undefined;
    stopped ||= report.outcome === 'failed' || report.outcome === 'rolled-back' || hooks.signal?.aborted === true;
    reports.push(report);
    hooks.onDirector?.(report);
  }
  if (gateError !== undefined) throw gateError;
  return reports;
}

async function passGate(gate: Gate, hooks: ApplyHooks): Promise<LvsformError | undefined> {
  try {
    await hooks.onGate?.(gate);
    return undefined;
  } catch (error) {
    if (error instanceof LvsformError) return error;
    throw error;
  }
}

function reportOf(plan: DirectorPlan, outcome: Outcome, steps: number, error?: LvsformError): ApplyReport {
  return { stack: plan.stack, director: plan.director, outcome, steps, ...(error === undefined ? {} : { error }) };
}

async function applyOne(
  plan: DirectorPlan,
  open: OpenPlan,
  settings: ApplySettings,
  hooks: ApplyHooks,
): Promise<ApplyReport> {
  const session = open.sessions.find(({ stack, wish }) => stack === plan.stack && wish.director.name === plan.director);
  if (session === undefined || isIdle(plan)) return reportOf(plan, 'unchanged', 0);
  const { wish, access, live, boot } = session;
  const destroy = open.options.destroy ?? false;
  const planNow = (now: LiveDirector) => planLive(plan.stack, wish, now, destroy);
  try {
    if (plan.steps.length === 0) {
      await underLock(plan, access, settings, async () => boot?.write(access, planNow(live).standing));
      return reportOf(plan, 'applied', 0);
    }
    const drained = await applyDirector({
      plan,
      stages: stagesOf(plan.steps, plan.changes, drainPolicies(plan.stack, wish, live)),
      wish,
      access,
      net: settings,
      connect: () => open.options.connect(wish.director),
      planAgain: (now) => planNow(now).plan,
      ...(boot === undefined ? {} : { afterwards: (fresh, now) => boot.write(fresh, planNow(now).standing) }),
      ledgerFor: (now, left) => ledgerOf(plan.stack, wish, now, { ...settings, destroy, left }),
      onEvent: (event) => hooks.onEvent?.(plan.director, event),
      ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    });
    return { ...reportOf(plan, 'applied', plan.steps.length), ...(drained.length > 0 ? { drained } : {}) };
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    return reportOf(plan, error.code === 'rolled-back' ? 'rolled-back' : 'failed', 0, error);
  }
}

async function underLock(
  plan: DirectorPlan,
  access: DirectorAccess,
  { author, lockWaitSeconds = 0 }: ApplySettings,
  work: () => Promise<void>,
): Promise<void> {
  const lock = await acquireLock(access, { stack: plan.stack, author, waitSeconds: lockWaitSeconds });
  try {
    await work();
  } finally {
    await lock.release();
  }
}

/** What a stack's ledger shall say after an apply; null when nothing is left to remember. */
export function ledgerOf(
  stack: string,
  wish: DesiredDirector,
  live: LiveDirector,
  { destroy, left, tool, author, planId }: ApplySettings & { destroy: boolean; left: readonly Change[] },
): Ledger | null {
  const before = live.records.ledgers[recordName(stack)];
  const known = before === undefined || before === 'corrupt' ? undefined : before;
  const prefix = `${wish.director.name}/`;
  const waiting = new Set(left.flatMap(({ id, action }) => (action === 'delete' ? [id.slice(prefix.length)] : [])));
  const pending = (known?.entries ?? []).filter((id) => waiting.has(id));
  const entries = ownedEntries(wish, live, { destroy, pending });
  if (entries.length === 0) return null;
  const plans = [...(known?.plans ?? []), ...(planId === undefined ? [] : [planId])].slice(-REMEMBERED_PLANS);
  const remembered = Object.entries(known?.drains ?? {}).filter(([id]) => pending.includes(id));
  const drains = { ...Object.fromEntries(remembered), ...(destroy ? {} : declaredDrains(wish)) };
  return { format: 1, stack, tool, at: new Date().toISOString(), author, entries, plans, drains };
}

type Turn = { kind: 'director'; stack: string; director: string } | { kind: 'gate'; gate: Gate };

/** Directors and gates of a stack in an order that honours every gate; else in the order of the program. */
export function orderOf({ stack, directors, gates }: DesiredStack): Turn[] {
  const waiting = new Set(directors.map(({ director }) => director.name));
  const closed = new Set(gates);
  const stages: Turn[] = [];
  for (;;) {
    const gate = [...closed].find(({ after }) => !after.some((name) => waiting.has(name)));
    const ready = [...waiting].find((name) => ![...closed].some(({ before }) => before.includes(name)));
    if (gate !== undefined) {
      closed.delete(gate);
      stages.push({ kind: 'gate', gate });
    } else if (ready !== undefined) {
      waiting.delete(ready);
      stages.push({ kind: 'director', stack, director: ready });
    } else {
      return stages; // Nothing is left: the artefact's reader refuses cycles.
    }
  }
}

/** Maps with at most `limit` calls in flight; results in the order of the input. */
async function mapConcurrently<T, R>(items: readonly T[], limit: number, map: (item: T) => Promise<R>): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      const item = items[at];
      if (item !== undefined) results[at] = await map(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}
