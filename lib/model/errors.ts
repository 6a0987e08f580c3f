/** Who can do something about an error. */
export type ErrorSource = 'user' | 'director' | 'tool';

interface ErrorDetails {
  /** What to do about it. */
  hint?: string;
  cause?: unknown;
  /** The first step of an apply that had no effect, from 1. */
  failedAt?: number;
  /** Id of the entry that step is about. */
  entry?: string;
}

/** Errors repeat what directors and programs said, and that is not to drive the terminal it is shown on. */
function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(/(?![\n\t])\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** The one family of errors: a stable code, who can act on it, and what to do. */
export abstract class LvsformError extends Error {
  readonly hint?: string;
  readonly failedAt?: number;
  readonly entry?: string;

  constructor(
    readonly code: string,
    readonly source: ErrorSource,
    message: string,
    details: ErrorDetails = {},
  ) {
    super(printable(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    if (details.hint !== undefined) this.hint = printable(details.hint);
    const cause = details.cause instanceof LvsformError ? details.cause : undefined;
    const failedAt = details.failedAt ?? cause?.failedAt;
    if (failedAt !== undefined) this.failedAt = failedAt;
    const entry = details.entry ?? cause?.entry;
    if (entry !== undefined) this.entry = entry;
  }
}

/** A problem in the user's program or artefact: where it is, and what is wrong. */
export interface ProgramIssue {
  /** Construct path, e.g. `edge/table/web`, or Terraform address where there is no construct. */
  where: string;
  /** Dotted field path, e.g. `realServers.rs1.weight`; empty for the whole entry. */
  field: string;
  message: string;
  hint?: string;
  /** The user's line, `main.ts:12:3`, where known. */
  at?: string;
}

/** Everything that is wrong with what the user wrote, all at once. */
export class ValidationError extends LvsformError {
  constructor(readonly issues: readonly ProgramIssue[]) {
    super('invalid-program', 'user', issues.map(formatIssue).join('\n'));
  }
}

export function formatIssue(issue: ProgramIssue): string {
  const field = issue.field === '' ? '' : `${issue.field}: `;
  const at = issue.at === undefined ? '' : ` (${issue.at})`;
  const hint = issue.hint === undefined ? '' : `\n  hint: ${issue.hint}`;
  return `[${issue.where}] ${field}${issue.message}${at}${hint}`;
}

/** The user asked for something that can't be done as asked: a wrong option, a missing file, no stack of that name. */
export class UsageError extends LvsformError {
  constructor(code: string, message: string, details?: ErrorDetails) {
    super(code, 'user', message, details);
  }
}

/** A listing says something we do not understand. Never skipped: a lenient reader gives rows to the wrong service. */
export class ParseError extends LvsformError {
  constructor(
    /** Which listing, e.g. `ipvsadm -Sn`. */
    readonly listing: string,
    /** Line number, from 1. */
    readonly line: number,
    /** The line itself. */
    readonly text: string,
    readonly reason: string,
    details?: ErrorDetails,
  ) {
    super('not-understood', 'director', `${listing}, line ${line}: ${reason}: ${JSON.stringify(text)}`, details);
  }
}

export type TransportCode =
  | 'unreachable'
  | 'host-key'
  | 'auth'
  | 'timeout'
  | 'connection-lost'
  | 'no-ipvsadm'
  | 'no-permission'
  | 'no-module'
  | 'no-iptables'
  | 'command-failed';

/** A director could not be reached, or its tools could not be used. */
export class TransportError extends LvsformError {
  constructor(
    code: TransportCode,
    readonly director: string,
    message: string,
    details?: ErrorDetails,
  ) {
    super(code, 'director', `${director}: ${message}`, details);
  }
}

/** One thing a director can't do. */
export interface CapabilityProblem {
  message: string;
  /** Id of the entry, without the director; undefined where it is about more than one. */
  entry?: string;
  /** The field of its resource, where there is one. */
  field?: string;
}

/** The director's tools or kernel can't express or list something the stack wants. */
export class CapabilityError extends LvsformError {
  constructor(
    readonly director: string,
    readonly problems: readonly CapabilityProblem[],
    details?: ErrorDetails,
  ) {
    super('not-supported', 'director', problems.map(({ message }) => `${director}: ${message}`).join('\n'), details);
  }
}

export type ApplyCode =
  | 'refused'
  | 'scheduler-missing'
  | 'not-converged'
  | 'interrupted'
  /** It was asked to stop before anything was begun. */
  | 'stopped'
  | 'stale'
  | 'blocked'
  /** What has to hold after a wave does not. */
  | 'check-failed'
  /** Somebody else holds the lock. */
  | 'locked'
  /** The lock was lost while it was needed. */
  | 'lock-lost'
  /** The folder for records, its disk, or a tool that the net is made of is missing. */
  | 'no-net'
  /** The director is as it was before. */
  | 'rolled-back';

/** A director that could not be planned, at its turn in an apply. It is as it was. */
export class NotPlannedError extends LvsformError {
  constructor(
    readonly director: string,
    { code, message, hint }: { code: string; message: string; hint?: string },
  ) {
    super(code, 'director', message, hint === undefined ? {} : { hint });
  }
}

/** An apply stopped part-way: says exactly which steps took effect. */
export class ApplyError extends LvsformError {
  constructor(
    code: ApplyCode,
    readonly director: string,
    message: string,
    details?: ErrorDetails,
  ) {
    super(code, 'director', `${director}: ${message}`, details);
  }
}

/** What an error of a director says, without its name before it: for a message that has the name already. */
export const wordsOf = (director: string, { message }: LvsformError): string => message.replace(`${director}: `, '');
