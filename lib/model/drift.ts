/** How directors differ from the program between two applies: the nouns of `lvsform drift`. */
import type { Change } from './change';
import type { FailedDirector } from './plan';

export type DriftCause =
  /** Its weight is 0, so that its connections can end. */
  | { kind: 'draining'; connections: number }
  /** Something that writes IPVS tables runs on the director. */
  | { kind: 'controller'; programs: string[] }
  /** Nothing but a weight differs. */
  | { kind: 'operator-weight' }
  | { kind: 'unknown' };

export interface DirectorDrift {
  stack: string;
  director: string;
  /** What an apply would change, and why it may differ. */
  drift: { change: Change; cause: DriftCause }[];
  /** Whether boot files differ. */
  boot: boolean;
}

export interface Drift {
  format: 1;
  /** Directors that differ. */
  directors: DirectorDrift[];
  /** Directors that could not be read. */
  failed: FailedDirector[];
  /** Directors that were asked. */
  asked: number;
}
