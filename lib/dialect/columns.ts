/** The columns of `ipvsadm -Ln` in all its variants: which there are, and how each is read. */
import type { ForwardingMethod, RealServer } from '../model';
import { misread } from './text';
import { readNumber } from './values';

/** `Local` is how kernels before 2.6.39 or so list a real server that is the director itself. */
export type ListedForwarding = ForwardingMethod | 'local';
/** A counter, a bigint from 2^53 on; one that ipvsadm abbreviated (`1302M`) is not exact. */
export type Counter = number | bigint | { value: number; exact: false };

export interface Cells {
  forwarding: ListedForwarding;
  /** `ipip`, `gue:6080:-c`, `gre:+c`; null for servers without a tunnel. */
  tunnel: RealServer['tunnel'];
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
  persistentConnections: number;
  activeConnections: number;
  inactiveConnections: number;
  connections: Counter;
  inPackets: Counter;
  outPackets: Counter;
  inBytes: Counter;
  outBytes: Counter;
  connectionsPerSecond: Counter;
  inPacketsPerSecond: Counter;
  outPacketsPerSecond: Counter;
  inBytesPerSecond: Counter;
  outBytesPerSecond: Counter;
}
export type Column = keyof Cells;

const COUNT_COLUMNS = ['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const;
const RATE_COLUMNS = [
  'connectionsPerSecond',
  'inPacketsPerSecond',
  'outPacketsPerSecond',
  'inBytesPerSecond',
  'outBytesPerSecond',
] as const;

/** The kinds of table by their two column headers, with the columns of a real server. */
export const TABLE_KINDS = [
  {
    kind: 'table',
    service: 'Scheduler Flags',
    server: 'Forward Weight ActiveConn InActConn',
    columns: ['forwarding', 'weight', 'activeConnections', 'inactiveConnections'],
  },
  {
    kind: 'tunnels',
    service: 'Scheduler Flags',
    server: 'Forward TunnelInfo Weight ActiveConn InActConn',
    columns: ['forwarding', 'tunnel', 'weight', 'activeConnections', 'inactiveConnections'],
  },
  {
    kind: 'thresholds',
    service: 'Uthreshold Lthreshold ActiveConn InActConn',
    server: '',
    columns: ['upperThreshold', 'lowerThreshold', 'activeConnections', 'inactiveConnections'],
  },
  {
    kind: 'persistent-connections',
    service: 'Weight PersistConn ActiveConn InActConn',
    server: '',
    columns: ['weight', 'persistentConnections', 'activeConnections', 'inactiveConnections'],
  },
  { kind: 'stats', service: 'Conns InPkts OutPkts InBytes OutBytes', server: '', columns: COUNT_COLUMNS },
  { kind: 'rate', service: 'CPS InPPS OutPPS InBPS OutBPS', server: '', columns: RATE_COLUMNS },
] as const satisfies readonly { kind: string; service: string; server: string; columns: readonly Column[] }[];

export type TableKind = (typeof TABLE_KINDS)[number]['kind'];

/** The cells of one row. */
export function readCells(words: readonly string[], columns: readonly Column[]): Partial<Cells> {
  if (words.length !== columns.length) misread(`expected ${columns.length} columns, got ${words.length}`);
  const cells: Partial<Record<Column, unknown>> = {};
  for (const [at, column] of columns.entries()) cells[column] = READERS[column](words[at] ?? '');
  return cells as Partial<Cells>;
}

const FORWARDING: Readonly<Record<string, ListedForwarding>> = {
  Masq: 'masquerading',
  Route: 'gatewaying',
  Tunnel: 'ipip',
  Local: 'local',
};

function readForward(text: string): ListedForwarding {
  return FORWARDING[text] ?? misread(`'${text}' is not a forwarding method (Masq, Route, Tunnel, Local)`);
}

const CHECKSUMS = { '-c': 'none', '+c': 'csum', 'r+c': 'remcsum' } as const;

function readTunnelInfo(text: string): RealServer['tunnel'] {
  if (text === 'n/a') return null;
  if (text === 'ipip') return { type: 'ipip' };
  const [, type, port, sign] = /^(gue|gre):(?:(\d+):)?(-c|\+c|r\+c)$/.exec(text) ?? [];
  const checksum = CHECKSUMS[sign as keyof typeof CHECKSUMS];
  if (type === 'gue' && port !== undefined) return { type, port: readNumber(port, 'tunnel port', 0, 65535), checksum };
  if (type === 'gre' && port === undefined) return { type, checksum };
  return misread(`'${text}' is not a tunnel`);
}

/** ipvsadm abbreviates in steps of 1000 from 100,000,000 up unless told `--exact`. */
const UNITS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

function readCounter(text: string): Counter {
  const [, digits, unit] = /^(\d+)([KMGT])?$/.exec(text) ?? [];
  if (digits === undefined) return misread(`'${text}' is not a counter`);
  const value = Number(digits);
  if (unit !== undefined) return { value: value * (UNITS[unit] ?? 1), exact: false };
  return Number.isSafeInteger(value) ? value : BigInt(digits);
}

const readCount = (text: string): number => readNumber(text, 'number', 0, 4294967295);

const READERS: { readonly [C in Column]: (text: string) => Cells[C] } = {
  forwarding: readForward,
  tunnel: readTunnelInfo,
  weight: readCount,
  upperThreshold: readCount,
  lowerThreshold: readCount,
  persistentConnections: readCount,
  activeConnections: readCount,
  inactiveConnections: readCount,
  connections: readCounter,
  inPackets: readCounter,
  outPackets: readCounter,
  inBytes: readCounter,
  outBytes: readCounter,
  connectionsPerSecond: readCounter,
  inPacketsPerSecond: readCounter,
  outPacketsPerSecond: readCounter,
  inBytesPerSecond: readCounter,
  outBytesPerSecond: readCounter,
};
