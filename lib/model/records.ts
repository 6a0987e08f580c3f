/** What lvsform keeps on a director, in its folder there: who owns what, and what an apply would take back. */
import { z } from 'zod';
import { chainName } from './mark-rule';

/** On every director; belongs to the login, mode 0700. */
export const RECORDS_FOLDER = '/var/lib/lvsform';

/** Who ran an apply, as far as it is known. */
export const Author = z.object({
  /** Login and machine that ran lvsform, `ada@build-7`. */
  by: z.string(),
  /** Commit of the program. */
  commit: z.string().optional(),
  /** Link to the CI job. */
  job: z.string().optional(),
});
export type Author = z.output<typeof Author>;

/** Plan files remembered as used, newest last. */
export const REMEMBERED_PLANS = 20;

/** How long a removed real server keeps its connections. */
export const DrainPolicy = z.object({
  /** Longest wait for them to end. */
  timeoutSeconds: z.int().min(1),
  /** So many left are few enough. Default 0. */
  connections: z.int().min(0).optional(),
});
export type DrainPolicy = z.output<typeof DrainPolicy>;

/** How a service is drained on one director. */
export interface PlannedDrain extends DrainPolicy {
  /**
   * Of a mark: nothing but TCP and SCTP is marked, whose inactive connections are over but for their last packets. All
   * that UDP has is inactive.
   */
  activeOnly?: boolean;
}

/** What a stack made on a director. Identities only, no weights: the kernel's table is the truth about everything else. */
export const Ledger = z.object({
  format: z.literal(1),
  stack: z.string(),
  /** Version of lvsform that wrote it. */
  tool: z.string(),
  at: z.iso.datetime(),
  author: Author,
  /** Ids without the director: `tcp/192.0.2.1:80`, `fwm/12`, mark rules, `timeouts`, `sync/master`. Sorted. */
  entries: z.array(z.string()),
  /** Ids of the plan files that were applied. */
  plans: z.array(z.string()).default([]),
  /** How services are drained, by their ids: it has to be known when they are no longer declared. */
  drains: z.record(z.string(), DrainPolicy).default({}),
  /** Real servers whose weight an apply made 0 to drain them, `tcp/192.0.2.1:80/10.0.0.1:80`: that 0 is no operator's. */
  quiesced: z.array(z.string()).exactOptional(),
  /** Whether the director may have boot files of this stack: they have to go when `persist` is no longer declared. */
  persist: z.boolean().default(false),
});
export type Ledger = z.output<typeof Ledger>;

/** Who holds the lock of a director. */
export const Holder = z.object({
  stack: z.string(),
  author: Author,
  since: z.iso.datetime(),
  /** Random; every change under the lock has to show it. */
  token: z.string().regex(/^[0-9a-f]{16,}$/),
});
export type Holder = z.output<typeof Holder>;

/**
 * What became of the last apply's dead man's switch.
 *
 * - `armed`: waits for a confirmation
 * - `placed`: the undo is there for `lvsform rollback`, and nothing waits (`--no-confirm`)
 * - `confirmed`: the apply was verified
 * - `undone`: the director put itself back, or was told to
 * - `partly`: the same, but entries that somebody else had changed since were left alone
 * - `stuck`: something of it was refused, and can be tried again
 * - `superseded`: a later apply needed none: what this one did is no longer the last apply's
 */
export const UNDO_STATES = ['armed', 'placed', 'confirmed', 'undone', 'partly', 'stuck', 'superseded'] as const;
export interface UndoRecord {
  state: (typeof UNDO_STATES)[number];
  /** The director's clock, in seconds since 1970. */
  at: number;
  /** Token of the lock it was done under. */
  token: string;
  /** Why it was undone, or which entries were left alone. */
  detail: string;
}

/** What to do about one that is stuck. */
export const RETRY_UNDO = 'mend what was refused, and run `lvsform rollback`: it does the rest of the undo';

/** Whether an undo has run, wholly or not. */
export const isTakenBack = ({ state }: UndoRecord): boolean => ['undone', 'partly', 'stuck'].includes(state);

export interface DirectorRecords {
  /** By name of the stack's files; `corrupt` when it can't be understood. */
  ledgers: Record<string, Ledger | 'corrupt'>;
  undo: Record<string, UndoRecord>;
}

export const NO_RECORDS: DirectorRecords = { ledgers: {}, undo: {} };

/** What a stack's files are called: safe as a file name and as a word of a script. */
export function recordName(stack: string): string {
  return chainName(stack).replace(/^LVSFORM-/, '');
}
