import { LvsformError } from '../model';
import type { Style } from '../report';

/** The code of a system error such as `EACCES`, or of one of Node.js's own. */
export function errorCode(error: unknown): string | undefined {
  const code: unknown = typeof error === 'object' && error !== null ? Reflect.get(error, 'code') : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** An error as a person reads it: what and where, what to do, and with LVSFORM_DEBUG where in the code. */
export function formatError(error: unknown, style: Style, debug = false): string {
  const known = error instanceof LvsformError;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  if (!known && !isSystemError(error))
    return `${style.error('error')}: this should not have happened, please report it\n${stack}\n`;
  const hint = known && error.hint !== undefined ? `  hint: ${error.hint.replaceAll('\n', '\n        ')}\n` : '';
  return `${style.error('error')}: ${error.message}\n${hint}${debug ? `${stack}\n` : ''}`;
}

/** A full disk, a folder without permission, a port that is taken: its own words say enough. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && errorCode(error) !== undefined;
}
