/** The lock of a director, seen from the client: taken, kept alive, given back. */
import { setTimeout as wait } from 'node:timers/promises';
import { HEARTBEAT_SECONDS, lockScript, locksScript, parseHolder, parseSaid, type Said } from '../dialect';
import { ApplyError, type Author, type Holder, TransportError } from '../model';
import type { DirectorAccess } from './fetch';
import { netError } from './net-error';

/** How long the director may take to answer: it waits for whatever is changing it to finish. */
const ANSWER_MS = 180_000;
const RETRY_MS = 1000;

export interface DirectorLock {
  /** Every change under the lock shows it. */
  readonly token: string;
  /** Gives the lock back. */
  release(): Promise<void>;
}

export interface LockOptions {
  stack: string;
  author: Author;
  /** How long to wait for another holder. Default 0. */
  waitSeconds?: number;
  /** Told once when another one holds it. */
  onWait?: (holder: Holder | undefined) => void;
  /** Ends the wait for another holder; a lock that was waited for and comes with it is given back. */
  signal?: AbortSignal;
}

/**
 * Takes the lock of a director. An apply whose client died with its switch armed is undone on the way.
 *
 * @throws ApplyError `locked`, naming the holder; `stopped`; `no-net` when the director can't keep records
 */
export async function acquireLock(access: DirectorAccess, options: LockOptions): Promise<DirectorLock> {
  const { signal } = options;
  const isStopped = (): boolean => signal?.aborted === true;
  const end = performance.now() + (options.waitSeconds ?? 0) * 1000;
  for (let attempt = 1; ; attempt++) {
    if (isStopped()) throw stoppedError(access.name);
    const taken = await tryLock(access, options);
    if ('token' in taken) {
      // Who got it at once is at work.
      if (attempt === 1 || !isStopped()) return taken;
      await taken.release();
      throw stoppedError(access.name);
    }
    const holder = parseHolder(taken.rest);
    if (performance.now() >= end) throw lockedError(access.name, holder, options.waitSeconds ?? 0);
    if (attempt === 1) options.onWait?.(holder);
    await wait(RETRY_MS, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  }
}

/** Does something under the lock of a director, and gives it back. @throws what {@link acquireLock} or the work throws */
export async function withLock<T>(
  access: DirectorAccess,
  options: LockOptions,
  work: (lock: DirectorLock) => Promise<T>,
): Promise<T> {
  const lock = await acquireLock(access, options);
  try {
    return await work(lock);
  } finally {
    await lock.release();
  }
}

async function tryLock(access: DirectorAccess, { stack, author }: LockOptions): Promise<DirectorLock | Said> {
  const nonce = access.nonce();
  const token = access.nonce();
  const holder: Holder = { stack, author, since: new Date().toISOString(), token };
  const conversation = await access.runner.hold(lockScript({ nonce, sudo: access.sudo }));
  conversation.send(JSON.stringify(holder));
  const stdout = await conversation.hear((text) => parseSaid(text, nonce) !== undefined, ANSWER_MS);
  const said = parseSaid(stdout, nonce);
  if (said?.word === 'locked') {
    const beat = setInterval(() => {
      conversation.send('alive');
    }, HEARTBEAT_SECONDS * 1000);
    beat.unref();
    void conversation.ended.then(() => {
      clearInterval(beat);
    });
    return {
      token,
      release: async () => {
        clearInterval(beat);
        await conversation.close();
      },
    };
  }
  await conversation.close();
  if (said === undefined)
    throw new TransportError('command-failed', access.name, `the lock could not be asked for: ${(conversation.complaint() || stdout).trim()}`); // prettier-ignore
  if (said.word === 'held') return said;
  throw netError(access.name, said);
}

function stoppedError(director: string): ApplyError {
  return new ApplyError('stopped', director, 'stopped before it was begun: nothing was changed', {
    hint: 'run it again to go on',
  });
}

function lockedError(director: string, holder: Holder | undefined, waitedSeconds: number): ApplyError {
  const waited = waitedSeconds > 0 ? ` still, after ${waitedSeconds} s` : '';
  return new ApplyError('locked', director, `locked${waited} by ${describeHolder(holder)}`, {
    hint: 'wait for it with --lock-timeout SECONDS; a holder that died frees the lock by itself within seconds',
  });
}

/** `ada@build-7 for stack edge since 12:00:03, https://ci…/42`. */
export function describeHolder(holder: Holder | undefined): string {
  if (holder === undefined) return 'somebody else';
  const job = holder.author.job === undefined ? '' : `, ${holder.author.job}`;
  return `${holder.author.by} for stack ${holder.stack} since ${holder.since}${job}`;
}

/** Who holds the lock of a director; null when nobody does, undefined when it is held by who knows whom. */
export async function readHolder(access: DirectorAccess): Promise<Holder | null | undefined> {
  const nonce = access.nonce();
  const { stdout } = await access.runner.run(locksScript({ nonce, sudo: access.sudo }));
  const said = parseSaid(stdout, nonce);
  return said?.word === 'held' ? parseHolder(said.rest) : null;
}
