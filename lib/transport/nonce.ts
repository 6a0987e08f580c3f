import { randomBytes } from 'node:crypto';

/** 16 fresh hex digits that no listing contains; marks a script's own lines in its output. */
export function newNonce(): string {
  return randomBytes(8).toString('hex');
}
