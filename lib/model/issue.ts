import { z } from 'zod';

/** One thing a user can fix: which field, what is wrong with it and, when known, what to do. */
export interface Issue {
  /** Path inside the object that was checked, e.g. `['realServers', 'rs1', 'port']`. */
  path: (string | number)[];
  message: string;
  hint?: string;
}

/**
 * One word of a command line that is read from a file: it must not become two there. Spelled without `\p{…}`, which the
 * published schema would hand on to validators that have no such thing.
 */
// eslint-disable-next-line no-control-regex
export const Word = z.string().regex(/^[^\s\x00-\x1f\x7f-\x9f]+$/, {
  error: (issue) => `${JSON.stringify(issue.input)} is not one word`,
});

/** A value as a message repeats it: text in quotes, so that `'3'` and 3 can be told apart. */
export function shown(input: unknown): string {
  return typeof input === 'string' ? quoted(input) : String(input);
}

/** A value in quotes, unless it is a key that was given instead of something else: nobody should read that. */
export function quoted(input: unknown): string {
  const text = String(input);
  return holdsKey(text) ? 'a key' : `'${text}'`;
}

export function holdsKey(text: string): boolean {
  return text.includes('-----BEGIN');
}
