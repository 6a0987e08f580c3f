/**
 * Reading a listing line by line. Values are read by functions that know nothing of lines; what they can't make sense
 * of becomes a {@link ParseError} with listing, line and text here.
 */
import { ParseError } from '../model';

class Misread extends Error {
  constructor(
    readonly reason: string,
    readonly hint?: string,
  ) {
    super(reason);
  }
}

/** Says what can't be understood about the line being read. */
export function misread(reason: string, hint?: string): never {
  throw new Misread(reason, hint);
}

const TWICE = ' is listed twice';

/** Says that the line being read lists something once more. */
export function listedTwice(what: string): never {
  return misread(what + TWICE);
}

/** Whether that was what {@link listedTwice} said. */
export const isListedTwice = (error: unknown): error is ParseError =>
  error instanceof ParseError && error.reason.endsWith(TWICE);

/** Splits a line at blanks, of which listings use one or, to fill columns, many. */
export function splitWords(line: string): string[] {
  const words = line.includes('\t') ? line.split(/[ \t]/) : line.split(' ');
  return words.includes('') ? words.filter((word) => word !== '') : words;
}

/**
 * Calls `read` with every line that is not blank.
 *
 * @throws ParseError when `read` calls {@link misread}
 */
export function readLines(listing: string, text: string, read: (line: string) => void): void {
  const lines = text.split('\n');
  for (let at = 0; at < lines.length; at += 1) {
    const raw = lines[at] ?? '';
    const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
    if (line.trim() === '') continue;
    try {
      read(line);
    } catch (error) {
      if (!(error instanceof Misread)) throw error;
      throw new ParseError(listing, at + 1, line, error.reason, error.hint === undefined ? {} : { hint: error.hint });
    }
  }
}
