/**
 * The undo program of a safe apply (lib/dialect/undo-program.ts) on a simulated director: the same states, the same
 * choice, the same words, with the same files beside it.
 */
import { BATCH_COMMAND } from '../dialect/script';
import { GONE_SECONDS, parseUndoLines, type UndoRow } from '../dialect/undo-program';
import type { Machine } from './machine';
import { runScripted, withoutNewlines } from './programs';

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

  /** `run left`: notes how the table was left. */
  noteLeft(): void {
    this.machine.files.replace(this.path('after'), this.print());
  }

  /** The table as `run before` and `run left` note it. */
  print(): string {
    return [...this.state()].map(([key, entry]) => `${key}\t${entry}\n`).join('');
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
    if (this.word === 'undone' || this.word === 'partly') return this.status();
    const ledger = files.read(this.path('ledger'));
    if (ledger !== undefined && this.word === 'confirmed') {
      if (ledger === '') files.remove(this.ledgerPath);
      else if (!files.replace(this.ledgerPath, ledger)) files.remove(`${this.ledgerPath}.new`);
    }
    const { mine, left } = this.choose();
    const said = this.takeBack(mine);
    const token = this.status().split(' ')[2] ?? '';
    const words = `${this.machine.seconds()} ${token} ${why}${said === '' ? '' : `; said: ${said}`}`;
    const line = left.length === 0 ? `undone ${words}` : `partly ${words}; somebody else changed: ${left.join(';')};`;
    files.remove(this.path('spare'));
    if (!files.replace(this.path('status'), `${line}\n`)) files.write(this.path('status'), `${line}\n`);
    return this.status();
  }

  /** What is to be run, of what is not as it was before and still as it was left; and which entries are otherwise. */
  private choose(): { mine: UndoRow[]; left: string[] } {
    const [before, after, now] = [this.noted('before'), this.noted('after'), this.state()];
    const mine: UndoRow[] = [];
    const left = new Set<string>();
    for (const row of parseUndoLines(this.lines('plan'))) {
      const differing = (from: ReadonlyMap<string, string>): string[] =>
        row.keys.filter((key) => now.get(key) !== from.get(key));
      if (before.size > 0 && differing(before).length === 0) continue;
      const changed = after.size === 0 ? undefined : differing(after).at(-1);
      if (changed === undefined) mine.push(row);
      else left.add(changed);
    }
    return { mine, left: [...left] };
  }

  /** A table noted earlier; empty when it was not. */
  private noted(name: string): Map<string, string> {
    return new Map(
      this.lines(name).map((line): [string, string] => {
        const at = line.indexOf('\t');
        return [line.slice(0, at), line.slice(at + 1)];
      }),
    );
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
  private state(): Map<string, string> {
    const chain = this.lines('chain')[0] ?? '';
    return new Map([
      ...entriesOf(this.listing('ipvsadm -Sn')),
      ...thresholdsOf(this.listing('ipvsadm -Ln --thresholds')),
      ...this.listing('ipvsadm -L --timeout').map((line): [string, string] => ['timeouts', line]),
      ...this.listing('ipvsadm -L --daemon').map((line): [string, string] => [`daemon ${line.split(' ')[0]}`, line]),
      ...['iptables', 'ip6tables'].map((program): [string, string] => {
        const rules = this.listing(`${program}-save -t mangle`).filter((line) =>
          line.split(' ').some((word) => word === chain || word === `:${chain}`),
        );
        return [`marks ${program}`, rules.map((rule) => `${rule.replace(/ \[\d+:\d+\]$/, '')};`).join('')];
      }),
    ]);
  }

  private listing(command: string): string[] {
    return this.run(command, '')
      .stdout.split('\n')
      .filter((line) => line.trim() !== '');
  }

  private run(command: string, stdin: string) {
    const sudo = (this.lines('sudo')[0] ?? '') !== '';
    // The tools are there, or nothing had been applied.
    return runScripted(this.machine, command.split(' '), { sudo, line: 0, stdin, detached: true });
  }

  private status(): string {
    return this.lines('status')[0] ?? '';
  }

  private lines(name: string): string[] {
    const text = this.machine.files.read(this.path(name)) ?? '';
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
