import { TransportError, type TransportCode } from '../model';

/**
 * What went wrong on the way to a director, before anybody knows which director it was for: one jump host serves many.
 */
export class Failure extends Error {
  constructor(
    readonly code: TransportCode,
    message: string,
    readonly hint: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'Failure';
  }
}

/** The error that users see: the failure with the director's name. Anything else passes unchanged. */
export function nameDirector(error: unknown, director: string): unknown {
  if (!(error instanceof Failure)) return error;
  const cause = error.cause === undefined ? {} : { cause: error.cause };
  return new TransportError(error.code, director, error.message, { hint: error.hint, ...cause });
}
