import type { DrainProgress } from '../apply';
import type { LvsformError } from '../model';

/** `rolled-back`: the director is as it was before, put back by itself, by us, or by the rollout. */
export type Outcome = 'unchanged' | 'applied' | 'rolled-back' | 'failed' | 'skipped';

export interface ApplyReport {
  stack: string;
  director: string;
  outcome: Outcome;
  /** Steps that are in effect, where that is known: all of them, or those before the apply failed. */
  steps: number;
  /** The first step that had no effect, from 1, where that is known. */
  failedAt?: number;
  /** How each drain ended. */
  drained?: DrainProgress[];
  error?: LvsformError;
}
