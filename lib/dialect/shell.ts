/** What all scripts for a director have in common. See script.ts for the rules they follow. */

export interface ScriptOptions {
  /** Hex digits no listing contains; marks our own lines in the output. */
  nonce: string;
  sudo: boolean;
}

const PROLOGUE = 'export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"';

/** Lines as one command of any login shell. No line may have a single quote in it. */
export function script(lines: readonly string[]): string {
  const text = [PROLOGUE, ...lines].join('\n');
  if (text.includes("'")) throw new RangeError('a script for a director has no single quotes');
  return `sh -c '${text}'`;
}

export const asRoot = (options: ScriptOptions): string => (options.sudo ? 'sudo -n ' : '');

/** The lines a script is fed, and the end mark that says they arrived in full. */
export function scriptInput(lines: readonly string[], nonce: string): string {
  return [...lines, `@@${nonce} end`, ''].join('\n');
}
