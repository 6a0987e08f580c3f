/** Many directors: planned side by side, each over a connection that its apply goes on with. */
import { type DirectorAccess, readControllers } from '../apply';
import { turnsOf } from '../fleet';
import {
  type DesiredDirector,
  type DesiredStack,
  type Director,
  type DirectorDrift,
  type Drift,
  type FailedDirector,
  isPending,
  isPlanned,
  type Ledger,
  type LiveDirector,
  LvsformError,
  type Plan,
  recordName,
  summarize,
  ValidationError,
} from '../model';
import { driftCause, findDoubleClaims, SharedParts } from '../plan';
import { type Connect, newNonce, patiently, type Runner } from '../transport';
import { type Aim, type Prepared, prepare } from './director';
import { mapConcurrently } from './map-concurrently';

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
export interface Session extends Omit<Prepared, 'live'> {
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
    // A ledger that an apply would bring up to date differs from the program in nothing that is in effect.
    const differing = open.sessions.filter(({ plan: { changes, boot } }) => changes.length > 0 || boot === true);
    const directors = await mapConcurrently(
      differing,
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

function failedDirector(stack: string, director: string, error: unknown): FailedDirector {
  if (!(error instanceof LvsformError)) throw error;
  const { code, message, hint } = error;
  return { stack, director, error: { code, message, ...(hint === undefined ? {} : { hint }) } };
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
