import type { Command } from 'commander';
import { LvsformError } from '../model';
import type { Io } from './io';

/** Exit codes, for scripts; docs/exit-codes.md says more. */
export const EXIT = {
  /** Done, or nothing to do. */
  done: 0,
  error: 1,
  /** Only with `plan --detailed-exitcode`. */
  changesPending: 2,
  /** What was reviewed is not what would happen now. Nothing was changed. */
  stale: 3,
  /** A blocking finding that is not allowed. Nothing was changed. */
  blocked: 4,
  /** Somebody else holds a director's lock. */
  locked: 5,
  /** The apply failed, and the directors are as they were before. */
  rolledBack: 6,
  /** The apply stopped part-way: something is in effect, and something is not. */
  partial: 7,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

const BY_CODE: Readonly<Record<string, ExitCode>> = {
  stale: EXIT.stale,
  blocked: EXIT.blocked,
  locked: EXIT.locked,
  'rolled-back': EXIT.rolledBack,
};

/** The exit code of an error that ended a command. */
export function exitCodeOf(error: unknown): ExitCode {
  return error instanceof LvsformError ? (BY_CODE[error.code] ?? EXIT.error) : EXIT.error;
}

/** Adds one command to the program; its action hands the exit code to `exit`. */
export type AddCommand = (program: Command, io: Io, exit: (code: ExitCode) => void) => void;
