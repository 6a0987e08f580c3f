/** Many directors: an open plan carried out, wave by wave. */
import {
  type ApplyEvent,
  type Effect,
  readStats,
  journalEntry,
  takeBackApply,
  takeBackRecords,
  withLock,
} from '../apply';
import { type ApplyReport, type FleetEvent, type Outcome, runFleet, turnsOf, type Wave } from '../fleet';
import {
  ApplyError,
  type Change,
  type DesiredRollout,
  type DirectorPlan,
  type Gate,
  isPending,
  isPlanned,
  LvsformError,
  NotPlannedError,
  RETRY_UNDO,
  serviceId,
  type Stats,
  TransportError,
  wordsOf,
} from '../model';
import type { Runner } from '../transport';
import { type ApplySettings, lockOptions, applyPrepared } from './director';
import { DEFAULT_PARALLELISM, type Session, type OpenPlan, unplanned } from './plan-stacks';
import { mapConcurrently } from './map-concurrently';

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
  const effects = new Map<string, Effect>();
  const { signal, onDirector, onFleet } = hooks;
  const { parallelism = DEFAULT_PARALLELISM } = open.options;
  return runFleet(
    open.stacks.flatMap((stack) => turnsOf(stack)),
    {
      apply: (stack, director, beginSignal) => {
        const { plan, session } = at(stack, director);
        return applyOne(plan, session, open, settings, {
          ...hooks,
          beginSignal,
          onEffect: (effect) => effects.set(`${stack}/${director}`, effect),
        });
      },
      takeBack: (stack, director, before) => {
        const { plan, session } = at(stack, director);
        const effect = effects.get(`${stack}/${director}`);
        return session === undefined || effect === undefined
          ? Promise.resolve(before)
          : takeBackOne(plan, session, open, settings, before, effect);
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

/**
 * Puts a director back that this run has changed, boot files and all.
 *
 * @param before its report: applied, or failed with something in effect
 */
async function takeBackOne(
  plan: DirectorPlan,
  session: Session,
  { options }: OpenPlan,
  settings: ApplySettings,
  before: ApplyReport,
  effect: Effect,
): Promise<ApplyReport> {
  const { wish, ledger, boot } = session;
  const { stack, director } = plan;
  // What a ledger said that could not be read is not known.
  if (plan.steps.length === 0 && ledger === 'corrupt') return before;
  let runner: Runner | undefined;
  try {
    // Where it failed its connection may be what was lost.
    if (before.outcome === 'failed') runner = await options.connect(wish.director);
    const access = { ...session.access, ...(runner === undefined ? {} : { runner }) };
    const undo = await withLock(access, lockOptions(plan, settings), async ({ token }) => {
      const what = { stack, wish, token, apply: effect.token, timeouts: boot?.timeouts };
      // The undo that is there is an earlier run's.
      if (plan.steps.length > 0 || ledger === 'corrupt') return takeBackApply(access, what);
      const recorded = { before: ledger, after: effect.ledger ?? null };
      await takeBackRecords(access, what, recorded, journalEntry(plan, settings.author, 'rolled-back'));
      return { state: 'undone' as const };
    });
    if (undo?.state === 'undone') return reportOf(plan, 'rolled-back', 0, putBack(before));
    const why = undo === undefined ? 'its undo is gone' : undo.detail;
    throw new ApplyError('interrupted', director, `it could not be taken back whole: ${why}`, {
      hint: undo?.state === 'stuck' ? RETRY_UNDO : 'run `lvsform plan` to see how it stands',
    });
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    return reportOf(plan, 'failed', before.steps, notPutBack(before, error));
  } finally {
    await runner?.close();
  }
}

/** Why a director that is put back had failed; undefined for one that had not. */
function putBack({ director, error }: ApplyReport): ApplyError | undefined {
  if (error === undefined) return undefined;
  const message = `${wordsOf(director, error)}\n  the director is as it was before`;
  return new ApplyError('rolled-back', director, message, {
    cause: error,
    hint: error.hint ?? 'run `lvsform plan` to see how it stands',
  });
}

/** Whatever kept a director from being put back: something is in effect on it. */
function notPutBack({ director, error: first }: ApplyReport, error: LvsformError): ApplyError {
  const why = wordsOf(director, error);
  const stays = error instanceof TransportError ? 'it may still be changed' : 'it stays changed';
  const fate = error.code === 'interrupted' ? why : `${stays}, because it could not be put back: ${why}`;
  return new ApplyError(
    'interrupted',
    director,
    first === undefined ? fate : `${wordsOf(director, first)}\n  ${fate}`,
    {
      cause: first ?? error,
      hint: error.hint ?? 'run `lvsform rollback` once that is mended',
    },
  );
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
  hooks: ApplyHooks & { onEffect: (effect: Effect) => void; beginSignal: AbortSignal },
): Promise<ApplyReport> {
  if (session === undefined || !isPending(plan)) return reportOf(plan, 'unchanged', 0);
  const { aim, wish, access } = session;
  let effect: Effect | undefined;
  try {
    const drained = await applyPrepared(aim, session, access, settings, {
      connect: () => open.options.connect(wish.director),
      onEvent: (event) => hooks.onEvent?.(plan.director, event),
      onEffect: (now) => {
        effect = now;
        hooks.onEffect(now);
      },
      beginSignal: hooks.beginSignal,
      ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    });
    return { ...reportOf(plan, 'applied', plan.steps.length), ...(drained.length > 0 ? { drained } : {}) };
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    if (error.code === 'stopped') return reportOf(plan, 'skipped', 0);
    if (error.code === 'rolled-back') return reportOf(plan, 'rolled-back', 0, error);
    // Cut short, the steps before the first one without effect stay.
    const seen = error.code === 'interrupted' ? (error.failedAt ?? 1) - 1 : 0;
    return reportOf(plan, 'failed', effect?.steps ?? seen, error);
  }
}
