/** What came back from a remote program. */
export interface RunResult {
  /** Exit code; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * A way to run scripts on one director. Scripts are text made by `lib/dialect/script.ts` and by nobody else.
 * One connection serves a whole run.
 */
export interface Runner {
  /**
   * Runs a script with the login shell and waits for its end. Never retried.
   *
   * @throws TransportError when the connection is lost or the time is up.
   */
  run(script: string, options?: { stdin?: string; timeoutMs?: number }): Promise<RunResult>;
  /**
   * Starts a script that stays, and is talked to line by line. It ends with its connection, when its input is closed, or
   * when it wants to.
   *
   * @throws TransportError when it can't be started
   */
  hold(script: string): Promise<Conversation>;
  close(): Promise<void>;
}

/** A script that is running on a director. */
export interface Conversation {
  send(line: string): void;
  /** Everything it has printed so far, once `enough` says so; whatever there is when it ended or the time is up. */
  hear(enough: (stdout: string) => boolean, timeoutMs: number): Promise<string>;
  /** What it has said on stderr so far. */
  complaint(): string;
  /** Settles when it has ended, however. */
  readonly ended: Promise<void>;
  /** Ends its input, waits for its end, but not for long. */
  close(): Promise<void>;
}

/** Opens the connection to a director. */
export type Connect<Target> = (target: Target) => Promise<Runner>;
