/** Carries out a run over many directors: wave by wave, bounded, and stopped by the first rule that says so. */
import { setTimeout as wait } from 'node:timers/promises';
import { type DesiredRollout, type Gate, LvsformError } from '../model';
import type { ApplyReport } from './report';
import { type RolloutLimits, RolloutState, type StopReason } from './rollout-state';
import type { Turn, Wave } from './turns';

export type FleetEvent =
  | { kind: 'wave'; fleet: string; number: number; waves: number; directors: readonly string[] }
  /** A director is begun, or is put back. */
  | { kind: 'begun'; director: string; verb: 'apply' | 'take-back' }
  | { kind: 'pause'; fleet: string; seconds: number }
  | { kind: 'checked'; fleet: string; number: number; error?: LvsformError }
  | { kind: 'stopped'; fleet: string | undefined; reason: StopReason | 'gate'; error?: LvsformError };

/** What the engine can't do itself. None of these rejects because of a director: that is what reports are for. */
export interface FleetTasks {
  apply(stack: string, director: string): Promise<ApplyReport>;
  takeBack(stack: string, director: string, applied: ApplyReport): Promise<ApplyReport>;
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
    state.enter(directors);
    await this.drive(state, stack);
    let error: LvsformError | undefined;
    if (state.stopped === undefined && state.changedInWave && rollout !== undefined) {
      error = await this.barrier(rollout, wave, isLast);
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
        : await this.tasks.apply(stack, director);
    this.tell(report);
    if (verb === 'take-back') state.ended(director, report.outcome === 'failed' ? 'failed' : 'returned');
    else if (report.outcome === 'applied' || report.outcome === 'unchanged') state.ended(director, report.outcome);
    else state.ended(director, 'failed');
  }

  private async barrier(rollout: DesiredRollout, wave: Wave, isLast: boolean): Promise<LvsformError | undefined> {
    const { signal, onEvent } = this.options;
    const { fleet, pauseSeconds } = rollout;
    if (pauseSeconds > 0 && !isLast) {
      onEvent?.({ kind: 'pause', fleet, seconds: pauseSeconds });
      await wait(pauseSeconds * 1000, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    }
    if (rollout.check === undefined || signal?.aborted === true) return undefined;
    try {
      await this.tasks.check(rollout, wave, signal);
      onEvent?.({ kind: 'checked', fleet, number: wave.number });
      return undefined;
    } catch (error) {
      if (!(error instanceof LvsformError)) throw error;
      onEvent?.({ kind: 'checked', fleet, number: wave.number, error });
      return error;
    }
  }

  /** A connection is kept for as long as its director may still be put back. Nobody waits for its end. */
  private release({ stack, rollout, directors }: Wave, isLast: boolean): void {
    if (rollout?.onFailure === 'rollback-all' && !isLast) return;
    const done = rollout?.onFailure === 'rollback-all' ? rollout.waves.flat() : directors;
    for (const director of done) this.releases.push(this.tasks.release(stack, director));
  }
}
