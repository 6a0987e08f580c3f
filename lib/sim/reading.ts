/** The part of a script that reads the director: listing by listing, in two groups. */
import { type FetchScope, partsIn } from '../dialect/script';
import type { ScriptOptions } from '../dialect/shell';
import type { Machine } from './machine';
import { runScripted, withoutNewlines } from './programs';

/** What the lines of readingLines print. */
export function printReading(machine: Machine, scope: FetchScope, { nonce, sudo }: ScriptOptions): string {
  const mark = `@@${nonce}`;
  const groups = ([1, 2] as const).map((number) => {
    const parts = partsIn(scope).filter((part) => part.group === number);
    const printed = parts.map(({ name, command, privileged }) => {
      const how = { sudo: sudo && privileged, line: 2, stdin: '' };
      const { code, stdout, stderr } = runScripted(machine, command.split(' '), how);
      return `${mark} ${name}\n${stdout}\n${mark} ${code}\n${withoutNewlines(stderr)}\n`;
    });
    return `${withoutNewlines(printed.join(''))}\n`;
  });
  return `${groups.join('')}${mark} end\n`;
}
