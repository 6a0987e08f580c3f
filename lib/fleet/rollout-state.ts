/**
 * Decides who is changed when, and when to stop: the arithmetic of a rollout, without effects. The engine (run.ts) asks
 * for the next order, carries it out, and tells how it ended.
 */
import type { DesiredRollout } from '../model';

export type Standing =
  /** Not touched yet. */
  | 'waiting'
  /** In the middle of a change. */
  | 'changing'
  /** As wished; `applied` by this run. */
  | 'applied'
  | 'unchanged'
  /** Not as wished, whether it put itself back or not: not serving, as far as anybody knows. */
  | 'failed'
  /** Being put back after it was applied. */
  | 'returning'
  /** Put back after it was applied. */
  | 'returned';

export type StopReason = 'failures' | 'floor' | 'check' | 'interrupted';

export type Order =
  | { do: 'apply'; director: string }
  /** Put one back that was applied. */
  | { do: 'take-back'; director: string }
  /** Something has to end first. */
  | { do: 'wait' }
  /** The wave is over, or the run is: `stopped` tells. */
  | { do: 'rest' };

export interface RolloutLimits extends Pick<DesiredRollout, 'size' | 'maxFailures' | 'minServing' | 'onFailure'> {
  /** Directors changed at once. */
  parallelism: number;
}

export class RolloutState {
  private readonly standings = new Map<string, Standing>();
  private readonly queue: string[] = [];
  /** Changed by this run, as wished or in part, newest last; in the wave that is on, and before it. */
  private applied: { wave: string[]; before: string[] } = { wave: [], before: [] };
  private toReturn: string[] = [];
  private readonly inFlight = new Set<string>();
  private readonly failed = new Set<string>();
  private reason: StopReason | undefined;

  constructor(private readonly limits: RolloutLimits) {}

  /** Why no further director is changed; undefined while there is no reason. */
  get stopped(): StopReason | undefined {
    return this.reason;
  }

  /** Directors that are neither in the middle of a change nor failed. */
  get serving(): number {
    const changing = [...this.inFlight].filter((director) => !this.failed.has(director));
    return this.limits.size - changing.length - this.failed.size;
  }

  get changing(): number {
    return this.inFlight.size;
  }

  /** Whether the wave that is on has changed any director. */
  get changedInWave(): boolean {
    return this.applied.wave.length > 0;
  }

  standingOf(director: string): Standing {
    return this.standings.get(director) ?? 'waiting';
  }

  /** A director that can't be changed at all, e.g. because it could not be planned. */
  fail(director: string): void {
    this.standings.set(director, 'failed');
    this.failed.add(director);
    if (this.failed.size > this.limits.maxFailures) this.stop('failures');
    else if (this.serving < this.limits.minServing) this.stop('floor');
  }

  /** Starts a wave. Those that have nothing to do stay out of it. */
  enter(wave: readonly string[]): void {
    this.applied = { wave: [], before: [...this.applied.before, ...this.applied.wave] };
    this.queue.push(...wave.filter((director) => this.standingOf(director) === 'waiting'));
  }

  skip(director: string): void {
    this.standings.set(director, 'unchanged');
  }

  next(): Order {
    if (this.reason !== undefined) {
      // What is in flight may still turn out to belong to what is put back.
      const director = [...this.toReturn].reverse().find((one) => this.mayStart(one));
      if (director === undefined) return this.inFlight.size > 0 ? { do: 'wait' } : { do: 'rest' };
      this.toReturn.splice(this.toReturn.indexOf(director), 1);
      return this.start(director, 'returning', 'take-back');
    }
    const director = this.queue[0];
    if (director === undefined) return this.inFlight.size > 0 ? { do: 'wait' } : { do: 'rest' };
    if (this.mayStart(director)) {
      this.queue.shift();
      return this.start(director, 'changing', 'apply');
    }
    if (this.inFlight.size > 0) return { do: 'wait' };
    this.stop('floor');
    return this.next();
  }

  /** One that was to be changed and had not been begun when the run stopped. */
  notBegun(director: string): void {
    this.inFlight.delete(director);
    this.standings.set(director, 'waiting');
  }

  /** @param inEffect one that failed is changed in part, and goes back where the others do */
  ended(director: string, outcome: 'applied' | 'unchanged' | 'failed' | 'returned', inEffect = false): void {
    this.inFlight.delete(director);
    if (outcome === 'applied' || inEffect) {
      this.applied.wave.push(director);
      if (this.reason !== undefined && this.limits.onFailure !== 'stop') this.toReturn.push(director);
    }
    if (outcome === 'failed') this.fail(director);
    else this.standings.set(director, outcome);
  }

  /** No further director is changed. What was, is left or put back, as the rollout says. */
  stop(reason: StopReason): void {
    if (this.reason !== undefined) return;
    this.reason = reason;
    this.queue.length = 0;
    if (this.limits.onFailure === 'rollback-batch') this.toReturn = [...this.applied.wave];
    if (this.limits.onFailure === 'rollback-all') this.toReturn = [...this.applied.before, ...this.applied.wave];
  }

  /** To put one back takes it out of service for a moment, too; one that failed is out of it already. */
  private mayStart(director: string): boolean {
    if (this.inFlight.size >= this.limits.parallelism) return false;
    return this.failed.has(director) || this.serving - 1 >= this.limits.minServing;
  }

  private start(director: string, standing: Standing, verb: 'apply' | 'take-back'): Order {
    this.standings.set(director, standing);
    this.inFlight.add(director);
    return { do: verb, director };
  }
}
