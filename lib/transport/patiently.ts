import { setTimeout as wait } from 'node:timers/promises';
import { TransportError } from '../model';
import type { Connect } from './runner';

/** How long a connection may take to be refused and still be tried again: whoever is silent is asked once. */
const QUICK_MS = 1000;
const RETRY_AFTER_MS = 300;

/**
 * Tries a second time when a connection is refused or dropped at once, as sshd does while it has too many logins going
 * (MaxStartups). Only connecting is ever repeated, never a command.
 */
export function patiently<T>(connect: Connect<T>): Connect<T> {
  return async (target) => {
    const begin = performance.now();
    try {
      return await connect(target);
    } catch (error) {
      const isPassing = error instanceof TransportError && ['unreachable', 'connection-lost'].includes(error.code);
      if (!isPassing || performance.now() - begin > QUICK_MS) throw error;
      await wait(RETRY_AFTER_MS);
      return connect(target);
    }
  };
}
