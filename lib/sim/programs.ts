/** How programs are found and run on a simulated director: by the login itself or through sudo, in a script or not. */
import type { PartResult } from '../dialect/script';
import type { Machine } from './machine';

export const NOT_FOUND = 127;

/** `$(…)` keeps all but the newlines at the end. */
export const withoutNewlines = (text: string): string => text.replace(/\n+$/, '');

export function isRoot({ options }: Machine): boolean {
  const { user = 'root', permission = user === 'root' ? 'root' : 'sudo' } = options;
  return permission === 'root';
}

export const loginName = (machine: Machine): string => machine.options.user ?? (isRoot(machine) ? 'root' : 'ops');

export interface Call {
  sudo: boolean;
  /** Where in its script the command stands, which dash says when the program is missing. */
  line: number;
  stdin: string;
  /** Runs for nobody's connection: none can be cut under it. */
  detached?: boolean;
}

/** A command of one of our scripts. */
export function runScripted(machine: Machine, words: readonly string[], call: Call): PartResult {
  const { sudo, line, stdin, detached = false } = call;
  if (sudo) return runSudo(machine, ['-n', ...words], stdin, detached);
  const [program = '', ...rest] = words;
  if (program === 'command') return commandV(machine, rest[1] ?? '');
  if (!machine.has(program)) return { code: NOT_FOUND, stdout: '', stderr: `sh: ${line}: ${program}: not found\n` };
  return machine.run(program, rest, { root: isRoot(machine), stdin, detached });
}

export function runSudo(machine: Machine, words: readonly string[], stdin: string, detached = false): PartResult {
  const [program = '', ...rest] = words[0] === '-n' ? words.slice(1) : words;
  const remark = machine.options.ownName === 'unresolved' ? UNRESOLVED : '';
  const refused = (why: string): PartResult => ({ code: 1, stdout: '', stderr: `${remark}sudo: ${why}\n` });
  if (machine.options.permission === 'none') return refused('a password is required');
  if (!machine.has(program)) return refused(`${program}: command not found`);
  const result = machine.run(program, rest, { root: true, stdin, detached });
  return { ...result, stderr: remark + result.stderr };
}

/** As recorded where there is no host name at all: test/fixtures/listings/transcript-unprivileged.txt. */
const UNRESOLVED = 'sudo: unable to resolve host (none): Name or service not known\n';

function commandV(machine: Machine, program: string): PartResult {
  return machine.has(program)
    ? { code: 0, stdout: `/usr/sbin/${program}\n`, stderr: '' }
    : { code: NOT_FOUND, stdout: '', stderr: '' };
}
