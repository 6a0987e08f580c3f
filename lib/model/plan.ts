import { z } from 'zod';
import type { Family } from './address';
import {
  Change,
  type DaemonChange,
  type MarkChange,
  type ServerChange,
  type ServiceChange,
  type TimeoutsChange,
} from './change';
import { Command } from './command';
import type { ChainState } from './live';
import type { MarkRule } from './mark-rule';
import type { VirtualService } from './virtual-service';

/**
 * Order of an apply; each phase is sent to the director as a whole and checked before the next one starts.
 *
 * - `free`: stop sync daemons that go or change (the kernel refuses some entries while one runs)
 * - `build`: new services, then new real servers
 * - `adjust`: service edits, then real server edits that do not lower a weight
 * - `steer`: mark rules, one atomic swap per family
 * - `lower`: weights that go down, and real servers that will be removed: to 0
 * - `remove`: real servers, then services; a moment after what went before, so that requests under way can finish
 * - `settle`: timeouts and sync daemons that start
 */
export const PHASES = ['free', 'build', 'adjust', 'steer', 'lower', 'remove', 'settle'] as const;
export const Phase = z.enum(PHASES);
export type Phase = z.output<typeof Phase>;

/** Our chain's rules in one family: what they are and what they shall be. */
export interface Steering {
  family: Family;
  chain: string;
  before: MarkRule[];
  after: MarkRule[];
  live: ChainState;
}

/** What a step does. */
export const Verb = z.enum([
  'add-service',
  'edit-service',
  'remove-service',
  'add-server',
  'edit-server',
  'quiesce-server',
  'remove-server',
  'steer',
  'set-timeouts',
  'start-daemon',
  'stop-daemon',
]);
export type Verb = z.output<typeof Verb>;

/** An ordered action, still without its spelling as a command. */
export type Move =
  | { phase: Phase; verb: 'add-service' | 'edit-service'; change: ServiceChange }
  /** Removes the service with all its real servers in one step, as the kernel does. */
  | { phase: Phase; verb: 'remove-service'; change: ServiceChange; before: VirtualService }
  | { phase: Phase; verb: 'add-server' | 'edit-server' | 'quiesce-server' | 'remove-server'; change: ServerChange }
  | { phase: Phase; verb: 'steer'; changes: MarkChange[]; steering: Steering }
  | { phase: Phase; verb: 'set-timeouts'; change: TimeoutsChange }
  | { phase: Phase; verb: 'start-daemon' | 'stop-daemon'; change: DaemonChange };

/** One command to run, what takes it back, and the changes it carries out. */
export const Step = z.strictObject({
  phase: Phase,
  verb: Verb,
  /** Ids of the changes this step carries out. */
  changes: z.array(z.string()),
  command: Command,
  /** Run in this order they restore what was before the step. */
  undo: z.array(Command),
});
export type Step = z.output<typeof Step>;

/** Something a reviewer should know before approving. A `blocking` one stops the apply unless its code is allowed. */
export const Finding = z.strictObject({
  code: z.string().min(1),
  severity: z.enum(['info', 'warning', 'blocking']),
  message: z.string(),
  /** Id of the entry it is about. */
  subject: z.string().exactOptional(),
  hint: z.string().exactOptional(),
  /** Connections it is about, where it is about connections; the message says them as well. */
  connections: z.int().min(0).exactOptional(),
  /** A blocking one that `--allow` lets pass. */
  allowed: z.boolean().exactOptional(),
});
export type Finding = z.output<typeof Finding>;

/** The plan of one director: data from end to end. */
export const DirectorPlan = z.strictObject({
  stack: z.string(),
  director: z.string(),
  changes: z.array(Change),
  steps: z.array(Step),
  findings: z.array(Finding),
  /** Services in the live table that nobody declared and that stay as they are. */
  foreign: z.int().min(0),
  /** By id of an entry that is touched: a hash of what it is like on the director. */
  fingerprints: z.record(z.string(), z.string()).default({}),
  /** Whether an apply writes boot files. */
  boot: z.boolean().exactOptional(),
  /** Whether an apply brings the ledger up to date, though the table is as it shall be. */
  ledger: z.boolean().exactOptional(),
});
export type DirectorPlan = z.output<typeof DirectorPlan>;

/** A rule of the user's own: looks at the plan of one director and says what should be known or stopped. */
export type Policy = (plan: DirectorPlan) => readonly Finding[];

/** A director that could not be planned, and why. */
export const FailedDirector = z.strictObject({
  stack: z.string(),
  director: z.string(),
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().exactOptional() }),
});
export type FailedDirector = z.output<typeof FailedDirector>;

export const Summary = z.strictObject({
  create: z.int().min(0),
  update: z.int().min(0),
  delete: z.int().min(0),
  directors: z.int().min(0),
  unreachable: z.int().min(0),
});
export type Summary = z.output<typeof Summary>;

/** The plan of a run: one entry per director, in the order they are applied. */
export const Plan = z.strictObject({
  format: z.literal(1),
  stacks: z.array(z.string()),
  summary: Summary,
  directors: z.array(z.union([DirectorPlan, FailedDirector])),
});
export type Plan = z.output<typeof Plan>;

export function isPlanned(entry: DirectorPlan | FailedDirector): entry is DirectorPlan {
  return !('error' in entry);
}

/** Whether an apply would do anything on a director: change its table, write boot files, or bring its ledger up to date. */
export function isPending({ changes, boot, ledger }: DirectorPlan): boolean {
  return changes.length > 0 || boot === true || ledger === true;
}

/** Whether an apply would do anything anywhere. */
export function hasWork(plan: Plan): boolean {
  return plan.directors.filter(isPlanned).some(isPending);
}

export function summarize(directors: readonly (DirectorPlan | FailedDirector)[]): Summary {
  const changes = directors.filter(isPlanned).flatMap((plan) => plan.changes);
  const count = (action: Change['action']): number => changes.filter((change) => change.action === action).length;
  return {
    create: count('create'),
    update: count('update'),
    delete: count('delete'),
    directors: directors.length,
    unreachable: directors.filter((entry) => !isPlanned(entry)).length,
  };
}

/** A finding, and the director it is about. */
export interface DirectorFinding {
  stack: string;
  director: string;
  finding: Finding;
}

/** The findings that stop an apply: blocking ones whose code is not among `allowed`. */
export function blockingFindings(plan: Plan, allowed: readonly string[] = []): DirectorFinding[] {
  return plan.directors
    .filter(isPlanned)
    .flatMap(({ stack, director, findings }) => findings.map((finding) => ({ stack, director, finding })))
    .filter(({ finding }) => finding.severity === 'blocking' && !allowed.includes(finding.code));
}

export function findingWords({ director, finding }: Pick<DirectorFinding, 'director' | 'finding'>): string {
  return `${finding.subject ?? director}: ${finding.message} [${finding.code}]`;
}

/** The plan with its allowed blocking findings marked as such, so that every rendering can tell them apart. */
export function markAllowed(plan: Plan, allowed: readonly string[]): Plan {
  const mark = (finding: Finding): Finding =>
    finding.severity === 'blocking' && allowed.includes(finding.code) ? { ...finding, allowed: true } : finding;
  return {
    ...plan,
    directors: plan.directors.map((entry) =>
      isPlanned(entry) ? { ...entry, findings: entry.findings.map(mark) } : entry,
    ),
  };
}
