/**
 * What answers a command that arrives over SSH. Not a shell: it knows the scripts of lib/dialect word by word and
 * plain commands without any shell syntax, and says so of everything else.
 */
import { recognizeBootScript } from '../dialect/boot-script';
import { recognizeScript, type ReadScript } from '../dialect/recognize';
import { partsIn, type PartResult } from '../dialect/script';
import { STATS_COMMAND } from '../dialect/stats-script';
import { readingPath } from './undo';
import { BatchRun, TRUNCATED, wholeInput } from './batch';
import { runBootScript } from './boot-files';
import type { Machine } from './machine';
import { isRoot, NOT_FOUND, runScripted, runSudo, withoutNewlines } from './programs';
import { splitWords } from './words';

export function runShell(machine: Machine, text: string, stdin: string): PartResult {
  const script = recognizeScript(text);
  if (script?.kind === 'fetch') return fetch(machine, script);
  if (script?.kind === 'batch') return batch(machine, script, text, stdin);
  if (script?.kind === 'stats') return stats(machine, script);
  const boot = recognizeBootScript(text);
  if (boot !== undefined) return runBootScript(machine.files, boot, stdin);
  const words = splitWords(text.trim());
  if (words?.[0] === undefined)
    return { code: NOT_FOUND, stdout: '', stderr: `lvsform-sim: not a shell: ${text.split('\n')[0] ?? ''}\n` };
  return runPlain(machine, words, stdin);
}

/** Whether a command reads its standard input to the end; all others start without waiting for it. */
export function readsInput(text: string): boolean {
  const script = recognizeScript(text);
  if (script !== undefined) return !['fetch', 'lock', 'locks', 'controllers', 'stats'].includes(script.kind);
  if (recognizeBootScript(text)?.kind === 'boot-write') return true;
  return /\bipvsadm\b.*\s(?:-R|--restore)\b|tables-restore\b/.test(text);
}

/** What a person types: the login shell is bash, and a user's PATH has no /sbin. */
export function runPlain(machine: Machine, words: readonly string[], stdin: string): PartResult {
  const [first = '', ...rest] = words;
  const root = isRoot(machine);
  if (first === 'sudo') return runSudo(machine, rest, stdin);
  const program = first.replace(/^\/(?:usr\/)?s?bin\//, '');
  const reachable = root || first.startsWith('/') || first === 'true' || first === 'uname' || first === 'dpkg-query';
  if (!known(program)) return { code: NOT_FOUND, stdout: '', stderr: `lvsform-sim: not a shell: ${words.join(' ')}\n` };
  if (!machine.has(program) || !reachable)
    return { code: NOT_FOUND, stdout: '', stderr: `bash: line 1: ${first}: command not found\n` };
  return machine.run(program, rest, { root, stdin });
}

const known = (program: string): boolean =>
  /^(?:ipvsadm|ip6?tables(?:-save|-restore)?|true|uname|dpkg-query)$/.test(program);

function fetch(machine: Machine, { scope, keptFor, options }: ReadScript<'fetch'>): PartResult {
  const mark = `@@${options.nonce}`;
  const groups = ([1, 2] as const).map((number) => {
    const parts = partsIn(scope).filter((part) => part.group === number);
    const printed = parts.map(({ name, command, privileged }) => {
      const how = { sudo: options.sudo && privileged, line: 2, stdin: '' };
      const { code, stdout, stderr } = runScripted(machine, command.split(' '), how);
      return `${mark} ${name}\n${stdout}\n${mark} ${code}\n${withoutNewlines(stderr)}\n`;
    });
    return `${withoutNewlines(printed.join(''))}\n`;
  });
  if (keptFor !== undefined && !machine.files.replace(readingPath(keptFor), groups.join('')))
    machine.files.remove(`${readingPath(keptFor)}.new`);
  return { code: 0, stdout: `${groups.join('')}${mark} end\n`, stderr: '' };
}

function stats(machine: Machine, { options }: ReadScript<'stats'>): PartResult {
  const call = { sudo: options.sudo, line: 4, stdin: '' };
  const { code, stdout, stderr } = runScripted(machine, STATS_COMMAND.split(' '), call);
  const mark = `@@${options.nonce}`;
  const text = `${mark} ${machine.boot.uptimeSeconds().toFixed(2)}\n${stderr}${stdout}${mark} ${code}\n`;
  return { code: 0, stdout: text, stderr: '' };
}

function batch(machine: Machine, { parts, options }: ReadScript<'batch'>, text: string, stdin: string): PartResult {
  const lines = wholeInput(stdin, options);
  if (lines === undefined) return { code: TRUNCATED, stdout: `@@${options.nonce} truncated\n`, stderr: '' };
  const run = new BatchRun(machine, text, lines, options);
  parts.every((part) => run.run(part));
  return { code: 0, stdout: run.print(), stderr: '' };
}
