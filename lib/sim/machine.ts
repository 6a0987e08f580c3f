/** One simulated director: its kernel tables and the programs that work on them, without any network. */
import type { PartResult } from '../dialect/script';
import { Boot } from './boot';
import { Disk } from './disk';
import { runIptables, type Tables } from './iptables';
import { runIpvsadm } from './ipvsadm';
import { IpvsTable, type Outcome } from './kernel';
import { SCHEDULERS, type MachineOptions } from './options';

/** The SSH connection is gone: nothing more is run and nothing is answered. */
export class Dropped extends Error {}

/** How a program is called. */
export interface Invocation {
  /** Whether it runs with root's rights. */
  root: boolean;
  stdin: string;
  /** Runs for nobody's connection: none can be cut under it. */
  detached?: boolean;
}

export const KERNEL_RELEASE = '6.1.0-50-cloud-amd64';
const IPVSADM_PACKAGE = '1:1.31-1+b1';

const IPTABLES_PROGRAM = /^ip6?tables(?:-save|-restore)?$/;
const NO_ROOT = 'Permission denied (you must be root)';
const IPVS_QUESTION = 'Are you sure that IP Virtual Server is built in the kernel or as module?';

const ok = (stdout: string): PartResult => ({ code: 0, stdout, stderr: '' });
const failed = (code: number, stderr: string): PartResult => ({ code, stdout: '', stderr: `${stderr}\n` });

export class Machine {
  table: IpvsTable;
  private tables: { inet: Tables; inet6: Tables };
  /** Files by path: what lvsform keeps on a director. */
  readonly files: Disk;
  /** Processes, locks and the passing of time. */
  boot: Boot;
  /** Called when the network is to fall silent. */
  onSilence: () => void = () => undefined;
  /** Called when it goes down: connections end with it. */
  onReboot: () => void = () => undefined;
  private changes = 0;

  constructor(
    readonly options: MachineOptions,
    private readonly now: () => Date,
  ) {
    this.table = this.newTable();
    this.tables = { inet: new Map(), inet6: new Map() };
    this.files = new Disk(options.diskFull);
    this.boot = new Boot(options.secondMs ?? 1000);
  }

  /** Tables, processes and connections are gone, files stay. */
  reboot(): void {
    this.startAnew();
    this.onReboot();
  }

  private startAnew(): void {
    this.boot.shutDown();
    this.boot = new Boot(this.options.secondMs ?? 1000);
    this.table = this.newTable();
    this.tables = { inet: new Map(), inet6: new Map() };
  }

  /** A machine as new; changes and writes are counted anew. */
  reset(): void {
    this.startAnew();
    this.files.clear();
    this.changes = 0;
  }

  /** `date +%s` */
  seconds(): number {
    return Math.floor(this.now().getTime() / 1000);
  }

  /** `ipvsadm -R` that no injected fault hits or counts. */
  load(rules: string): PartResult {
    return runIpvsadm({ table: this.table, hosts: this.hosts() }, 'ipvsadm', ['-R'], rules);
  }

  /** Whether a program is installed. */
  has(program: string): boolean {
    if (program === 'ipvsadm') return this.options.ipvsadm !== 'missing';
    if (IPTABLES_PROGRAM.test(program)) return this.options.iptables !== 'missing';
    return program in this.others;
  }

  /** Runs an installed program by its bare name. @throws Dropped when this is where the connection ends. */
  run(program: string, words: readonly string[], how: Invocation): PartResult {
    if (program === 'ipvsadm') return this.ipvsadm(words, how);
    if (IPTABLES_PROGRAM.test(program)) return this.iptables(program, words, how);
    return this.others[program]?.(words) ?? failed(127, `${program}: not found`);
  }

  private readonly others: Readonly<Record<string, (words: readonly string[]) => PartResult>> = {
    true: () => ok(''),
    grep: (words) => this.readFiles(words.slice(3)),
    uname: (words) => ok(words[0] === '-r' ? `${KERNEL_RELEASE}\n` : 'Linux\n'),
    'dpkg-query': (words) =>
      this.has('ipvsadm') ? ok(IPVSADM_PACKAGE) : failed(1, `dpkg-query: no packages found matching ${words.at(-1)}`),
  };

  /** `grep -s -H "" FILE…` with patterns for files: every line after the name of its file. */
  private readFiles(patterns: readonly string[]): PartResult {
    const settings = ['expire_nodest_conn', 'expire_quiescent_template'] as const;
    const all = new Map([
      ...settings.map((name): [string, string] => [`/proc/sys/net/ipv4/vs/${name}`, '0\n']),
      ...this.files.paths().map((path): [string, string] => [path, this.files.read(path) ?? '']),
    ]);
    const named = patterns.flatMap((pattern) => {
      const matcher = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
      return [...all.keys()].filter((path) => matcher.test(path)).sort();
    });
    const lines = named.flatMap((path) =>
      (all.get(path) ?? '')
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => `${path}:${line}\n`),
    );
    // Some of the files are never there.
    return { code: 2, stdout: lines.join(''), stderr: '' };
  }

  private ipvsadm(words: readonly string[], { root, stdin, detached = false }: Invocation): PartResult {
    if (!root) return failed(2, `Can't initialize ipvs: ${NO_ROOT}\n${IPVS_QUESTION}`);
    if (this.options.missingModule === 'ip_vs')
      return failed(2, `Can't initialize ipvs: Protocol not available\n${IPVS_QUESTION}`);
    const context = { table: this.table, hosts: this.hosts(), onChange: () => this.beforeChange(detached) };
    return runIpvsadm(context, 'ipvsadm', words, stdin);
  }

  private iptables(
    program: string,
    words: readonly string[],
    { root, stdin, detached = false }: Invocation,
  ): PartResult {
    const flavour = this.options.iptables === 'legacy' ? 'legacy' : 'nft';
    const family = program.startsWith('ip6') ? 'inet6' : 'inet';
    const tables = this.tables[family];
    if (!root && !words.includes('--version')) {
      // With nothing to restore nothing is checked.
      if (program.endsWith('-restore') && stdin.trim() === '') return ok('');
      return failed(...noPermission(program, flavour));
    }
    if (program.endsWith('-restore') && this.beforeChange(detached) !== undefined)
      return failed(4, `${program}: Memory allocation problem`);
    const hosts = this.hosts();
    const context = { family, flavour, tables, resolve: (host: string) => hosts[host], now: this.now } as const;
    return runIptables(context, program, words, stdin);
  }

  private hosts(): Readonly<Record<string, string>> {
    return { localhost: '127.0.0.1', ...this.options.hosts };
  }

  private beforeChange(detached: boolean): Outcome {
    const { refuseNth, dropAfter, silentAfter } = this.options;
    if (!detached && dropAfter !== undefined && this.changes >= dropAfter) throw new Dropped();
    if (this.changes === silentAfter) this.onSilence();
    this.changes += 1;
    return this.changes === refuseNth ? 'ENOMEM' : undefined;
  }

  private newTable(): IpvsTable {
    const missing = new Set(Array.isArray(this.options.missingModule) ? this.options.missingModule : []);
    const without = (names: readonly string[]): Set<string> => new Set(names.filter((name) => !missing.has(name)));
    return new IpvsTable({
      schedulers: without(SCHEDULERS),
      engines: without(['sip']),
      interfaces: this.options.interfaces ?? { lo: 65536, eth0: 1500 },
      uptimeSeconds: () => this.boot.uptimeSeconds(),
    });
  }
}

function noPermission(program: string, flavour: 'nft' | 'legacy'): [number, string] {
  if (flavour === 'nft')
    return [4, `${program} v1.8.9 (nf_tables): Could not fetch rule set generation id: ${NO_ROOT}`];
  if (program.endsWith('-save')) return [1, `${program} v1.8.9 (legacy): Cannot initialize: ${NO_ROOT}`];
  if (program.endsWith('-restore'))
    return [2, `${program} v1.8.9 (legacy): ${program}: unable to initialize table 'mangle'\nError occurred at line: 1\nTry \`${program} -h' or '${program} --help' for more information.`]; // prettier-ignore
  return [3, `${program} v1.8.9 (legacy): can't initialize ${program} table \`mangle': ${NO_ROOT}\nPerhaps ${program} or your kernel needs to be upgraded.`]; // prettier-ignore
}
