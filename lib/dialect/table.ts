/**
 * Tables as `ipvsadm -Ln` prints them, in all its column sets. Columns are padded but never cut, and wide values push
 * the rest to the right: rows are split at blanks, never by position. Which columns there are is read from the header.
 */
import {
  type Persistence,
  defaultNetmask,
  type SchedulerFlag,
  serviceFamily,
  serviceId,
  type ServiceKey,
} from '../model';
import { type Cells, readCells, TABLE_KINDS, type TableKind } from './columns';
import { listedTwice, misread, readLines, splitWords } from './text';
import { hostPortReader, readEngine, readFlags, readMark, readNetmask, readScheduler, readTimeout } from './values';

type Layout = (typeof TABLE_KINDS)[number];

export type ListedServer = { address: string; port: number } & Partial<Cells>;

/** What a service's line says beside its name. Tables of counters print counters instead of scheduler and flags. */
export interface ListedService {
  key: ServiceKey;
  config?: {
    scheduler: string;
    schedulerFlags: SchedulerFlag[];
    persistence: Persistence | null;
    /** Null may also mean "not shown": `-Ln` prints it for persistent services only. */
    persistenceEngine: string | null;
    onePacket: boolean;
  };
  counters?: Partial<Cells>;
  realServers: ListedServer[];
}

export interface ListedTable {
  kind: TableKind;
  services: ListedService[];
}

const NAMES: Readonly<Record<TableKind, string>> = {
  table: 'ipvsadm -Ln',
  tunnels: 'ipvsadm -Ln --tun-info',
  thresholds: 'ipvsadm -Ln --thresholds',
  'persistent-connections': 'ipvsadm -Ln --persistent-conn',
  stats: 'ipvsadm -Ln --stats',
  rate: 'ipvsadm -Ln --rate',
};

const VERSION_HEADER = /^IP Virtual Server version \d+\.\d+\.\d+ \(size=\d+\)$/;

/**
 * Reads any table of `ipvsadm -Ln`. ipvsadm prints no version line when asked for one service.
 *
 * @param wanted refuse any other kind
 * @throws ParseError
 */
export function parseTable(text: string, wanted?: TableKind): ListedTable {
  const reader = new TableReader(wanted);
  readLines(wanted === undefined ? 'ipvsadm -Ln' : NAMES[wanted], text, (line) => {
    reader.read(line);
  });
  return reader.result();
}

class TableReader {
  private readonly services = new Map<string, ListedService>();
  private readonly hostPort = hostPortReader();
  private versionSeen = false;
  private serviceHeader: string | undefined;
  private layout: Layout | undefined;
  private current: { service: ListedService; servers: Set<string> } | undefined;

  constructor(private readonly wanted: TableKind | undefined) {}

  result(): ListedTable {
    return { kind: this.layout?.kind ?? this.wanted ?? 'table', services: [...this.services.values()] };
  }

  read(line: string): void {
    const words = splitWords(line);
    const [first = ''] = words;
    if (this.layout === undefined) this.readHeader(line, words);
    else if (first === '->') this.readServer(words, this.layout);
    else this.readService(words, this.layout);
  }

  private readHeader(line: string, words: readonly string[]): void {
    if (this.serviceHeader === undefined && !this.versionSeen && VERSION_HEADER.test(line.trim())) {
      this.versionSeen = true;
      return;
    }
    // "Port" is a typing error in a published listing; it names no column.
    if (
      this.serviceHeader === undefined &&
      /^(?:Prot|Port)$/.test(words[0] ?? '') &&
      words[1] === 'LocalAddress:Port'
    ) {
      this.serviceHeader = words.slice(2).join(' ');
      return;
    }
    if (this.serviceHeader !== undefined && words[0] === '->' && words[1] === 'RemoteAddress:Port') {
      const server = words.slice(2).join(' ');
      this.layout =
        TABLE_KINDS.find((kind) => kind.service === this.serviceHeader && kind.server === server) ??
        misread('columns are unknown');
      if (this.wanted !== undefined && this.layout.kind !== this.wanted)
        misread(`expected ${NAMES[this.wanted]}, got ${NAMES[this.layout.kind]}`);
      return;
    }
    misread('expected the headers of ipvsadm -Ln');
  }

  private readService(words: readonly string[], layout: Layout): void {
    if (words[0] === 'IP' || words[1] === 'LocalAddress:Port')
      misread('a second listing begins', 'pass one listing at a time');
    const { key, rest } = this.readKey(words);
    const id = serviceId(key);
    if (this.services.has(id)) listedTwice(`service ${id}`);
    const counts = layout.kind === 'stats' || layout.kind === 'rate';
    const service: ListedService = {
      key,
      ...(counts ? { counters: readCells(rest, layout.columns) } : { config: readConfig(rest, key) }),
      realServers: [],
    };
    this.services.set(id, service);
    this.current = { service, servers: new Set() };
  }

  private readKey(words: readonly string[]): { key: ServiceKey; rest: readonly string[] } {
    const [protocol = '', name = ''] = words;
    if (protocol === 'FWM') {
      const family = words[2] === 'IPv6' ? 'inet6' : 'inet';
      return { key: { by: 'fwmark', family, mark: readMark(name) }, rest: words.slice(family === 'inet6' ? 3 : 2) };
    }
    if (protocol !== 'TCP' && protocol !== 'UDP' && protocol !== 'SCTP')
      return misread(`'${protocol}' is not a protocol (TCP, UDP, SCTP, FWM)`);
    const { address, port } = this.hostPort(name);
    const lower = protocol.toLowerCase() as Lowercase<typeof protocol>;
    return { key: { by: 'address', protocol: lower, address, port }, rest: words.slice(2) };
  }

  private readServer(words: readonly string[], layout: Layout): void {
    if (words[1] === 'RemoteAddress:Port') misread('a second listing begins', 'pass one listing at a time');
    const current = this.current ?? misread('a real server without a service');
    const { address, port, text } = this.hostPort(words[1] ?? '');
    if (current.servers.has(text)) listedTwice(`real server ${text}`);
    current.servers.add(text);
    current.service.realServers.push({ address, port, ...readCells(words.slice(2), layout.columns) });
  }
}

/** `SCHED [(flags)] [persistent N [mask M] [pe NAME]] [ops]`. */
function readConfig(words: readonly string[], key: ServiceKey): NonNullable<ListedService['config']> {
  const family = serviceFamily(key);
  let at = 0;
  const take = (word: string): boolean => words[at] === word && ++at > 0;
  const next = (): string => words[at++] ?? misread('the line ends too early');
  const scheduler = readScheduler(next());
  const flags = /^\((.*)\)$/.exec(words[at] ?? '')?.[1];
  if (flags !== undefined) at += 1;
  const timeoutSeconds = take('persistent') ? readTimeout(next()) : undefined;
  const netmask = timeoutSeconds !== undefined && take('mask') ? readNetmask(next(), family) : defaultNetmask(family);
  const persistenceEngine = take('pe') ? readEngine(next()) : null;
  const onePacket = take('ops');
  if (at < words.length) misread(`'${words[at] ?? ''}' is unknown`);
  return {
    scheduler,
    schedulerFlags: flags === undefined ? [] : readFlags(scheduler, flags),
    persistence: timeoutSeconds === undefined ? null : { timeoutSeconds, netmask },
    persistenceEngine,
    onePacket,
  };
}
