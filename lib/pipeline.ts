/**
 * The sentence the product is: fetch → parse → keep → diff → order → render, and then lock → recheck → arm → execute →
 * verify → record → disarm (lib/apply). The only file of the library that knows every room.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { type ApplyEvent, type BootPlan, planBoot, readStats, type Standing, applyDirector, confirm, type DirectorAccess, type DirectorApply, type DrainProgress, fetchLive, journalEntry, type NetOptions, readControllers, stagesOf, takeBackApply, takeBackRecords, withLock } from './apply'; // prettier-ignore
import { checkCapabilities, renderMove } from './dialect';
import { type ApplyReport, type FleetEvent, type Outcome, runFleet, turnsOf, type Wave } from './fleet';
import {
  ApplyError,
  CapabilityError,
  type Change,
  type Stats,
  chainName,
  type DesiredDirector,
  type DesiredRollout,
  type DesiredStack,
  type Director,
  type DirectorDrift,
  type DirectorPlan,
  type DrainPolicy,
  type Drift,
  type FailedDirector,
  type Gate,
  isPending,
  isPlanned,
  type Ledger,
  type LiveDirector,
  LvsformError,
  NotPlannedError,
  type Plan,
  recordName,
  serviceId,
  summarize,
  TransportError,
  ValidationError,
} from './model';
export type { ApplyReport, FleetEvent, Outcome } from './fleet';
import {
  drainPolicies,
  driftCause,
  findDoubleClaims,
  isOutdated,
  knownLedger,
  type LedgerEntry,
  ledgerOf,
  planTable,
  SharedParts,
} from './plan';
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

/** How long a connection may take to be refused and still be tried again: whoever is silent is asked once. */
const QUICK_MS = 1000;
const RETRY_AFTER_MS = 300;

/**
 * Tries a second time when a connection is refused or dropped at once, as sshd does while it has too many logins going
 * (MaxStartups). Only connecting is ever repeated, never a command.
 */
function patiently<T>(connect: Connect<T>): Connect<T> {
  return async (target) => {
    const begin = performance.now();
    try {
      return await connect(target);
    } catch (error) {
      const isPassing = error instanceof TransportError && ['unreachable', 'connection-lost'].includes(error.code);
      if (!isPassing || performance.now() - begin > QUICK_MS) throw error;
      await wait(RETRY_AFTER_MS);
      return connect(target);
    }
  };
}

/** What a stack wants of one director. */
export interface Aim {
  stack: string;
  /** Take away what the stack declares. */
  destroy: boolean;
  /** Record what is declared also where the stack has no ledger yet. Default: the next apply that changes something does. */
  adopts?: boolean;
  /** The wish for a director that is as read, and the director with what counts as the stack's own. */
  at: (read: LiveDirector) => { wish: DesiredDirector; live: LiveDirector };
}

/** A director that was read, and all there is to do on it. */
export interface Prepared {
  plan: DirectorPlan;
  /** What it was planned from. */
  live: LiveDirector;
  /** How its services are drained, by service id. */
  drains: Readonly<Record<string, DrainPolicy>>;
  /** For directors that persist. */
  boot: BootPlan | undefined;
}

/** One director of one stack with an open connection: planned from it, applied through it. */
interface Session extends Omit<Prepared, 'live'> {
  /** The ledger it was planned with; null when there was none. */
  ledger: Ledger | 'corrupt' | null;
  /** For who asked to keep it: a table per director is much in a big fleet. */
  live?: LiveDirector;
  aim: Aim;
  wish: DesiredDirector;
  access: DirectorAccess;
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
export function planStacks(stacks: readonly DesiredStack[], options: PlanOptions): Promise<OpenPlan> {
  return openPlan(stacks, options, false);
}

async function openPlan(stacks: readonly DesiredStack[], options: PlanOptions, keepLive: boolean): Promise<OpenPlan> {
  const claims = findDoubleClaims(stacks);
  if (claims.length > 0) throw new ValidationError(claims);
  // Contradicting orders are told before anybody is asked.
  for (const stack of stacks) turnsOf(stack);
  const connect = patiently(options.connect);
  const wishes = stacks.flatMap(({ stack, directors }) => directors.map((wish) => ({ stack, wish })));
  const sessions: Session[] = [];
  const shared = new SharedParts();
  const directors = await mapConcurrently(
    wishes,
    options.parallelism ?? DEFAULT_PARALLELISM,
    async ({ stack, wish }) => {
      let runner: Runner | undefined;
      try {
        runner = await connect(wish.director);
        const access = { name: wish.director.name, sudo: wish.director.sudo ?? false, runner, nonce: newNonce };
        const aim = { stack, destroy: options.destroy ?? false, at: (live: LiveDirector) => ({ wish, live }) };
        const { live, plan: own, ...prepared } = await prepare(aim, access);
        // Nothing to do: no reason to keep the connection.
        if (!isPending(own)) {
          await runner.close();
          return own;
        }
        const plan = shared.plan(own);
        const ledger = live.records.ledgers[recordName(stack)] ?? null;
        sessions.push({ ...prepared, plan, ledger, aim, wish, access, ...(keepLive ? { live } : {}) });
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
    options: { ...options, connect },
    close: async () => {
      await Promise.all(sessions.map(({ access }) => access.runner.close()));
    },
  };
}

/** How directors differ from what the stacks declare, and why, where that is known. Reads only. @throws ValidationError */
export async function findDrift(stacks: readonly DesiredStack[], options: PlanOptions): Promise<Drift> {
  const open = await openPlan(stacks, options, true);
  try {
    const planned = new Map(
      open.plan.directors.filter(isPlanned).map((plan) => [`${plan.stack}/${plan.director}`, plan]),
    );
    const directors = await mapConcurrently(
      open.sessions,
      options.parallelism ?? DEFAULT_PARALLELISM,
      async ({ plan: { stack, director }, access, live }): Promise<DirectorDrift> => {
        const { changes = [], boot = false } = planned.get(`${stack}/${director}`) ?? {};
        // Only worth another question where something differs; who can't be asked is just not known.
        const controllers = await readControllers(access).catch(() => []);
        return { stack, director, boot, drift: changes.map((change) => ({ change, cause: driftCause(change, live?.connections ?? {}, controllers) })) }; // prettier-ignore
      },
    );
    const failed = open.plan.directors.filter((entry): entry is FailedDirector => !isPlanned(entry));
    const order = open.plan.directors.map(({ stack, director }) => `${stack}/${director}`);
    const place = ({ stack, director }: DirectorDrift): number => order.indexOf(`${stack}/${director}`);
    return { format: 1, directors: directors.sort((a, b) => place(a) - place(b)), failed, asked: order.length };
  } finally {
    await open.close();
  }
}

/**
 * Reads a director and plans everything on it: its table, boot files and ledger.
 *
 * @throws TransportError, ParseError, CapabilityError, UsageError `claimed`
 */
export async function prepare(aim: Aim, access: DirectorAccess): Promise<Prepared> {
  const { stack, destroy } = aim;
  const read = await fetchLive(access, chainName(stack));
  const { wish, live } = aim.at(read);
  const { plan, standing } = planLive(stack, wish, live, destroy);
  const persisted = knownLedger(stack, read)?.persist === true;
  const boot = await planBoot(stack, wish, standing, access, { destroy, persisted });
  const drains = drainPolicies(stack, wish, live);
  return { plan: withLedger(boot === undefined ? plan : withBoot(plan, boot), aim, read), live: read, drains, boot };
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

function withBoot(plan: DirectorPlan, { findings, isPending }: BootPlan): DirectorPlan {
  return { ...plan, findings: [...plan.findings, ...findings], ...(isPending ? { boot: true } : {}) };
}

/** Where the table is as it shall be, the ledger may still say something else: another drain, an entry that is gone. */
function withLedger(plan: DirectorPlan, aim: Aim, read: LiveDirector): DirectorPlan {
  const wanted = ledgerAt(aim, read, { ...UNSIGNED, left: [], unpersisted: true });
  const isNew = aim.adopts === true && wanted !== null && knownLedger(aim.stack, read) === undefined;
  if (plan.steps.length > 0 || !(isNew || isOutdated(aim.stack, read, wanted))) return plan;
  const message = 'the ledger is brought up to date: drains, boot files or entries of this stack are not as it remembers them'; // prettier-ignore
  return {
    ...plan,
    findings: [...plan.findings, { code: 'ledger-outdated', severity: 'info', message }],
    ledger: true,
  };
}

const UNSIGNED = { tool: '', author: { by: '' }, at: '' };

/** What the ledger shall say of a director that is as read. */
function ledgerAt(aim: Aim, read: LiveDirector, entry: Omit<LedgerEntry, 'destroy'>): Ledger | null {
  const { wish, live } = aim.at(read);
  return ledgerOf(aim.stack, wish, live, { ...entry, destroy: aim.destroy });
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

export interface ApplyHooks {
  /** Asks the run to stop: what is in flight ends, and nothing else is begun. */
  signal?: AbortSignal;
  /** Told once a director is done; and again when the rollout puts it back. */
  onDirector?: (report: ApplyReport) => void;
  /** What happens on a director while it happens. */
  onEvent?: (director: string, event: ApplyEvent) => void;
  /** What happens between directors. */
  onFleet?: (event: FleetEvent) => void;
  /** Called at each gate, in order; a rejection stops the run: the first director behind the gate carries the error. */
  onGate?: (gate: Gate) => Promise<void>;
  /** Called after each wave of a rollout with a check; a rejection stops the run. */
  onCheck?: (rollout: DesiredRollout, wave: Wave, signal: AbortSignal | undefined) => Promise<void>;
}

/** How an apply is carried out and signed. */
export interface ApplySettings extends NetOptions {
  /** Version of lvsform, for the ledger. */
  tool: string;
  /** Id of the plan file that is being applied. */
  planId?: string;
}

/**
 * Applies an open plan, wave by wave in the order that gates and rollouts ask for. A director that is in no rollout is a
 * wave of its own, and its failure stops the run: the directors after it stay as they are and are reported as skipped.
 *
 * @throws LvsformError when a part of the plan has an error that no rollout puts up with: nothing is changed then
 */
export async function applyPlan(
  open: OpenPlan,
  settings: ApplySettings,
  hooks: ApplyHooks = {},
): Promise<ApplyReport[]> {
  const failed = unplanned(open);
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
  const entries = new Map(open.plan.directors.map((entry) => [`${entry.stack}/${entry.director}`, entry]));
  const sessions = new Map(open.sessions.map((one) => [`${one.plan.stack}/${one.plan.director}`, one]));
  const at = (stack: string, director: string): { plan: DirectorPlan; session: Session | undefined } => {
    const plan = entries.get(`${stack}/${director}`);
    if (plan === undefined || !isPlanned(plan)) throw new RangeError(`${director} was not planned`);
    return { plan, session: sessions.get(`${stack}/${director}`) };
  };
  const { signal, onDirector, onFleet } = hooks;
  const { parallelism = DEFAULT_PARALLELISM } = open.options;
  return runFleet(
    open.stacks.flatMap((stack) => turnsOf(stack)),
    {
      apply: (stack, director) => {
        const { plan, session } = at(stack, director);
        return applyOne(plan, session, open, settings, hooks);
      },
      takeBack: (stack, director, applied) => {
        const { plan, session } = at(stack, director);
        return session === undefined ? Promise.resolve(applied) : takeBackOne(plan, session, settings, applied);
      },
      release: async (stack, director) => {
        const session = sessions.get(`${stack}/${director}`);
        if (session === undefined) return;
        sessions.delete(`${stack}/${director}`);
        open.sessions.splice(open.sessions.indexOf(session), 1);
        await session.access.runner.close();
      },
      isIdle: (stack, director) => {
        const entry = entries.get(`${stack}/${director}`);
        return entry !== undefined && isPlanned(entry) && !isPending(entry);
      },
      failure: (stack, director) => {
        const entry = entries.get(`${stack}/${director}`);
        return entry === undefined || isPlanned(entry) ? undefined : new NotPlannedError(director, entry.error);
      },
      pass: async (gate) => hooks.onGate?.(gate),
      check: async (rollout, wave, stop) => hooks.onCheck?.(rollout, wave, stop),
      removedServices: (stack, director) => {
        const gone = ({ action, ...change }: Change): string[] =>
          change.on === 'service' && action === 'delete' && change.before !== null
            ? [serviceId(change.before.key)]
            : [];
        return new Set(at(stack, director).plan.changes.flatMap(gone));
      },
      totals: async (stack, directors) => {
        const read = async (director: string): Promise<[string, Stats | LvsformError]> => {
          const session = sessions.get(`${stack}/${director}`);
          if (session === undefined) throw new RangeError(`${director} was not planned`);
          try {
            return [director, await readStats(session.access)];
          } catch (error) {
            if (!(error instanceof LvsformError)) throw error;
            return [director, error];
          }
        };
        return new Map(await mapConcurrently(directors, parallelism, read));
      },
    },
    {
      parallelism,
      ...(signal === undefined ? {} : { signal }),
      ...(onDirector === undefined ? {} : { onReport: onDirector }),
      ...(onFleet === undefined ? {} : { onEvent: onFleet }),
    },
  );
}

/** Directors whose error keeps anything from being applied: those beyond what their rollout puts up with. */
export function unplanned({ plan, stacks }: Pick<OpenPlan, 'plan' | 'stacks'>): FailedDirector[] {
  const failed = plan.directors.filter((entry): entry is FailedDirector => !isPlanned(entry));
  return failed.filter(({ stack, director }) => {
    const rollout = stacks
      .find((one) => one.stack === stack)
      ?.rollouts?.find(({ waves }) => waves.some((wave) => wave.includes(director)));
    if (rollout === undefined) return true;
    const names = new Set(rollout.waves.flat());
    const alike = failed.filter((one) => one.stack === stack && names.has(one.director)).length;
    return alike > rollout.maxFailures || rollout.size - alike <= rollout.minServing;
  });
}

const lockOptions = ({ stack }: DirectorPlan, { author, lockWaitSeconds = 0 }: ApplySettings) => ({
  stack,
  author,
  waitSeconds: lockWaitSeconds,
});

/** Puts a director back that this run has applied, boot files and all. */
async function takeBackOne(
  plan: DirectorPlan,
  { access, wish, ledger, boot }: Session,
  settings: ApplySettings,
  applied: ApplyReport,
): Promise<ApplyReport> {
  const { stack } = plan;
  // What a ledger said that could not be read is not known.
  if (plan.steps.length === 0 && ledger === 'corrupt') return applied;
  try {
    const undo = await withLock(access, lockOptions(plan, settings), async ({ token }) => {
      const what = { stack, wish, token, timeouts: boot?.timeouts };
      // The undo that is there is an earlier run's.
      if (plan.steps.length > 0 || ledger === 'corrupt') return takeBackApply(access, what);
      await takeBackRecords(access, what, ledger, journalEntry(plan, settings.author, 'rolled-back'));
      return { state: 'undone' as const };
    });
    if (undo?.state === 'undone') return reportOf(plan, 'rolled-back', 0);
    const why = undo === undefined ? 'its undo is gone' : `somebody else changed it since: ${undo.detail}`;
    throw new ApplyError('interrupted', plan.director, `it could not be taken back whole, ${why}`, {
      hint: 'run `lvsform plan` to see how it stands',
    });
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    return { ...reportOf(plan, 'failed', applied.steps, error) };
  }
}

function reportOf(plan: DirectorPlan, outcome: Outcome, steps: number, error?: LvsformError): ApplyReport {
  const { failedAt } = error ?? {};
  return {
    stack: plan.stack,
    director: plan.director,
    outcome,
    steps,
    ...(failedAt === undefined ? {} : { failedAt }),
    ...(error === undefined ? {} : { error }),
  };
}

async function applyOne(
  plan: DirectorPlan,
  session: Session | undefined,
  open: OpenPlan,
  settings: ApplySettings,
  hooks: ApplyHooks,
): Promise<ApplyReport> {
  if (session === undefined || !isPending(plan)) return reportOf(plan, 'unchanged', 0);
  const { aim, wish, access } = session;
  try {
    const drained = await applyPrepared(aim, session, access, settings, {
      connect: () => open.options.connect(wish.director),
      onEvent: (event) => hooks.onEvent?.(plan.director, event),
      ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    });
    return { ...reportOf(plan, 'applied', plan.steps.length), ...(drained.length > 0 ? { drained } : {}) };
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    if (error.code === 'rolled-back') return reportOf(plan, 'rolled-back', 0, error);
    // Cut short, the steps before the first one without effect stay.
    return reportOf(plan, 'failed', error.code === 'interrupted' ? (error.failedAt ?? 1) - 1 : 0, error);
  }
}

/**
 * Carries out what was prepared on one director, with the net under it: its table first, then boot files and ledger.
 *
 * @returns how each drain ended
 * @throws LvsformError see applyDirector
 */
export async function applyPrepared(
  aim: Aim,
  { plan, drains, boot }: Omit<Prepared, 'live'>,
  access: DirectorAccess,
  settings: ApplySettings,
  hooks: Pick<DirectorApply, 'connect' | 'lock' | 'onEvent' | 'signal'>,
): Promise<DrainProgress[]> {
  const { stack } = aim;
  const planNow = (read: LiveDirector) => {
    const seen = aim.at(read);
    return planLive(stack, seen.wish, seen.live, aim.destroy);
  };
  const ledgerFor = (now: LiveDirector, left: readonly Change[], unpersisted = false): Ledger | null =>
    ledgerAt(aim, now, { ...settings, at: new Date().toISOString(), left, unpersisted });
  /** That boot files are gone is known once they are. */
  const record = async (to: DirectorAccess, now: LiveDirector, token: string): Promise<void> => {
    const header = { token, record: recordName(stack) };
    await confirm(to, header, ledgerFor(now, [], true), journalEntry(plan, settings.author));
  };
  if (plan.steps.length === 0) {
    const write = async ({ token }: { token: string }): Promise<void> => {
      const now = await fetchLive(access, chainName(stack));
      await boot?.write(access, planNow(now).standing);
      await record(access, now, token);
    };
    await (hooks.lock === undefined ? withLock(access, lockOptions(plan, settings), write) : write(hooks.lock));
    return [];
  }
  return applyDirector({
    plan,
    stages: stagesOf(plan.steps, plan.changes, drains),
    access,
    net: settings,
    planAgain: (now) => planNow(now).plan,
    ledgerFor,
    ...(boot === undefined
      ? {}
      : {
          afterwards: async (to, now, token) => {
            await boot.write(to, planNow(now).standing);
            if (boot.isLast) await record(to, now, token);
          },
        }),
    ...hooks,
  });
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
