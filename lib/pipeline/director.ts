/** One director: read and planned, and what was planned carried out. Both engines go through here. */
import {
  type BootPlan,
  planBoot,
  type Standing,
  applyDirector,
  confirm,
  type DirectorAccess,
  type DirectorApply,
  type DirectorLock,
  type DrainProgress,
  fetchLive,
  journalEntry,
  type NetOptions,
  stagesOf,
  withLock,
} from '../apply';
import { checkCapabilities, renderMove } from '../dialect';
import {
  CapabilityError,
  type Change,
  chainName,
  type DesiredDirector,
  type DirectorPlan,
  type Ledger,
  type LiveDirector,
  type PlannedDrain,
  recordName,
} from '../model';
import { drainPolicies, isOutdated, knownLedger, type LedgerEntry, ledgerOf, planTable, quiescedBy } from '../plan';

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
  drains: Readonly<Record<string, PlannedDrain>>;
  /** For directors that persist. */
  boot: BootPlan | undefined;
}

/**
 * Reads a director and plans everything on it: its table, boot files and ledger.
 *
 * @param lock the one it is applied under, where that is held already
 * @throws TransportError, ParseError, CapabilityError, UsageError `claimed`
 */
export async function prepare(aim: Aim, access: DirectorAccess, lock?: DirectorLock): Promise<Prepared> {
  const { stack, destroy } = aim;
  const read = await fetchLive(access, chainName(stack), lock?.token);
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
  const wanted = ledgerAt(aim, read, { ...UNSIGNED, left: [], quiesced: [], unpersisted: true });
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

/** How an apply is carried out and signed. */
export interface ApplySettings extends NetOptions {
  /** Version of lvsform, for the ledger. */
  tool: string;
  /** Id of the plan file that is being applied. */
  planId?: string;
  /** Codes of blocking findings that do not stop it when they come up after the review. Default: none. */
  allowed?: readonly string[];
}

export const lockOptions = ({ stack }: DirectorPlan, { author, lockWaitSeconds = 0 }: ApplySettings) => ({
  stack,
  author,
  waitSeconds: lockWaitSeconds,
});

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
  hooks: Pick<DirectorApply, 'connect' | 'lock' | 'onEvent' | 'onEffect' | 'signal' | 'beginSignal'>,
): Promise<DrainProgress[]> {
  const { stack } = aim;
  const planNow = (read: LiveDirector) => {
    const seen = aim.at(read);
    return planLive(stack, seen.wish, seen.live, aim.destroy);
  };
  const quiesced = quiescedBy(plan.changes);
  const ledgerFor = (now: LiveDirector, left: readonly Change[], unpersisted = false): Ledger | null =>
    ledgerAt(aim, now, { ...settings, at: new Date().toISOString(), left, quiesced, unpersisted });
  /** That boot files are gone is known once they are. */
  const record = async (to: DirectorAccess, now: LiveDirector, token: string): Promise<void> => {
    const header = { token, record: recordName(stack), isApply: true };
    const ledger = ledgerFor(now, [], true);
    await confirm(to, header, ledger, journalEntry(plan, settings.author));
    hooks.onEffect?.({ token, steps: plan.steps.length, ledger });
  };
  if (plan.steps.length === 0) {
    const write = async ({ token }: { token: string }): Promise<void> => {
      const now = await fetchLive(access, chainName(stack));
      await boot?.write(access, planNow(now).standing);
      await record(access, now, token);
    };
    const { lock, beginSignal: signal } = hooks;
    const options = { ...lockOptions(plan, settings), ...(signal === undefined ? {} : { signal }) };
    await (lock === undefined ? withLock(access, options, write) : write(lock));
    return [];
  }
  return applyDirector({
    plan,
    stages: stagesOf(plan.steps, plan.changes, drains),
    access,
    net: settings,
    allowed: settings.allowed,
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
