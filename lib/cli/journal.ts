/** What a run did, as JSON lines for whoever asks later: `--log FILE`. */
import { appendFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { isPlanned, LvsformError, type Plan, UsageError } from '../model';
import { authorOf } from '../author';
import { EXIT, type ExitCode, exitCodeOf } from './command';
import type { Io } from './io';
import { VERSION } from './version';

export interface JournalFlags {
  log?: string;
}

/** What can be told of one event. Names of stacks, directors, codes and counts: never what a file or a key holds. */
export interface JournalFields {
  stack?: string;
  director?: string;
  [field: string]: unknown;
}

export interface Journal {
  /** Appends one line: `{ "at": …, "event": …, … }`. Does nothing without `--log`. */
  note(event: string, fields?: JournalFields): void;
}

/**
 * Runs a command with its journal: `started` first, and `ended` with the exit code last, also when it throws. A journal
 * that can't be gone on with does not stop what is under way.
 *
 * @throws UsageError `not-writable` when the file can't be appended to at all; the command is not run then
 */
export async function journaled(
  command: string,
  flags: JournalFlags,
  io: Io,
  run: (journal: Journal) => Promise<ExitCode>,
): Promise<ExitCode> {
  const journal = openJournal(flags, io);
  // Asks git, which takes a moment.
  if (flags.log !== undefined) journal.note('started', { command, tool: VERSION, ...authorOf(io) });
  let ended: JournalFields = { exitCode: EXIT.error };
  try {
    const exitCode = await run(journal);
    ended = { exitCode };
    return exitCode;
  } catch (error) {
    ended = { exitCode: exitCodeOf(error), error: errorFields(error) };
    throw error;
  } finally {
    journal.note('ended', ended);
  }
}

/** An error as data. */
export function errorFields(error: unknown): { code: string; message: string; hint?: string } {
  if (!(error instanceof LvsformError)) return { code: 'internal', message: String(error) };
  const { code, message, hint } = error;
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}

/** One line per director: what would be done, or why it could not be planned. */
export function notePlan(journal: Journal, plan: Plan): void {
  for (const entry of plan.directors) {
    const { stack, director } = entry;
    if (!isPlanned(entry)) {
      journal.note('not-planned', { stack, director, error: entry.error });
      continue;
    }
    const count = (action: string): number => entry.changes.filter((change) => change.action === action).length;
    journal.note('planned', {
      stack,
      director,
      create: count('create'),
      update: count('update'),
      delete: count('delete'),
      findings: entry.findings.map(({ code, severity, subject, allowed }) => ({ code, severity, subject, allowed })),
    });
  }
}

function openJournal({ log }: JournalFlags, io: Io): Journal {
  if (log === undefined) return { note: () => undefined };
  const file = resolve(io.cwd, log);
  let state: 'new' | 'begun' | 'lost' = 'new';
  return {
    note: (event, fields = {}) => {
      if (state === 'lost') return;
      const line = `${JSON.stringify({ at: new Date().toISOString(), event, ...fields })}\n`;
      try {
        // Opened for every line: a run that is killed has told what it did, and two runs may share the file.
        appendFileSync(file, line, { mode: 0o600 });
        state = 'begun';
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        const problem = `the journal ${file} can't be written: ${reason}`;
        if (state === 'new') throw new UsageError('not-writable', problem, { cause: error });
        // Directors may be changed by now: what is left to do on them matters more.
        state = 'lost';
        io.err(`warning: ${problem}; the run goes on without it\n`);
      }
    },
  };
}
