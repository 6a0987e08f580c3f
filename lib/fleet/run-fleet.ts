/** Carries out a run over many directors: wave by wave, bounded, and stopped by the first rule that says so. */
import { setTimeout as wait } from 'node:timers/promises';
import { type DesiredRollout, type Gate, LvsformError, STATS_PERIOD_SECONDS } from '../model';
import { joinErrors, refuseLosses } from './check-errors';
import type { ApplyReport } from './report';
import { type RolloutLimits, RolloutState, type StopReason } from './rollout-state';
import { type Counted, judgeTraffic, READINGS, type Reading, SECONDS_BETWEEN_READINGS, trafficBetween } from './traffic'; // prettier-ignore
import type { Turn, Wave } from './turns';

export type FleetEvent =
  | { kind: 'wave'; fleet: string; number: number; waves: number; directors: readonly string[] }
  /** A director is begun, or is put back. */
  | { kind: 'begun'; director: string; verb: 'apply' | 'take-back' }
  | { kind: 'pause'; fleet: string; seconds: number }
  /** Connections of the wave's directors are counted, before it or after it. */
  | { kind: 'counting'; fleet: string; number: number; when: 'before' | 'after'; seconds: number }
  /** `unjudged`: directors with too few connections to tell whether they lost any. */
  | { kind: 'checked'; fleet: string; number: number; unjudged?: readonly string[]; error?: LvsformError }
  | { kind: 'stopped'; fleet: string | undefined; reason: StopReason | 'gate'; error?: LvsformError };

/** What the engine can't do itself. None of these rejects because of a director: that is what reports are for. */
export interface FleetTasks {
  /** @param begin aborted when nothing new is to be begun: who still waits for a lock is skipped */
  apply(stack: string, director: string, begin: AbortSignal): Promise<ApplyReport>;
  /** @param before its report: applied, or failed with something in effect */
  takeBack(stack: string, director: string, before: ApplyReport): Promise<ApplyReport>;
  /** Called when nothing more will be asked of a director. */
  release(stack: string, director: string): Promise<void>;
  /** Whether there is nothing to do for a director. */
  isIdle(stack: string, director: string): boolean;
  /** Why a director can't be changed at all. */
  failure(stack: string, director: string): LvsformError | undefined;
  /** @throws LvsformError to stop the run */
  pass(gate: Gate): Promise<void>;
  /** @throws LvsformError when it does not hold */
  check(rollout: DesiredRollout, wave: Wave, signal: AbortSignal | undefined): Promise<void>;
  /** Ids of the services that the plan takes away from a director. */
  removedServices(stack: string, director: string): ReadonlySet<string>;
  /** How many connections the services of these directors have taken so far, or why that can't be read. */
  totals(stack: string, directors: readonly string[]): Promise<Reading>;
}

export interface FleetOptions {
  /** Directors of a wave that are changed at once. */
  parallelism: number;
  signal?: AbortSignal;
  onReport?: (report: ApplyReport) => void;
  onEvent?: (event: FleetEvent) => void;
}

/** Directors without a rollout go one by one; the first failure stops the run. */
const ALONE: Omit<RolloutLimits, 'size' | 'parallelism'> = { maxFailures: 0, minServing: 0, onFailure: 'stop' };

/** @returns one report per director, in the order of the turns. @throws LvsformError of a gate that nobody waits for */
export async function runFleet(
  turns: readonly Turn[],
  tasks: FleetTasks,
  options: FleetOptions,
): Promise<ApplyReport[]> {
  return new Run(tasks, options, turns).run();
}

class Run {
  private readonly reports = new Map<string, ApplyReport>();
  private readonly states = new Map<DesiredRollout, RolloutState>();
  private stopped = false;
  /** Aborted as soon as nothing new is to be begun. */
  private readonly begin = new AbortController();
  /** Told with the first director that stays behind because of it. */
  private gateError: LvsformError | undefined;
  /** The state whose wave is on. */
  private current: RolloutState | undefined;
  private readonly releases: Promise<void>[] = [];
  private wake = (): void => undefined;

  constructor(
    private readonly tasks: FleetTasks,
    private readonly options: FleetOptions,
    private readonly turns: readonly Turn[],
  ) {}

  async run(): Promise<ApplyReport[]> {
    const { signal } = this.options;
    const interrupt = (): void => {
      this.current?.stop('interrupted');
      this.begin.abort();
      this.wake();
    };
    signal?.addEventListener('abort', interrupt);
    try {
      for (const [at, turn] of this.turns.entries()) {
        if (turn.kind === 'gate') await this.pass(turn.gate);
        else if (this.stopped || signal?.aborted === true) this.skip(turn);
        else await this.wave(turn, this.isLast(turn, at));
      }
    } finally {
      signal?.removeEventListener('abort', interrupt);
      await Promise.all(this.releases);
    }
    if (this.gateError !== undefined) throw this.gateError;
    return this.turns.flatMap((turn) =>
      turn.kind === 'gate' ? [] : turn.directors.flatMap((name) => this.reports.get(`${turn.stack}/${name}`) ?? []),
    );
  }

  private isLast({ rollout }: Wave, at: number): boolean {
    return !this.turns.slice(at + 1).some((later) => later.kind === 'wave' && later.rollout === rollout);
  }

  private async pass(gate: Gate): Promise<void> {
    if (this.stopped || ![...this.reports.values()].some(({ outcome }) => outcome === 'applied')) return;
    try {
      await this.tasks.pass(gate);
    } catch (error) {
      if (!(error instanceof LvsformError)) throw error;
      this.gateError = error;
      this.stopped = true;
    }
  }

  private skip(wave: Wave): void {
    for (const director of wave.directors) this.skipOne(wave.stack, director);
  }

  private skipOne(stack: string, director: string): void {
    if (this.reports.has(`${stack}/${director}`)) return;
    const failure = this.tasks.failure(stack, director);
    const error = failure ?? this.gateError;
    this.gateError = undefined;
    const outcome = failure === undefined ? 'skipped' : 'failed';
    this.tell({ stack, director, outcome, steps: 0, ...(error === undefined ? {} : { error }) });
  }

  private tell(report: ApplyReport): void {
    this.reports.set(`${report.stack}/${report.director}`, report);
    this.options.onReport?.(report);
  }

  /** The state of a wave's rollout; directors that could not be planned count from the start. */
  private stateOf({ stack, rollout, directors }: Wave): RolloutState {
    const known = rollout === undefined ? undefined : this.states.get(rollout);
    if (known !== undefined) return known;
    const limits = rollout ?? { ...ALONE, size: directors.length };
    const state = new RolloutState({ ...limits, parallelism: this.options.parallelism });
    for (const director of rollout?.waves.flat() ?? directors) {
      if (this.tasks.failure(stack, director) !== undefined) state.fail(director);
      else if (this.tasks.isIdle(stack, director)) state.skip(director);
    }
    if (rollout !== undefined) this.states.set(rollout, state);
    return state;
  }

  private async wave(wave: Wave, isLast: boolean): Promise<void> {
    const { stack, rollout, directors, number } = wave;
    const state = this.stateOf(wave);
    this.current = state;
    const busy = directors.filter((director) => state.standingOf(director) === 'waiting');
    if (rollout !== undefined && busy.length > 0)
      this.options.onEvent?.({ kind: 'wave', fleet: rollout.fleet, number, waves: rollout.waves.length, directors: busy }); // prettier-ignore
    for (const director of directors)
      if (state.standingOf(director) === 'unchanged') this.tell({ stack, director, outcome: 'unchanged', steps: 0 });
    const traffic = state.stopped === undefined ? await this.count(wave, busy, 'before') : undefined;
    state.enter(directors);
    await this.drive(state, stack);
    let error: LvsformError | undefined;
    if (state.stopped === undefined && state.changedInWave && rollout !== undefined) {
      const applied = busy.filter((director) => state.standingOf(director) === 'applied');
      error = await this.barrier(rollout, wave, { applied, traffic, isLast });
      if (error !== undefined) state.stop('check');
      else if (this.options.signal?.aborted === true) state.stop('interrupted');
    }
    if (state.stopped !== undefined) {
      this.stopped = true;
      this.options.onEvent?.({ kind: 'stopped', fleet: rollout?.fleet, reason: state.stopped, ...(error === undefined ? {} : { error }) }); // prettier-ignore
      await this.drive(state, stack);
    }
    this.skip(wave);
    this.release(wave, isLast || this.stopped);
  }

  /** Starts what the state allows, until there is nothing more to start and nothing in flight. */
  private async drive(state: RolloutState, stack: string): Promise<void> {
    const flying = new Set<Promise<void>>();
    for (;;) {
      const order = state.next();
      if (order.do === 'rest') break;
      if (order.do === 'wait') {
        const woken = new Promise<void>((resolve) => (this.wake = resolve));
        await Promise.race([...flying, woken]);
        continue;
      }
      const { director, do: verb } = order;
      this.options.onEvent?.({ kind: 'begun', director, verb });
      const flight = this.carryOut(state, stack, director, verb).finally(() => flying.delete(flight));
      flying.add(flight);
    }
    await Promise.all(flying);
  }

  private async carryOut(
    state: RolloutState,
    stack: string,
    director: string,
    verb: 'apply' | 'take-back',
  ): Promise<void> {
    const before = this.reports.get(`${stack}/${director}`);
    const report =
      verb === 'take-back' && before !== undefined
        ? await this.tasks.takeBack(stack, director, before)
        : await this.tasks.apply(stack, director, this.begin.signal);
    this.tell(report);
    if (report.outcome === 'skipped') state.notBegun(director);
    else if (verb === 'take-back') state.ended(director, report.outcome === 'failed' ? 'failed' : 'returned');
    else if (report.outcome === 'applied' || report.outcome === 'unchanged') state.ended(director, report.outcome);
    else state.ended(director, 'failed', report.outcome === 'failed' && report.steps > 0);
    if (state.stopped !== undefined) this.begin.abort();
  }

  /** Undefined where nothing is to be compared, or when the run is interrupted meanwhile. */
  private async count(
    { stack, rollout, number }: Wave,
    directors: readonly string[],
    when: 'before' | 'after',
  ): Promise<ReadonlyMap<string, Counted> | undefined> {
    const seconds = rollout?.check?.connectionsPerSecond?.windowSeconds;
    if (rollout === undefined || seconds === undefined || directors.length === 0) return undefined;
    const { signal, onEvent } = this.options;
    onEvent?.({ kind: 'counting', fleet: rollout.fleet, number, when, seconds });
    // What came just before the change must not be taken for what came after it.
    if (when === 'after') await this.pause(STATS_PERIOD_SECONDS);
    const first = await this.readings(stack, directors);
    await this.pause(Math.max(0, seconds - STATS_PERIOD_SECONDS));
    const last = await this.readings(stack, directors);
    return signal?.aborted === true ? undefined : trafficBetween(first, last);
  }

  /** Takes {@link STATS_PERIOD_SECONDS}. */
  private async readings(stack: string, directors: readonly string[]): Promise<Reading[]> {
    const readings: Reading[] = [];
    while (readings.length < READINGS && this.options.signal?.aborted !== true) {
      const [reading] = await Promise.all([this.tasks.totals(stack, directors), this.pause(SECONDS_BETWEEN_READINGS)]);
      readings.push(reading);
    }
    return readings;
  }

  private async pause(seconds: number): Promise<void> {
    const { signal } = this.options;
    await wait(seconds * 1000, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }

  private async barrier(
    rollout: DesiredRollout,
    wave: Wave,
    { applied, traffic, isLast }: { applied: string[]; traffic: ReadonlyMap<string, Counted> | undefined; isLast: boolean }, // prettier-ignore
  ): Promise<LvsformError | undefined> {
    const { signal, onEvent } = this.options;
    const { fleet, pauseSeconds } = rollout;
    if (pauseSeconds > 0 && !isLast) {
      onEvent?.({ kind: 'pause', fleet, seconds: pauseSeconds });
      await this.pause(pauseSeconds);
    }
    const { check } = rollout;
    if (check === undefined || signal?.aborted === true) return undefined;
    const unjudged: string[] = [];
    const compare = async (): Promise<void> => {
      if (traffic === undefined || check.connectionsPerSecond === undefined) return;
      const after = await this.count(wave, applied, 'after');
      if (after === undefined) return;
      const removed = new Map(applied.map((director) => [director, this.tasks.removedServices(wave.stack, director)]));
      const verdict = judgeTraffic(removed, traffic, after, check.connectionsPerSecond);
      unjudged.push(...verdict.unjudged);
      refuseLosses(fleet, wave.number, verdict.problems);
    };
    const results = await Promise.allSettled([this.tasks.check(rollout, wave, signal), compare()]);
    const errors = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
    const error = joinErrors(fleet, errors);
    const judged = unjudged.length > 0 ? { unjudged } : {};
    onEvent?.({ kind: 'checked', fleet, number: wave.number, ...judged, ...(error === undefined ? {} : { error }) });
    return error;
  }

  /** A connection is kept for as long as its director may still be put back. Nobody waits for its end. */
  private release({ stack, rollout, directors }: Wave, isLast: boolean): void {
    if (rollout?.onFailure === 'rollback-all' && !isLast) return;
    const done = rollout?.onFailure === 'rollback-all' ? rollout.waves.flat() : directors;
    for (const director of done) this.releases.push(this.tasks.release(stack, director));
  }
}
