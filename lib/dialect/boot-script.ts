/**
 * The scripts for boot files: one that reads them, one that writes or removes them. They follow the rules of script.ts:
 * constant text but for our own words, and what is written arrives on standard input.
 *
 * Root's files are written with four commands of fixed arguments for each (`cp -p`, `tee`, `mv -f`, `rm -f`), so that a
 * sudoers file can name them. Unit and switches are asked of sudo only where they are not as they shall be.
 */
import { type BootLayout, ParseError, RECORDS_FOLDER, RULES_PATH } from '../model';
import type { BootRequest } from './boot';
import { BOOT_UNIT_NAME, BOOT_UNIT_PATH } from './boot-unit';
import { readInput } from './script';
import { asRoot, script, scriptInput, type ScriptOptions } from './shell';

/** Where Debian says whether its file of rules is loaded. */
export const DEBIAN_SETTINGS = '/etc/default/ipvsadm';

/** Read to the letter, where they are. */
export const BOOT_TEXTS = [...Object.values(RULES_PATH), DEBIAN_SETTINGS, BOOT_UNIT_PATH, `${RECORDS_FOLDER}/*.boot`];
/** Only their being there counts. */
export const BOOT_SIGNS = [
  '/etc/debian_version',
  '/etc/sysconfig',
  '/run/systemd/system',
  '/etc/systemd/system/*.wants/*',
  '/etc/rc[2-5].d/S*ipvsadm',
];

/** Reads what a director does at boot. Its output is for parseBootState. */
export function bootReadScript(options: ScriptOptions): string {
  const mark = `@@${options.nonce}`;
  return script([
    `for path in ${BOOT_TEXTS.join(' ')}; do`,
    '  [ -f "$path" ] || continue',
    `  if [ -r "$path" ]; then printf "\\n%s\\n" "${mark} text $path"; cat "$path"; else printf "\\n%s\\n" "${mark} closed $path"; fi`,
    'done',
    `for path in ${BOOT_SIGNS.join(' ')}; do`,
    `  case $path in *.wants/*) case $path in */ipvsadm.service | */${BOOT_UNIT_NAME}) ;; *) continue ;; esac ;; esac`,
    // A link counts also when what it points to is made at boot, as systemd does with init scripts.
    `  if [ -e "$path" ] || [ -L "$path" ]; then printf "\\n%s\\n" "${mark} there $path"; fi`,
    'done',
    `printf "\\n%s\\n" "${mark} end"`,
  ]);
}

/** What {@link bootReadScript} saw. */
export interface BootListing {
  /** By path. */
  texts: Map<string, string>;
  /** Files this login may not read. */
  closed: Set<string>;
  there: Set<string>;
}

/** @throws ParseError when the output is cut short */
export function parseBootListing(stdout: string, nonce: string): BootListing {
  const [, ...chunks] = `\n${stdout}`.split(`\n@@${nonce} `);
  if (chunks.at(-1)?.trim() !== 'end') {
    throw new ParseError('boot files', stdout.split('\n').length, stdout.slice(-80), 'they end too early');
  }
  const listing: BootListing = { texts: new Map(), closed: new Set(), there: new Set() };
  for (const chunk of chunks.slice(0, -1)) {
    const [, word, path = '', text = ''] = /^(\w+) (.*)(?:\n([^]*))?$/.exec(chunk) ?? [];
    if (word === 'text') listing.texts.set(path, text);
    else if (word === 'closed') listing.closed.add(path);
    else listing.there.add(path);
  }
  return listing;
}

/** What a writing script does, without the texts: how many lines each has. */
export interface BootJob {
  record: string;
  own?: number | 'remove';
  rules?: { layout: BootLayout; lines: number };
  unit?: number | 'remove';
  enableUnit?: true;
  rulesSwitch?: { layout: BootLayout; on: boolean };
  startRules?: boolean;
}

/** The job in one line of the script itself: a simulator reads it back from there. */
function jobLine({ record, own, rules, unit, enableUnit, rulesSwitch, startRules }: BootJob): string {
  return [
    `# boot files: ${record}`,
    ...(own === undefined ? [] : [`own=${own}`]),
    ...(rules === undefined ? [] : [`${rules.layout}=${rules.lines}`]),
    ...(unit === undefined ? [] : [`unit=${unit}`]),
    ...(enableUnit === undefined ? [] : ['enable']),
    ...(rulesSwitch === undefined ? [] : [`switch-${rulesSwitch.layout}=${rulesSwitch.on ? 'on' : 'off'}`]),
    ...(startRules === undefined ? [] : [`start=${startRules ? 'on' : 'off'}`]),
  ].join(' ');
}

const ownPath = (record: string): string => `${RECORDS_FOLDER}/${record}.boot`;
const newName = (path: string): string => `${path}.lvsform`;

/** Commands that switch the distribution's loading of its file. What root has switched off already is not asked for. */
function switchCommands({ rulesSwitch, startRules }: BootJob, root: string): string[] {
  const start = rulesSwitch?.layout === 'rhel' ? rulesSwitch.on : startRules;
  const isEnabled = 'systemctl -q is-enabled ipvsadm.service';
  return [
    ...(rulesSwitch?.layout === 'debian' ? [settingCommand(rulesSwitch.on, root)] : []),
    ...(start === true ? [`${root}systemctl -q enable ipvsadm.service`] : []),
    ...(start === false ? [`! ${isEnabled} || ${root}systemctl -q disable ipvsadm.service`] : []),
  ];
}

/** Changes every line that sets it, or adds one: the last counts, and where it is commented out or missing there is none. */
function settingCommand(on: boolean, root: string): string {
  const isThere = (value: string): string => `grep -q "^[[:blank:]]*AUTO=${value}" ${DEBIAN_SETTINGS} 2>/dev/null`;
  const edit = `${root}sed -i "s/^[[:blank:]]*AUTO=.*/AUTO=${String(on)}/" ${DEBIAN_SETTINGS}`;
  if (!on) return `! ${isThere('.\\{0,1\\}true')} || ${edit}`;
  // The file's last line may have no end.
  const add = `printf "\\nAUTO=true\\n" | ${root}tee -a ${DEBIAN_SETTINGS} >/dev/null`;
  return `if ${isThere('')}; then ${edit}; else ${add}; fi`;
}

/**
 * Carries out a job: all texts go to files beside their places first, then all take their places; so nothing changes
 * when there is no room or no permission. Says `done`, or `refused WHAT` and the words; see {@link parseBootOutcome}.
 */
export function bootWriteScript(job: BootJob, options: ScriptOptions): string {
  const root = asRoot(options);
  const mark = `@@${options.nonce}`;
  const own = ownPath(job.record);
  const rootFiles = [
    ...(typeof job.unit === 'number' ? [{ what: 'unit', path: BOOT_UNIT_PATH, lines: job.unit }] : []),
    ...(job.rules === undefined ? [] : [{ what: 'rules', path: RULES_PATH[job.rules.layout], lines: job.rules.lines }]),
  ];
  let line = 1;
  const take = (lines: number): string => {
    const range = `${line},${line + lines - 1}p`;
    line += lines;
    return `printf "%s\n" "$input" | sed -n "${range}"`;
  };
  const heeded = (what: string, command: string): string => `said=$({ ${command}; } 2>&1) || refuse ${what}`;
  const isNew = typeof job.own === 'number' ? [newName(own)] : [];
  return script([
    jobLine(job),
    ...readInput(options),
    'refuse() {',
    ...isNew.map((path) => `  rm -f ${path}`),
    ...rootFiles.map(({ path }) => `  [ ! -e ${newName(path)} ] || ${root}rm -f ${newName(path)}`),
    `  printf "%s\n%s\n%s\n" "${mark} refused $1" "$said" "${mark} end"; exit 0`,
    '}',
    'umask 077',
    ...(typeof job.own === 'number'
      ? [
          `[ -d ${RECORDS_FOLDER} ] || mkdir -p ${RECORDS_FOLDER} 2>/dev/null`,
          heeded('own', `${take(job.own)} > ${newName(own)}`),
        ]
      : []),
    'umask 022',
    // A copy first, so that the new file has the owner and the mode of the old one.
    ...rootFiles.flatMap(({ what, path, lines }) => [
      heeded(what, `[ ! -e ${path} ] || ${root}cp -p ${path} ${newName(path)}`),
      heeded(what, `${take(lines)} | ${root}tee ${newName(path)} >/dev/null`),
    ]),
    // On XFS a renamed file can else be empty after the power is lost.
    'sync',
    ...rootFiles.map(({ what, path }) => heeded(what, `${root}mv -f ${newName(path)} ${path}`)),
    ...(typeof job.own === 'number' ? [heeded('own', `mv -f ${newName(own)} ${own}`)] : []),
    ...(typeof job.unit === 'number' ? [heeded('unit', `${root}systemctl daemon-reload`)] : []),
    ...(job.enableUnit === undefined ? [] : [heeded('unit', `${root}systemctl -q enable ${BOOT_UNIT_NAME}`)]),
    ...switchCommands(job, root).map((command) => heeded('switch', command)),
    ...(job.own === 'remove' ? [heeded('own', `rm -f ${own}`)] : []),
    ...(job.unit === 'remove'
      ? [
          heeded('leave-unit', `${root}systemctl -q disable ${BOOT_UNIT_NAME}`),
          heeded('leave-unit', `${root}rm -f ${BOOT_UNIT_PATH}`),
          heeded('leave-unit', `${root}systemctl daemon-reload`),
        ]
      : []),
    `printf "%s\n%s\n" "${mark} done" "${mark} end"`,
  ]);
}

const linesOf = (text: string): string[] => text.replace(/\n$/, '').split('\n');

/** A request as a job and what the script for it is fed. */
export function bootJob(request: BootRequest, nonce: string): { job: BootJob; stdin: string } {
  const { record, own, rules, unit, enableUnit, rulesSwitch, startRules } = request;
  const layout = rules?.path === RULES_PATH.rhel ? 'rhel' : 'debian';
  const texts = [own, unit, rules?.text].filter((text) => typeof text === 'string').map(linesOf);
  const count = (text: string | null): number | 'remove' => (text === null ? 'remove' : linesOf(text).length);
  return {
    job: {
      record,
      ...(own === undefined ? {} : { own: count(own) }),
      ...(rules === undefined ? {} : { rules: { layout, lines: linesOf(rules.text).length } }),
      ...(unit === undefined ? {} : { unit: count(unit) }),
      ...(enableUnit === undefined ? {} : { enableUnit }),
      ...(rulesSwitch === undefined ? {} : { rulesSwitch }),
      ...(startRules === undefined ? {} : { startRules }),
    },
    stdin: scriptInput(texts.flat(), nonce),
  };
}

/** What the director did not let a writing script do. `leave-unit`: all is removed but the unit, which does nothing now. */
export type BootStep = 'own' | 'unit' | 'rules' | 'switch' | 'leave-unit';

export type BootOutcome = 'done' | 'truncated' | { refused: BootStep; words: string };

/** @throws ParseError when the output is cut short */
export function parseBootOutcome(stdout: string, nonce: string): BootOutcome {
  const mark = `@@${nonce} `;
  const [, first = '', last = ''] = `\n${stdout}`.split(`\n${mark}`);
  if (first.trim() === 'truncated') return 'truncated';
  if (last.trim() !== 'end') {
    throw new ParseError('output of a script for boot files', 1, stdout.slice(-80), 'it ends too early');
  }
  if (first.trim() === 'done') return 'done';
  const [head = '', ...words] = first.split('\n');
  return { refused: head.replace('refused ', '').trim() as BootStep, words: words.join('\n').trim() };
}

export type ReadBootScript =
  { kind: 'boot-read'; options: ScriptOptions } | { kind: 'boot-write'; job: BootJob; options: ScriptOptions };

/** Which of these scripts a text is, for the simulator; see recognizeScript. */
export function recognizeBootScript(text: string): ReadBootScript | undefined {
  const nonce = /@@([0-9a-f]+)/.exec(text)?.[1];
  if (nonce === undefined) return undefined;
  for (const sudo of [false, true]) {
    const options = { nonce, sudo };
    if (text === bootReadScript(options)) return { kind: 'boot-read', options };
    const job = readJobLine(text);
    if (job !== undefined && text === bootWriteScript(job, options)) return { kind: 'boot-write', job, options };
  }
  return undefined;
}

function readJobLine(text: string): BootJob | undefined {
  const [, record, words = ''] = /^# boot files: (\S+) ?(.*)$/m.exec(text) ?? [];
  if (record === undefined) return undefined;
  const given = new Map(words.split(' ').map((word) => word.split('=') as [string, string | undefined]));
  const count = (word: string): number | 'remove' | undefined => {
    const value = given.get(word);
    return value === undefined ? undefined : value === 'remove' ? value : Number(value);
  };
  const [own, unit] = [count('own'), count('unit')];
  const job: BootJob = { record };
  if (own !== undefined) job.own = own;
  if (unit !== undefined) job.unit = unit;
  if (given.has('enable')) job.enableUnit = true;
  if (given.has('start')) job.startRules = given.get('start') === 'on';
  for (const layout of ['debian', 'rhel'] as const) {
    const lines = given.get(layout);
    if (lines !== undefined) job.rules = { layout, lines: Number(lines) };
    const to = given.get(`switch-${layout}`);
    if (to !== undefined) job.rulesSwitch = { layout, on: to === 'on' };
  }
  return job;
}
