import type { LvsformError } from '../../lib/model';

/** The error of this class that a reader ends with; any other one is a crash. */
export function refusal<Refusal extends LvsformError>(
  type: new (...args: never[]) => Refusal,
  read: () => unknown,
): Refusal {
  try {
    read();
  } catch (error) {
    if (error instanceof type) return error;
    throw error;
  }
  throw new Error('it was accepted');
}
