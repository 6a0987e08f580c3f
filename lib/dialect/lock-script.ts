/**
 * One client at a time changes a director: a kernel flock held by a process that lives as long as somebody feeds it.
 * When its client dies the input ends; when the network is cut without a word, the next sign of life is missing. Either
 * way the kernel frees the lock with the process.
 *
 * Whoever changes something also holds `work` while doing it, for as long as it takes: a batch that outlives its client,
 * the undo of a dead man's switch. A new holder waits for that.
 */
import { Holder, RECORDS_FOLDER } from '../model';
import { readingName, readInput } from './script';
import { script, scriptInput, type ScriptOptions } from './shell';

/** How often a holder gives a sign of life, and how long the director waits for one. */
export const HEARTBEAT_SECONDS = 2;
export const SILENCE_SECONDS = 8;
/** How long whatever is changing the director may take to finish. */
export const WORK_SECONDS = 120;

/** Goes into our folder, or says `no-folder`. `say` ends the script with a word about why. */
export function enterFolder({ nonce }: ScriptOptions): string[] {
  return [
    'umask 077',
    `say() { printf "%s\n" "@@${nonce} $*"; exit 0; }`,
    `{ [ -d ${RECORDS_FOLDER} ] || mkdir -p ${RECORDS_FOLDER}; } 2>/dev/null`,
    `cd ${RECORDS_FOLDER} 2>/dev/null && [ -w . ] || say no-folder $(id -un)`,
    'command -v flock >/dev/null || say no-flock',
  ];
}

export const OPEN_WORK = ['{ : >> work; } 2>/dev/null || say no-room work', 'exec 8>>work'];
export const AWAIT_WORK = `flock -w ${WORK_SECONDS} 8 || say busy`;

/** Waits for whatever is changing the director, and keeps others from it until the script ends. */
export const TAKE_WORK = [...OPEN_WORK, AWAIT_WORK];

/** Goes on only under the lock of the token in `$token`. */
export const CHECK_HOLDER = [
  'if flock -s -n 7; then say lost; fi 7>>lock',
  'held=; [ ! -e holder ] || read -r held < holder',
  'case $held in *"\\"$token\\""*) ;; *) say lost ;; esac',
];

/**
 * Takes the lock and keeps it while standard input brings signs of life. First line of input: who we are
 * ({@link Holder}). Says `locked`, or `held` and by whom. What an apply left armed whose client died is undone first.
 */
export function lockScript(options: ScriptOptions): string {
  const mark = `@@${options.nonce}`;
  return script([
    ...enterFolder(options),
    // A client that is gone before it said who it is wants no lock.
    'IFS= read -r holder || exit 0',
    '{ : >> lock; } 2>/dev/null || say no-room lock',
    'exec 9>>lock',
    // Others test the lock now and then, and hold it for a moment.
    'flock -w 1 9 || say held "$(cat holder 2>/dev/null)"',
    ...TAKE_WORK,
    '{ printf "%s\n" "$holder" > holder.new && mv -f holder.new holder; } 2>/dev/null || { rm -f holder.new; say no-room holder; }',
    'exec 8>&-',
    'for run in *.undo/run; do [ ! -e "$run" ] || sh "$run" orphan 9>&- </dev/null >/dev/null; done',
    `printf "%s\n" "${mark} locked"`,
    // bash can wait for a line by itself; with any other shell each sign of life takes two processes.
    `if command -v bash >/dev/null; then bash -c "while read -r -t ${SILENCE_SECONDS}; do :; done" 9>&-`,
    `else while [ -n "$(timeout ${SILENCE_SECONDS} dd bs=256 count=1 2>/dev/null 9>&-)" ]; do :; done; fi`,
    `rm -f holder ${readingName('*')}`,
  ]);
}

/** Says `free`, or `held` and by whom. */
export function locksScript(options: ScriptOptions): string {
  return script([
    'umask 077',
    `say() { printf "%s\n" "@@${options.nonce} $*"; exit 0; }`,
    `cd ${RECORDS_FOLDER} 2>/dev/null || say free`,
    '[ -e lock ] || say free',
    'if flock -s -n lock true; then say free; fi',
    'say held "$(cat holder 2>/dev/null)"',
  ]);
}

/** What a script of this file or of guard-script.ts says about itself: a word and the rest of its line. */
export interface Said {
  word: string;
  rest: string;
}

/** The first line that carries our mark; undefined when there is none (yet). */
export function parseSaid(stdout: string, nonce: string): Said | undefined {
  const found = new RegExp(`^@@${nonce} ([a-z-]+) ?(.*)$`, 'm').exec(stdout);
  return found?.[1] === undefined ? undefined : { word: found[1], rest: found[2] ?? '' };
}

/** A holder as it was written down; undefined when it can't be understood. */
export function parseHolder(text: string): Holder | undefined {
  try {
    return Holder.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/**
 * Takes back the last apply of a stack, under the lock. Input: a line `TOKEN RECORD`, and after that the token of the
 * lock the apply was done under, where it has to be that one. Says, with the undo's status, `done`; `already` when nothing
 * was left to do; `other` when another apply came after. Says `nothing` without an undo.
 */
export function rollbackScript(options: ScriptOptions): string {
  return script([
    'read -r token record apply',
    ...readInput(options),
    ...enterFolder(options),
    ...CHECK_HOLDER,
    '[ -e "$record.undo/run" ] || say nothing',
    'status=; [ ! -e "$record.undo/status" ] || read -r status < "$record.undo/status"',
    'case $status in superseded*) [ -z "$apply" ] || say other "$status" ;; *"$apply"*) ;; *) say other "$status" ;; esac',
    'case $status in undone* | partly* | superseded*) say already "$status" ;; esac',
    'say done "$(sh "$record.undo/run" now "asked for")"',
  ]);
}

/**
 * What {@link rollbackScript} is fed.
 *
 * @param apply token of the lock the apply was done under; without it the last one is taken back, whosever it was
 */
export function rollbackInput(token: string, record: string, nonce: string, apply?: string): string {
  return scriptInput([[token, record, ...(apply === undefined ? [] : [apply])].join(' ')], nonce);
}
