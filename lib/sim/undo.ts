/**
 * The undo program of a safe apply (lib/dialect/undo-program.ts) on a simulated director: the same states, the same
 * choice, the same words, with the same files beside it.
 */
import { BATCH_COMMAND, FETCH_PARTS, readingName } from '../dialect/script';
import { GONE_SECONDS, LISTINGS, parseUndoLines, type UndoRow } from '../dialect/undo-program';
import { RECORDS_FOLDER } from '../model';
import type { Machine } from './machine';
import { runScripted, withoutNewlines } from './programs';

/** What was read under the lock of this token. */
export const readingPath = (token: string): string => `${RECORDS_FOLDER}/${readingName(token)}`;

/** The last line of listings that are whole. */
const END = '@@0 end\n';

/** What is not run because of somebody else. */
interface Left {
  /** Key of the entry that is neither as it was before nor as it was left. */
  changed: string;
  /** The line, where it has its reason still. */
  line?: string;
}

export class UndoProgram {
  /** @param folder path of the folder with the program and its data */
  constructor(
    private readonly machine: Machine,
    readonly folder: string,
  ) {}

  /** Where the stack's ledger is, beside the folder. */
  get ledgerPath(): string {
    return this.folder.replace(/\.undo$/, '.json');
  }

  get isPlaced(): boolean {
    return this.machine.files.has(`${this.folder}/run`);
  }

  /** The first word of the status. */
  get word(): string {
    return this.status().split(' ')[0] ?? '';
  }

  /** Whether nothing is left to take back. */
  get isOver(): boolean {
    return ['undone', 'partly', 'superseded'].includes(this.word);
  }

  /** `run left`: notes how the table was left. */
  noteLeft(): void {
    this.machine.files.write(this.path('after'), this.print(this.parts()));
  }

  /** The listings as `run before` and `run left` note them. */
  print(parts: readonly string[] = LISTINGS): string {
    const printed = parts.map((name) => `@@0 ${name}\n${this.listing(name)}`);
    return `${printed.join('')}${END}`;
  }

  /** `run now WHY`, once nothing else is changing the director. @returns what it prints: the status */
  async now(why: string): Promise<string> {
    const { work } = this.machine.boot;
    await work.take();
    try {
      return this.undo(why);
    } finally {
      work.free();
    }
  }

  /** `run orphan`: takes back what was never confirmed by a client that is gone. */
  async orphan(): Promise<void> {
    if (this.word === 'armed') await this.undoUnlessDisarmed(() => 'the apply was never confirmed');
  }

  /** `run armed SECONDS`: the dead man's switch. */
  async watch(seconds: number): Promise<void> {
    const { boot } = this.machine;
    let gone = 0;
    for (let second = 0; second < seconds && gone < GONE_SECONDS; second++) {
      await boot.sleep(1);
      if (this.word !== 'armed') return;
      gone = boot.lock.isFree ? gone + 1 : 0;
    }
    const why = gone > 0 ? 'the apply died before it was confirmed' : `not confirmed within ${seconds} s`;
    await this.undoUnlessDisarmed(() => why);
  }

  private async undoUnlessDisarmed(why: () => string): Promise<void> {
    const { work } = this.machine.boot;
    await work.take();
    try {
      if (this.word === 'armed') this.undo(why());
    } finally {
      work.free();
    }
  }

  private undo(why: string): string {
    const { files } = this.machine;
    if (this.isOver) return this.status();
    const ledger = files.read(this.path('ledger'));
    if (ledger !== undefined) {
      if (ledger === '') files.remove(this.ledgerPath);
      else if (!files.replace(this.ledgerPath, ledger)) files.remove(`${this.ledgerPath}.new`);
    }
    const chosen = this.choose();
    const left = [...new Set(chosen.left.map(({ changed }) => changed))];
    const said = this.takeBack(chosen.mine);
    const again = this.choose();
    const refused = again.left.flatMap(({ changed, line }) => (left.includes(changed) ? [] : (line ?? [])));
    const stuck = [...again.mine.map(({ line }) => line), ...refused];
    const token = this.status().split(' ')[2] ?? '';
    const line = [
      stuck.length > 0 ? 'stuck' : left.length > 0 ? 'partly' : 'undone',
      ` ${this.machine.seconds()} ${token} ${why}`,
      ...(said === '' ? [] : [`; said: ${said}`]),
      ...(stuck.length === 0 ? [] : [`; still to do: ${stuck.join(';')}`]),
      ...(left.length === 0 ? [] : [`; somebody else changed: ${left.join(';')};`]),
    ].join('');
    files.remove(this.path('spare'));
    if (!files.replace(this.path('status'), `${line}\n`)) files.write(this.path('status'), `${line}\n`);
    return this.status();
  }

  /**
   * What is to be run, of what is not as it was before and still as it was left; and what somebody else keeps from being
   * run.
   */
  private choose(): { mine: UndoRow[]; left: Left[] } {
    const [noted, ended] = [this.read('before'), this.read('after')];
    const [before, after, now] = [noted, ended, this.print(this.parts())].map((text) => this.entries(text));
    const isAs = (key: string, then: ReadonlyMap<string, string> | undefined): boolean =>
      now?.get(key) === then?.get(key);
    const isDone = (key: string): boolean => noted !== '' && isAs(key, before);
    const mine: UndoRow[] = [];
    const left: Left[] = [];
    for (const row of parseUndoLines(this.lines('plan'))) {
      // A key after a question mark is no reason to run a line, and one not to.
      const reasons = row.keys.filter((key) => !key.startsWith('?') && !isDone(key));
      if (reasons.length === 0 && noted !== '') continue;
      const others = row.keys.map((key) => key.replace(/^\?/, '')).filter((key) => !isDone(key) && !isAs(key, after));
      const changed = ended.endsWith(END) ? others.at(-1) : undefined;
      if (changed === undefined) mine.push(row);
      else left.push({ changed, ...(reasons.some((key) => isAs(key, after)) ? { line: row.line } : {}) });
    }
    return { mine, left };
  }

  /** Runs rows group by group. @returns everything the tools said, on one line */
  private takeBack(rows: readonly UndoRow[]): string {
    const groups = [...new Set(rows.map(({ group }) => group))];
    const said = groups.map((group) => {
      const lines = rows.filter((row) => row.group === group);
      const tool = lines[0]?.tool ?? 'ipvsadm';
      return this.run(BATCH_COMMAND[tool], lines.map(({ line }) => `${line}\n`).join('')).stderr;
    });
    return withoutNewlines(said.join('')).replaceAll('\n', ' ');
  }

  /** Every entry of the table by its key, as the program's awk tells them. */
  private entries(listings: string): Map<string, string> {
    const chain = this.lines('chain')[0] ?? '';
    const parts = listings.split(/^@@[0-9a-f]+ /m).map((part): [string, string[]] => {
      const [name = '', ...lines] = part.split('\n');
      return [name, lines.filter((line) => line.trim() !== '')];
    });
    return new Map(parts.flatMap(([name, lines]) => READERS[name]?.(lines, chain) ?? []));
  }

  private listing(name: string): string {
    return this.run(FETCH_PARTS.find((part) => part.name === name)?.command ?? '', '').stdout;
  }

  private parts(): string[] {
    return (this.lines('parts')[0] ?? '').split(' ').filter((name) => name !== '');
  }

  private run(command: string, stdin: string) {
    const sudo = (this.lines('sudo')[0] ?? '') !== '';
    // The tools are there, or nothing had been applied.
    return runScripted(this.machine, command.split(' '), { sudo, line: 0, stdin, detached: true });
  }

  /** The status, a line. */
  status(): string {
    return this.lines('status')[0] ?? '';
  }

  private read(name: string): string {
    return this.machine.files.read(this.path(name)) ?? '';
  }

  private lines(name: string): string[] {
    const text = this.read(name);
    return text === '' ? [] : text.replace(/\n$/, '').split('\n');
  }

  private path(name: string): string {
    return `${this.folder}/${name}`;
  }
}

/** Services, real servers, and which real servers a service has. */
function entriesOf(lines: readonly string[]): [string, string][] {
  const pools = new Map<string, string>();
  let service = '';
  const entries = lines.map((line): [string, string] => {
    const words = line.split(' ');
    if (words[0] === '-A') {
      service = words.slice(1, words[3] === '-6' ? 4 : 3).join(' ');
      return [service, line];
    }
    const key = words.slice(1, words.indexOf('-r') + 2).join(' ');
    pools.set(service, `${pools.get(service) ?? ''}${line};`);
    return [key, line];
  });
  return [...entries, ...[...pools].map(([key, servers]): [string, string] => [`pool ${key}`, servers])];
}

const SERVICE_OPTION: Readonly<Record<string, string>> = { TCP: '-t', UDP: '-u', SCTP: '--sctp-service', FWM: '-f' };

function thresholdsOf(lines: readonly string[]): [string, string][] {
  const pools = new Map<string, string>();
  let service = '';
  const entries = lines.flatMap((line): [string, string][] => {
    const [first = '', second = '', upper = '', lower = ''] = line.trim().split(/\s+/);
    const option = SERVICE_OPTION[first];
    if (option !== undefined) service = `${option} ${second}${first === 'FWM' && upper === 'IPv6' ? ' -6' : ''}`;
    if (first !== '->' || second === 'RemoteAddress:Port') return [];
    pools.set(service, `${pools.get(service) ?? ''}${second} ${upper} ${lower};`);
    return [[`thresholds ${service} -r ${second}`, `${upper} ${lower}`]];
  });
  return [...entries, ...[...pools].map(([key, servers]): [string, string] => [`pool thresholds ${key}`, servers])];
}

type Reader = (lines: readonly string[], chain: string) => [string, string][];

const marksOf =
  (program: string): Reader =>
  (lines, chain) => {
    const rules = lines.filter((line) => line.split(' ').some((word) => word === chain || word === `:${chain}`));
    return [[`marks ${program}`, rules.map((rule) => `${rule.replace(/ \[\d+:\d+\]$/, '')};`).join('')]];
  };

const READERS: Readonly<Record<string, Reader>> = {
  save: entriesOf,
  thresholds: thresholdsOf,
  timeout: (lines) => lines.map((line) => ['timeouts', line]),
  daemon: (lines) => lines.map((line) => [`daemon ${line.split(' ')[0]}`, line]),
  marks: marksOf('iptables'),
  marks6: marksOf('ip6tables'),
};
