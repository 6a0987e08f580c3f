/**
 * The scripts that run on a director: one that reads everything, one that runs a batch of changes. They are constant
 * text but for a nonce of ours, the tool, `sudo -n` and the token of our lock, which is a nonce as well: no user's word is
 * ever part of a shell string.
 *
 * - PATH: a non-root login has no /sbin, where Debian 12 keeps ipvsadm.
 * - Exit codes travel in the output: 255 is both ipvsadm's for a kernel error and ssh's for a lost connection.
 * - `sh -c '…'` around it all, and no single quote inside, so that the login shell does not matter.
 * - A batch is read to its last line before it starts: a client that dies while sending changes nothing.
 */
import { ParseError, RECORDS_FOLDER, type Tool } from '../model';
import { REMARK_PATTERN, withoutRemarks } from './remarks';
import { asRoot, script, type ScriptOptions } from './shell';

/** Ledgers, undo states and settings, all in one process: every line with its file's name before it. */
const READ_RECORDS = `grep -s -H "" ${RECORDS_FOLDER}/*.json ${RECORDS_FOLDER}/*.undo/status /proc/sys/net/ipv4/vs/expire_nodest_conn /proc/sys/net/ipv4/vs/expire_quiescent_template`;

/**
 * What the reading script runs, by the name its output is filed under. `privileged` parts go through `sudo -n`. A `fact`
 * stays as it is while a connection lasts. The two groups run side by side: the big listings, `-Sn` and `--thresholds`,
 * take as long as each other.
 */
export const FETCH_PARTS = [
  { name: 'path', command: 'command -v ipvsadm', privileged: false, fact: true, group: 1 },
  { name: 'version', command: 'ipvsadm --version', privileged: true, fact: true, group: 1 },
  { name: 'save', command: 'ipvsadm -Sn', privileged: true, fact: false, group: 1 },
  { name: 'thresholds', command: 'ipvsadm -Ln --thresholds', privileged: true, fact: false, group: 2 },
  { name: 'timeout', command: 'ipvsadm -L --timeout', privileged: true, fact: false, group: 1 },
  { name: 'daemon', command: 'ipvsadm -L --daemon', privileged: true, fact: false, group: 1 },
  { name: 'kernel', command: 'uname -r', privileged: false, fact: true, group: 1 },
  { name: 'package', command: 'dpkg-query -W -f \\${Version} ipvsadm', privileged: false, fact: true, group: 1 },
  { name: 'iptables', command: 'iptables --version', privileged: false, fact: true, group: 2 },
  { name: 'ip6tables', command: 'ip6tables --version', privileged: false, fact: true, group: 2 },
  { name: 'marks', command: 'iptables-save -t mangle', privileged: true, fact: false, group: 2 },
  { name: 'marks6', command: 'ip6tables-save -t mangle', privileged: true, fact: false, group: 2 },
  { name: 'records', command: READ_RECORDS, privileged: false, fact: false, group: 2 },
] as const;

export type FetchPart = (typeof FETCH_PARTS)[number]['name'];

/** Output of one remote program. */
export interface PartResult {
  code: number;
  stdout: string;
  stderr: string;
}

/** Everything there is to know about a director, or only what may have changed since that was read. */
export const FETCH_SCOPES = ['everything', 'tables'] as const;
export type FetchScope = (typeof FETCH_SCOPES)[number];

/** The parts a scope reads. */
export function partsIn(scope: FetchScope): readonly (typeof FETCH_PARTS)[number][] {
  return scope === 'everything' ? FETCH_PARTS : FETCH_PARTS.filter((part) => !part.fact);
}

/**
 * Reads a director in one go. Its output is for {@link parseFetch}.
 *
 * @param keptFor token of the lock under which it is read: the director then keeps what it printed for the undo of an apply
 *   that is planned from it. Where there is no room for that, it does not.
 */
export function fetchScript(options: ScriptOptions, scope: FetchScope = 'everything', keptFor?: string): string {
  const mark = `@@${options.nonce}`;
  return script([
    definePart(options),
    `{ second=$(${group(scope, 2, options)}); printf "%s\\n" "$second"; } | {`,
    // Kept in a variable first: a full pipe would make one group wait for the other.
    ...(keptFor === undefined
      ? [`  first=$(${group(scope, 1, options)}); printf "%s\\n" "$first"; cat`]
      : [
          `  first=$(${group(scope, 1, options)}); second=$(cat); printf "%s\\n" "$first" "$second"`,
          `  ${keepReading(keptFor)}`,
        ]),
    '}',
    `printf "%s\\n" "${mark} end"`,
  ]);
}

/**
 * `part NAME COMMAND…` runs a command and reports it for {@link parseParts}. stdout passes through, stderr is caught and
 * printed after it, so that the two can't mix.
 */
export const definePart = ({ nonce }: ScriptOptions): string =>
  `part() { name=$1; shift; printf "%s\\n" "@@${nonce} $name"; { err=$("$@" 2>&1 >&3 3>&-); code=$?; } 3>&1; printf "\\n%s\\n%s\\n" "@@${nonce} $code" "$err"; }`;

/**
 * Where what was read under a lock is kept, in our folder, until the lock is given back. The undo's `before` is made of it.
 * No record of a stack can be called so: recordName has no `@`.
 */
export const readingName = (token: string): string => `reading@${token}`;

const keepReading = (token: string): string => {
  const name = readingName(token);
  return `{ umask 077; cd ${RECORDS_FOLDER} && { { printf "%s\n" "$first" "$second" > ${name}.new && mv -f ${name}.new ${name}; } || rm -f ${name}.new; }; } 2>/dev/null`;
};

function group(scope: FetchScope, number: 1 | 2, options: ScriptOptions): string {
  const parts = partsIn(scope).filter((part) => part.group === number);
  return parts
    .map(({ name, privileged, command }) => `part ${name} ${privileged ? asRoot(options) : ''}${command}`)
    .join('; ');
}

/** Parts that stand still while a connection lasts. */
export type Facts = Partial<Record<FetchPart, PartResult>>;

/**
 * What {@link fetchScript} printed, part by part.
 *
 * @param facts what scope `tables` leaves out, from an earlier reading
 * @throws ParseError when the output is cut short
 */
export function parseFetch(stdout: string, nonce: string, facts: Facts = {}): Record<FetchPart, PartResult> {
  const report = parseParts(stdout, nonce);
  const parts = { ...facts, ...report.parts };
  if (!report.isWhole || FETCH_PARTS.some((part) => parts[part.name] === undefined)) {
    throw new ParseError(
      'output of the reading script',
      stdout.split('\n').length,
      stdout.slice(-80),
      'it ends too early',
    );
  }
  return parts as Record<FetchPart, PartResult>;
}

/** What was printed by `part` ({@link definePart}), by name, and whether the end mark came after it. */
export function parseParts(
  stdout: string,
  nonce: string,
): { parts: Partial<Record<string, PartResult>>; isWhole: boolean } {
  const chunks = `\n${stdout}`.split(`\n@@${nonce} `);
  const parts: Partial<Record<string, PartResult>> = {};
  // Before the first mark: what a login shell's profile printed. Then name+stdout, code+stderr, …, end.
  for (let at = 1; at + 1 < chunks.length; at += 2) {
    const [name, out] = headAndRest(chunks[at] ?? '');
    const [code, err] = headAndRest(chunks[at + 1] ?? '');
    parts[name] = { code: Number(code), stdout: out, stderr: err.trim() };
  }
  return { parts, isWhole: headAndRest(chunks.at(-1) ?? '')[0] === 'end' };
}

/** The facts of a reading of everything, for readings after it. */
export function factsOf(parts: Record<FetchPart, PartResult>): Facts {
  return Object.fromEntries(FETCH_PARTS.filter((part) => part.fact).map(({ name }) => [name, parts[name]]));
}

function headAndRest(chunk: string): [string, string] {
  const at = chunk.indexOf('\n');
  return at < 0 ? [chunk, ''] : [chunk.slice(0, at), chunk.slice(at + 1)];
}

/** How each tool is fed lines on standard input. */
export const BATCH_COMMAND: Readonly<Record<Tool, string>> = {
  ipvsadm: 'ipvsadm -R',
  'iptables-restore': 'iptables-restore --noflush -w 10',
  'ip6tables-restore': 'ip6tables-restore --noflush -w 10',
};

/** One run of a tool: how many of the next lines of standard input it gets. */
export interface BatchPart {
  tool: Tool;
  lines: number;
  /** Whole seconds to wait before it. */
  pauseSeconds?: number;
}

/**
 * Runs tools one after the other on consecutive lines of stdin, once all of it has arrived, and stops after the first
 * that is refused anything: `ipvsadm -R` goes on after a refusal and hides it from its exit code, so a word on stderr
 * counts, unless it is a mere remark (remarks.ts). It prints nothing until it is done, so that it also gets done when
 * nobody listens any more.
 *
 * stdin comes from {@link scriptInput}, the output is for {@link parseBatch}.
 */
export function batchScript(parts: readonly BatchPart[], options: ScriptOptions): string {
  return script([...readInput(options), ...runParts(parts, options)]);
}

/** Takes all of standard input that is not read yet into `$input`, or says `truncated`. */
export function readInput({ nonce }: ScriptOptions): string[] {
  const mark = `@@${nonce}`;
  return ['input=$(cat)', `case $input in *"${mark} end") ;; *) printf "%s\n" "${mark} truncated"; exit 9 ;; esac`];
}

/** Runs the parts on the first lines of `$input` and reports. `whenDone` runs before the report is printed. */
export function runParts(parts: readonly BatchPart[], options: ScriptOptions, whenDone = ''): string[] {
  const mark = `@@${options.nonce}`;
  let line = 1;
  const calls = parts.flatMap(({ tool, lines, pauseSeconds = 0 }) => {
    const [first, last] = [line, line + lines - 1];
    line += lines;
    const call = `part ${first} ${last} ${asRoot(options)}${BATCH_COMMAND[tool]}`;
    return pauseSeconds > 0 ? [`sleep ${pauseSeconds}`, call] : [call];
  });
  return [
    'report=',
    `finish() { ${whenDone}printf "%s\n%s\n" "$report" "${mark} end"; exit 0; }`,
    'part() {',
    '  lines="$1,$2p" last="$2q"; shift 2',
    // What comes after the last line is not read: it may be long.
    '  said=$(printf "%s\n" "$input" | sed -n -e "$lines" -e "$last" | "$@" 2>&1 >/dev/null); code=$?',
    `  report="$report\n${mark} $code\n$said"`,
    '  [ "$code" = 0 ] || finish',
    // Line by line, and without a process that may fail; see isAccepted.
    '  while [ -n "$said" ]; do',
    `    case $said in ${REMARK_PATTERN}) ;; *) finish ;; esac`,
    '    case $said in *"\n"*) said=${said#*"\n"} ;; *) said= ;; esac',
    '  done',
    '}',
    ...calls,
    'finish',
  ];
}

/** A tool's exit code and everything it said on stderr. */
export interface BatchOutcome {
  code: number;
  stderr: string;
}

/**
 * Outcomes of the parts of {@link batchScript} that were run, in order: all of them, or up to the first refused one.
 *
 * @throws ParseError when the output is cut short
 */
export function parseBatch(stdout: string, nonce: string): BatchOutcome[] | 'truncated' {
  const mark = `@@${nonce} `;
  if (stdout.includes(`${mark}truncated`)) return 'truncated';
  const [, ...chunks] = `\n${stdout}`.split(`\n${mark}`);
  if (chunks.at(-1)?.trim() !== 'end') {
    throw new ParseError('output of a batch', stdout.split('\n').length, stdout.slice(-80), 'it ends too early');
  }
  return chunks.slice(0, -1).map((chunk) => {
    const [code, stderr] = headAndRest(chunk);
    return { code: Number(code), stderr: stderr.trim() };
  });
}

/** Whether a part did all it was given. */
export function isAccepted({ code, stderr }: BatchOutcome): boolean {
  return code === 0 && withoutRemarks(stderr) === '';
}
