import { z } from 'zod';

/** Tools a director is driven with. Reading uses `ipvsadm` and `…-save`; changing uses `ipvsadm` and `…-restore`. */
export const Tool = z.enum(['ipvsadm', 'iptables-restore', 'ip6tables-restore']);
export type Tool = z.output<typeof Tool>;

/** One change on a director as argv, never a shell string. */
export const Command = z.strictObject({
  tool: Tool,
  args: z.array(z.string()).readonly(),
  /** Standard input: the rules for `…-restore`. */
  input: z.string().exactOptional(),
});
export type Command = z.output<typeof Command>;

const PLAIN_WORD = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** One word for a POSIX shell. The only quoting in the project. */
export function quoteWord(word: string): string {
  if (word.includes('\0')) throw new RangeError('a NUL can not be passed to a shell');
  return PLAIN_WORD.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A command as a person would type it; for plans and messages. */
export function formatCommand(command: Command): string {
  return [command.tool, ...command.args].map(quoteWord).join(' ');
}
