/**
 * Changes with a net: what an apply runs between taking the lock and giving it back.
 *
 * {@link guardScript} places the undo, arms the dead man's switch, sees that it is armed, and only then runs the batch.
 * {@link confirmScript} records what the stack owns now and disarms.
 */
import { type BatchPart, readingName, readInput, runParts } from './script';
import { AWAIT_WORK, CHECK_HOLDER, enterFolder, OPEN_WORK, TAKE_WORK } from './lock-script';
import { asRoot, script, scriptInput, type ScriptOptions } from './shell';
import { type Undo, UNDO_PROGRAM } from './undo-program';

/** Under which lock, for which stack, and how the switch is set. */
export interface GuardHeader {
  token: string;
  /** See recordName. */
  record: string;
  /** Time until the director puts itself back unless it is told that all is well; 0 places the undo and arms nothing. */
  confirmSeconds: number;
  /** Our chain of mark rules. */
  chain: string;
}

/** Lines of the journal that are kept. */
export const JOURNAL_LINES = 500;

/** What the status says of an undo that a later apply has made the last but one. */
export const SUPERSEDED = 'the last apply changed nothing of the table';

/** How long the switch may take to show that it watches. */
const ARM_TRIES = 50;

/**
 * Runs a batch like batchScript, under the lock and with the undo in place. Says why it did nothing (`lost`, `busy`,
 * `no-folder`, `no-room`, `not-armed`, `would-be-killed`), or reports like batchScript.
 */
export function guardScript(parts: readonly BatchPart[], options: ScriptOptions): string {
  const mark = `@@${options.nonce}`;
  return script([
    'read -r token record seconds chain parts',
    ...readInput(options),
    ...enterFolder(options),
    ...OPEN_WORK,
    // The table before is what was read under this lock, unless something is waited for here that may change it.
    'before=reading',
    `flock -n 8 || { before=now; ${AWAIT_WORK}; }`,
    ...CHECK_HOLDER,
    'undo=$record.undo new=$record.undo.new old=$record.undo.old',
    'rm -rf "$new" "$old"',
    'state=armed; [ "$seconds" -gt 0 ] || state=placed',
    // An orphaned switch would be killed with the session: better no change than one without a net.
    'if [ "$state" = armed ] && [ -d /run/systemd/system ] && [ "$(id -u)" != 0 ]; then',
    '  case $(loginctl show-session -p KillUserProcesses 2>/dev/null) in *=yes) say would-be-killed $(id -un) ;; esac',
    'fi',
    'status=; [ ! -e "$undo/status" ] || read -r status < "$undo/status"',
    '{',
    '  mkdir "$new" &&',
    `  printf "%s\n" "$input" | awk -v folder="$new" "/^${mark} end$/ { exit } /^${mark} / { file = folder \\"/\\" \\$2; printf \\"\\" > file; next } file { print > file }" &&`,
    `  printf "%s\n" "${asRoot(options).trim()}" > "$new/sudo" && printf "%s\n" "$chain" > "$new/chain" && printf "%s\n" "$parts" > "$new/parts" &&`,
    // The second half of an apply goes back to where the first began.
    '  case $status in',
    '    *" $token"*) cp "$undo/before" "$new/before" && { [ ! -e "$undo/ledger" ] || cp "$undo/ledger" "$new/ledger"; } ;;',
    `    *) { { [ "$before" = reading ] && mv "${readingName('$token')}" "$new/before"; } || sh "$new/run" before; } && { cat "$record.json" || :; } > "$new/ledger" ;;`,
    '  esac &&',
    '  head -c 8192 /dev/zero > "$new/spare" && printf "%s\n" "$state $(date +%s) $token" > "$new/status"',
    '} 2>/dev/null || { rm -rf "$new"; say no-room undo; }',
    '{ [ ! -e "$undo" ] || mv "$undo" "$old"; } && mv "$new" "$undo" && rm -rf "$old"',
    'if [ "$state" = armed ]; then',
    '  { trap "" HUP; exec setsid sh "$undo/run" armed "$seconds"; } </dev/null >/dev/null 2>&1 8>&- &',
    `  tries=0; while [ ! -s "$undo/watching" ] && [ "$tries" -lt ${ARM_TRIES} ]; do tries=$((tries + 1)); sleep 0.1; done`,
    '  { read -r watcher < "$undo/watching" && kill -0 "$watcher"; } 2>/dev/null || { rm -rf "$undo"; say not-armed; }',
    'fi',
    // How the table was left is noted behind our back: the report need not wait for it. Whoever changes something next
    // does: the note holds `work`, too.
    ...runParts(parts, options, '{ trap "" HUP; exec setsid sh "$undo/run" left; } </dev/null >/dev/null 2>&1 & '),
  ]);
}

/** What {@link guardScript} is fed. */
export function guardInput(header: GuardHeader, lines: readonly string[], undo: Undo, nonce: string): string {
  const { token, record, confirmSeconds, chain } = header;
  const mark = `@@${nonce}`;
  return scriptInput(
    [
      [token, record, confirmSeconds, chain, ...undo.listings].join(' '),
      ...lines,
      `${mark} run`,
      ...UNDO_PROGRAM.trimEnd().split('\n'),
      `${mark} plan`,
      ...undo.lines,
    ],
    nonce,
  );
}

/**
 * Under the lock: writes the stack's ledger (`-`: removes it), disarms its switch, and notes a line in the journal.
 * Input: `TOKEN RECORD`, and after that `apply` where it is an apply that is recorded; the ledger, the journal's line. Says
 * `confirmed`; `undone` with the undo's status when the director was faster; `no-room`, `lost`, `busy`.
 */
export function confirmScript(options: ScriptOptions): string {
  return script([
    'read -r token record apply',
    ...readInput(options),
    'line() { printf "%s\n" "$input" | sed -n "$1p"; }',
    ...enterFolder(options),
    ...TAKE_WORK,
    ...CHECK_HOLDER,
    'status=; [ ! -e "$record.undo/status" ] || status=$(cat "$record.undo/status")',
    'case $status in undone*" $token "* | partly*" $token "* | stuck*" $token "*) say undone "$status" ;; esac',
    'ledger=$(line 1)',
    'if [ "$ledger" = - ]; then rm -f "$record.json"',
    'else { printf "%s\n" "$ledger" > "$record.json.new" && mv -f "$record.json.new" "$record.json"; } 2>/dev/null || { rm -f "$record.json.new"; say no-room ledger; }',
    'fi',
    // What is recorded outside an apply is not for its undo to take back.
    'case $status in *" $token"*) ;; *) rm -f "$record.undo/ledger" ;; esac',
    // An undo that is not ours is no longer the last apply's.
    'next=',
    'case $status in',
    '  *" $token"*) next="confirmed $(date +%s) $token" ;;',
    `  ?*) [ -z "$apply" ] || { read -r word at by why < "$record.undo/status"; next="superseded $(date +%s) $by ${SUPERSEDED}"; } ;;`,
    'esac',
    '[ -z "$next" ] || { printf "%s\n" "$next" > "$record.undo/status.new" && mv -f "$record.undo/status.new" "$record.undo/status"; } 2>/dev/null || say no-room status',
    `{ { tail -n ${JOURNAL_LINES - 1} journal 2>/dev/null; line 2; } > journal.new && mv -f journal.new journal; } 2>/dev/null || rm -f journal.new`,
    'say confirmed',
  ]);
}

/** Under which lock and for which stack something is recorded, and whether that is an apply. */
export interface RecordHeader extends Pick<GuardHeader, 'token' | 'record'> {
  isApply?: boolean;
}

/** What {@link confirmScript} is fed. Ledger and journal entry are JSON on one line. */
export function confirmInput(
  { token, record, isApply = false }: RecordHeader,
  ledger: object | null,
  entry: object,
  nonce: string,
): string {
  const lines = [`${token} ${record}${isApply ? ' apply' : ''}`, ledger === null ? '-' : JSON.stringify(ledger), JSON.stringify(entry)]; // prettier-ignore
  return scriptInput(lines, nonce);
}
