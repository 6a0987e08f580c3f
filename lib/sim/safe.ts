/**
 * The scripts of a safe apply on a simulated director: the lock, the guarded batch, its confirmation, the rollback.
 * Each function follows its script line by line; what dash, flock and coreutils do there is done here.
 */
import { drainPart } from '../dialect/drain-script';
import { recognizeScript, type ReadScript } from '../dialect/recognize';
import { JOURNAL_LINES, SUPERSEDED } from '../dialect/guard-script';
import { SILENCE_SECONDS, WORK_SECONDS } from '../dialect/lock-script';
import type { PartResult } from '../dialect/script';
import { RECORDS_FOLDER } from '../model';
import { BatchRun, TRUNCATED, wholeInput } from './batch';
import type { Machine } from './machine';
import { isRoot, loginName, runScripted, withoutNewlines } from './programs';
import type { Terminal } from './terminal';
import { readingPath, UndoProgram } from './undo';

const LOCK = `${RECORDS_FOLDER}/lock`;
const WORK = `${RECORDS_FOLDER}/work`;
const HOLDER = `${RECORDS_FOLDER}/holder`;
const JOURNAL = `${RECORDS_FOLDER}/journal`;

/** How much of a sign of life is read at once. */
const BEAT_BYTES = 256;
const SPARE_BYTES = 8192;

/** `say`: a word about why the script ends here. */
class Said extends Error {}

type Script<Kind extends ReadScript['kind'] = ReadScript['kind']> = ReadScript<Kind> & { text: string };

/**
 * Answers a script of a safe apply.
 *
 * @returns undefined when the text is none of these
 * @throws Killed when the machine goes down meanwhile, Dropped when the connection does
 */
export async function runSafe(machine: Machine, text: string, terminal: Terminal): Promise<PartResult | undefined> {
  const script = recognizeScript(text);
  if (script === undefined) return undefined;
  try {
    const stdout = await runKnown(machine, { ...script, text }, terminal);
    return stdout === undefined ? undefined : { code: 0, stdout, stderr: '' };
  } catch (error) {
    if (!(error instanceof Said)) throw error;
    const code = error.message === 'truncated' ? TRUNCATED : 0;
    return { code, stdout: `@@${script.options.nonce} ${error.message}\n`, stderr: '' };
  }
}

async function runKnown(machine: Machine, script: Script, terminal: Terminal): Promise<string | undefined> {
  const { options } = script;
  if (script.kind === 'lock') return lock(machine, script, terminal);
  if (script.kind === 'locks') return locks(machine);
  if (script.kind === 'controllers') return `${processes(machine).join('\n')}\n@@${options.nonce} end\n`;
  if (script.kind === 'fetch' || script.kind === 'batch' || script.kind === 'stats') return undefined;
  const lines = wholeInput(await terminal.input.all(), options);
  if (lines === undefined) throw new Said('truncated');
  switch (script.kind) {
    case 'guard':
      return guard(machine, script, lines);
    case 'confirm':
      return confirm(machine, lines);
    case 'rollback':
      return rollback(machine, lines);
    case 'drain':
      return drain(machine, script, lines);
  }
}

function enterFolder(machine: Machine): void {
  if (!isRoot(machine) && machine.options.recordsFolder === 'missing') say('no-folder', loginName(machine));
}

function say(...words: string[]): never {
  throw new Said(words.join(' '));
}

/** Waits for whatever is changing the director. Who gets it gives it back. */
async function takeWork({ boot, files }: Machine): Promise<void> {
  files.touch(WORK);
  if (!(await boot.work.take(WORK_SECONDS))) say('busy');
}

function checkHolder({ boot, files }: Machine, token: string): void {
  if (boot.lock.isFree) say('lost');
  if (!(files.read(HOLDER) ?? '').includes(`"${token}"`)) say('lost');
}

const readHolder = ({ files }: Machine): string => withoutNewlines(files.read(HOLDER) ?? '');

async function lock(machine: Machine, script: Script<'lock'>, { input, write }: Terminal): Promise<string> {
  const { boot, files } = machine;
  enterFolder(machine);
  const holder = await boot.during(input.line());
  files.touch(LOCK);
  if (!(await boot.lock.take(1))) say('held', readHolder(machine));
  try {
    await takeWork(machine);
    const noted = files.replace(HOLDER, `${holder}\n`);
    boot.work.free();
    if (!noted) {
      files.remove(`${HOLDER}.new`);
      say('no-room', 'holder');
    }
    for (const undo of placedUndos(machine)) await undo.orphan();
    write(`@@${script.options.nonce} locked\n`);
    // `$(…)` drops newlines: a blank line is no sign of life.
    while (withoutNewlines((await boot.within(SILENCE_SECONDS, input.chunk(BEAT_BYTES))) ?? '') !== '');
    for (const path of [HOLDER, ...files.paths().filter((one) => one.startsWith(readingPath('')))]) files.remove(path);
  } finally {
    boot.lock.free();
  }
  return '';
}

function placedUndos(machine: Machine): UndoProgram[] {
  const folders = machine.files.paths().flatMap((path) => /^(.*\.undo)\/run$/.exec(path)?.[1] ?? []);
  return folders.map((folder) => new UndoProgram(machine, folder));
}

function locks(machine: Machine): never {
  if (!machine.files.has(LOCK) || machine.boot.lock.isFree) return say('free');
  return say('held', readHolder(machine));
}

async function guard(machine: Machine, script: Script<'guard'>, input: readonly string[]): Promise<string> {
  const { boot } = machine;
  const [head = '', ...rest] = input;
  const at = (word: string): number => rest.indexOf(`@@${script.options.nonce} ${word}`);
  const [token = '', record = '', seconds = '', chain = '', ...parts] = head.split(' ');
  enterFolder(machine);
  // Whatever is waited for here may change the table after it was read.
  const isRead = boot.work.isFree;
  await takeWork(machine);
  try {
    checkHolder(machine, token);
    const undo = new UndoProgram(machine, `${RECORDS_FOLDER}/${record}.undo`);
    const state = Number(seconds) > 0 ? 'armed' : 'placed';
    const goesOn = (machine.files.read(`${undo.folder}/status`) ?? '').includes(` ${token}`);
    const next = new UndoProgram(machine, `${undo.folder}.new`);
    const kept = (): string | undefined => {
      const reading = isRead ? machine.files.read(readingPath(token)) : undefined;
      if (reading !== undefined) machine.files.remove(readingPath(token));
      return reading;
    };
    const files: UndoFiles = {
      run: rest.slice(at('run') + 1, at('plan')),
      plan: rest.slice(at('plan') + 1),
      sudo: [script.options.sudo ? 'sudo -n' : ''],
      chain: [chain],
      parts: [parts.join(' ')],
      before: () => (goesOn ? (machine.files.read(`${undo.folder}/before`) ?? '') : (kept() ?? next.print())),
      ledger: () => machine.files.read(goesOn ? `${undo.folder}/ledger` : undo.ledgerPath) ?? (goesOn ? undefined : ''),
      spare: '\0'.repeat(SPARE_BYTES),
      status: [`${state} ${machine.seconds()} ${token}`],
    };
    if (!placeUndo(machine, next.folder, undo.folder, files)) say('no-room', 'undo');
    if (state === 'armed') {
      if (!machine.files.write(`${undo.folder}/watching`, `${boot.newPid()}\n`)) {
        machine.files.remove(undo.folder);
        say('not-armed');
      }
      boot.start(() => undo.watch(Number(seconds)));
    }
    const run = new BatchRun(machine, script.text, rest, script.options);
    for (const part of script.parts) {
      if (part.pauseSeconds !== undefined) await boot.sleep(part.pauseSeconds);
      if (!run.run(part)) break;
    }
    undo.noteLeft();
    return run.print();
  } finally {
    boot.work.free();
  }
}

/** What lies beside the undo program, in the order it is written: as text, as lines, or made from what is there by then. */
type UndoFiles = Readonly<Record<string, string | string[] | (() => string | undefined)>>;

/** Puts the new undo where the last one was, whole or not at all. */
function placeUndo({ files }: Machine, next: string, folder: string, texts: UndoFiles): boolean {
  const last = `${folder}.old`;
  const contents = (text: UndoFiles[string]): string | undefined =>
    typeof text === 'function' ? text() : typeof text === 'string' ? text : text.map((line) => `${line}\n`).join('');
  files.remove(next);
  files.remove(last);
  const written = Object.entries(texts).every(([name, text]) => {
    const content = contents(text);
    return content === undefined || files.write(`${next}/${name}`, content);
  });
  if (!written) {
    files.remove(next);
    return false;
  }
  files.move(folder, last);
  files.move(next, folder);
  files.remove(last);
  return true;
}

async function confirm(machine: Machine, [head = '', ledger = '', entry = '']: readonly string[]): Promise<never> {
  const { boot, files } = machine;
  const [token = '', record = '', apply = ''] = head.split(' ');
  const path = `${RECORDS_FOLDER}/${record}`;
  enterFolder(machine);
  await takeWork(machine);
  try {
    checkHolder(machine, token);
    const status = withoutNewlines(files.read(`${path}.undo/status`) ?? '');
    if (/^(?:undone|partly|stuck)/.test(status) && status.includes(` ${token} `)) say('undone', status);
    if (ledger === '-') files.remove(`${path}.json`);
    else if (!files.replace(`${path}.json`, `${ledger}\n`)) {
      files.remove(`${path}.json.new`);
      say('no-room', 'ledger');
    }
    if (!status.includes(` ${token}`)) files.remove(`${path}.undo/ledger`);
    const by = status.includes(` ${token}`) ? token : apply === '' ? undefined : status.split(' ')[2];
    const next = by === token ? 'confirmed' : 'superseded';
    const why = by === token ? '' : ` ${SUPERSEDED}`;
    if (by !== undefined && !files.replace(`${path}.undo/status`, `${next} ${machine.seconds()} ${by}${why}\n`))
      say('no-room', 'status');
    const journal = (files.read(JOURNAL) ?? '').split(/(?<=\n)/).slice(-(JOURNAL_LINES - 1));
    if (!files.replace(JOURNAL, `${journal.join('')}${entry}\n`)) files.remove(`${JOURNAL}.new`);
    return say('confirmed');
  } finally {
    boot.work.free();
  }
}

async function rollback(machine: Machine, [head = '']: readonly string[]): Promise<never> {
  const [token = '', record = '', apply = ''] = head.split(' ');
  enterFolder(machine);
  checkHolder(machine, token);
  const undo = new UndoProgram(machine, `${RECORDS_FOLDER}/${record}.undo`);
  if (!undo.isPlaced) say('nothing');
  const status = undo.status();
  if (undo.word === 'superseded' ? apply !== '' : !status.includes(apply)) say('other', status);
  if (undo.isOver) say('already', status);
  return say('done', await undo.now('asked for'));
}

function drain(machine: Machine, { options }: Script, lines: readonly string[]): string {
  const mark = `@@${options.nonce}`;
  const listings = lines.map((line, at) => {
    const call = { sudo: options.sudo, line: 4, stdin: `${line}\n` };
    const { code, stdout, stderr } = runScripted(machine, ['ipvsadm', '-R'], call);
    return `${mark} ${drainPart(at + 1)}\n${stdout}\n${mark} ${code}\n${withoutNewlines(stderr)}\n`;
  });
  return `${listings.join('')}${mark} end\n`;
}

/** Names of the processes that run. */
const processes = ({ options }: Machine): string[] =>
  [...new Set(['sh', 'sshd', 'systemd', ...(options.processes ?? [])])].sort();
