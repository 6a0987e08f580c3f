/** What ipvsadm 1.31 prints: `-S`, `-L` in its column layouts, `--timeout`, `--daemon`. */
import { type Counters, familyOf, hostPort, serviceFamily, type ServiceKey, type TunnelChecksum } from '../model';
import { addressWords } from './address';
import type { Hosts } from './ipvsadm-handlers';
import { countersOf, type Destination, type IpvsTable, type Service } from './kernel';
import { serviceName } from './services';

export type Layout = 'rule' | 'stats' | 'rate' | 'thresholds' | 'persistent-conn' | 'tun-info' | 'plain';

export interface ListFormat {
  layout: Layout;
  numeric: boolean;
  sorted: boolean;
  /** Counters in full. */
  exact: boolean;
  hosts: Hosts;
}

const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;
const METHOD_NAME = { masquerading: 'Masq', ipip: 'Tunnel', gatewaying: 'Route' } as const;
const METHOD_SWITCH = { masquerading: '-m', ipip: '-i', gatewaying: '-g' } as const;
const CHECKSUM_SWITCH: Record<TunnelChecksum, string> = { none: 'nocsum', csum: 'csum', remcsum: 'remcsum' };
const CHECKSUM_SHORT: Record<TunnelChecksum, string> = { none: '-c', csum: '+c', remcsum: 'r+c' };
const SERVICE_SWITCH = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

const SERVER_TITLE = '  -> RemoteAddress:Port';
const COLUMN_TITLES: Record<Exclude<Layout, 'rule'>, string> = {
  stats: `Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n${SERVER_TITLE}`,
  rate: `Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n${SERVER_TITLE}`,
  thresholds: `Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n${SERVER_TITLE}`,
  'persistent-conn': `Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n${SERVER_TITLE}`,
  'tun-info': `Prot LocalAddress:Port Scheduler Flags\n${SERVER_TITLE}           Forward TunnelInfo    Weight ActiveConn InActConn`,
  plain: `Prot LocalAddress:Port Scheduler Flags\n${SERVER_TITLE}           Forward Weight ActiveConn InActConn`,
};

/** Five rates. No packet passes a simulated director; new connections are what a test says. */
const rates = (connections: number): string =>
  [connections, 0, 0, 0, 0].map((rate) => String(rate).padStart(9)).join('');
const NO_TRAFFIC = rates(0);

/** From which number on a counter is printed in which unit, unless `--exact`. */
const UNITS = [
  [100_000_000_000_000n, 1_000_000_000_000n, 'T'],
  [100_000_000_000n, 1_000_000_000n, 'G'],
  [1_000_000_000n, 1_000_000n, 'M'],
  [100_000_000n, 1000n, 'K'],
] as const;

function counterText(count: bigint, exact: boolean): string {
  const [, divisor, unit] = UNITS.find(([from]) => !exact && count >= from) ?? [0n, 1n, ''];
  const text = `${count / divisor}${unit}`;
  return ` ${text.padStart(8)}`;
}

const traffic = (counters: Counters, { exact }: ListFormat): string =>
  (['connections', 'inPackets', 'outPackets', 'inBytes', 'outBytes'] as const)
    .map((name) => counterText(counters[name], exact))
    .join('');

/** The whole table. */
export function listAll(table: IpvsTable, format: ListFormat): string {
  const services = [...table.services.values()];
  const ordered = format.sorted ? mergeSort(services, compareServices) : services;
  const title = format.layout === 'rule' ? '' : 'IP Virtual Server version 1.2.1 (size=4096)\n';
  return `${title}${columns(format)}${ordered.map((service) => listEntry(service, format)).join('')}`;
}

/** One service with its servers; without the version line, as ipvsadm does it. */
export function listService(service: Service, format: ListFormat): string {
  return columns(format) + listEntry(service, format);
}

export function listTimeouts({ timeouts }: IpvsTable): string {
  return `Timeout (tcp tcpfin udp): ${timeouts.tcpSeconds} ${timeouts.tcpFinSeconds} ${timeouts.udpSeconds}\n`;
}

export function listDaemons({ daemons }: IpvsTable): string {
  return (['master', 'backup'] as const)
    .map((role) => {
      const daemon = daemons.get(role);
      if (daemon === undefined) return '';
      const { interface: name, syncId, maxLength, group, port, ttl } = daemon;
      return `${role} sync daemon (mcast=${name}, syncid=${syncId}, maxlen=${maxLength}, group=${group}, port=${port}, ttl=${ttl})\n`;
    })
    .join('');
}

/** No connections, only the heading. */
export function listConnections(withEngine: boolean): string {
  const engine = withEngine ? 'destination        pe name          pe_data' : 'destination';
  return `IPVS connection entries\npro expire state       source             virtual            ${engine}\n`;
}

function columns({ layout }: ListFormat): string {
  return layout === 'rule' ? '' : `${COLUMN_TITLES[layout]}\n`;
}

function listEntry(service: Service, format: ListFormat): string {
  const servers = [...service.destinations.values()].reverse();
  const ordered = format.sorted ? mergeSort(servers, compareDestinations) : servers;
  const name = serviceText(service.key, format);
  const line =
    format.layout === 'rule'
      ? ruleService(name, service)
      : format.layout === 'stats'
        ? name.padEnd(33) + traffic(countersOf(service), format)
        : format.layout === 'rate'
          ? name.padEnd(33) + rates(service.traffic.perSecond)
          : columnService(name, service);
  return `${line}\n${ordered.map((server) => `${serverLine(name, service, server, format)}\n`).join('')}`;
}

function serviceText(key: ServiceKey, format: ListFormat): string {
  const rule = format.layout === 'rule';
  if (key.by === 'fwmark') {
    // Printed with %d up to and including 1.31.
    const mark = key.mark | 0;
    if (rule) return `-f ${mark}${key.family === 'inet6' ? ' -6' : ''}`;
    return `FWM  ${mark}${key.family === 'inet6' ? ' IPv6' : ''}`;
  }
  const endpoint = endpointText(key.address, key.port, key.protocol, format);
  if (rule) return `${SERVICE_SWITCH[key.protocol]} ${endpoint}`;
  const name = `${key.protocol.toUpperCase().padEnd(4)} ${endpoint}`;
  return familyOf(key.address) === 'inet' && !format.numeric ? name.slice(0, 33) : name;
}

function endpointText(address: string, port: number, protocol: string | undefined, format: ListFormat): string {
  if (format.numeric) return hostPort(address, port);
  const host = Object.entries(format.hosts).find(([, value]) => value === address)?.[0] ?? address;
  const name = (protocol === undefined ? undefined : serviceName(port, protocol)) ?? String(port);
  return host.includes(':') ? `[${host}]:${name}` : `${host}:${name}`;
}

function flagText({ scheduler, flags }: Service): string {
  const named = scheduler === 'sh' || scheduler === 'mh';
  const names = named ? [`${scheduler}-fallback`, `${scheduler}-port`] : ['flag-1', 'flag-2', 'flag-3'];
  return names.filter((_name, bit) => (flags & (1 << bit)) !== 0).join(',');
}

function netmaskText(service: Service): string | undefined {
  const none = serviceFamily(service.key) === 'inet' ? '255.255.255.255' : '128';
  return service.netmask === none ? undefined : service.netmask;
}

function ruleService(name: string, service: Service): string {
  const parts = [`-A ${name} -s ${service.scheduler}`];
  if (service.persistentSeconds !== null) {
    parts.push(`-p ${service.persistentSeconds}`);
    const netmask = netmaskText(service);
    if (netmask !== undefined) parts.push(`-M ${netmask}`);
  }
  if (service.engine !== '') parts.push(`--pe ${service.engine}`);
  if (service.onePacket) parts.push('-o');
  if (service.flags !== 0) parts.push(`-b ${flagText(service)}`);
  return parts.join(' ');
}

function columnService(name: string, service: Service): string {
  const parts = [name, service.scheduler];
  if (service.flags !== 0) parts.push(`(${flagText(service)})`);
  if (service.persistentSeconds !== null) {
    parts.push(`persistent ${service.persistentSeconds}`);
    const netmask = netmaskText(service);
    if (netmask !== undefined) parts.push(`mask ${netmask}`);
    if (service.engine !== '') parts.push(`pe ${service.engine}`);
  }
  if (service.onePacket) parts.push('ops');
  return parts.join(' ');
}

function serverLine(name: string, service: Service, server: Destination, format: ListFormat): string {
  const protocol = service.key.by === 'address' ? service.key.protocol : undefined;
  const endpoint = endpointText(server.address, server.port, protocol, format);
  if (format.layout === 'rule') return ruleServer(name, endpoint, server);
  const cut = serviceFamily(service.key) === 'inet' && !format.numeric ? endpoint.slice(0, 28) : endpoint;
  return `  -> ${cut.padEnd(28)}${format.layout === 'stats' || format.layout === 'rate' ? '' : ' '}${SERVER_COLUMNS[format.layout](server, format)}`;
}

const row = (...cells: (readonly [string | number, number])[]): string =>
  cells.map(([value, width]) => String(value).padEnd(width)).join(' ');

const connections = (server: Destination): [[number, number], [number, number]] => [
  [server.activeConnections, 10],
  [server.inactiveConnections, 10],
];

const SERVER_COLUMNS: Record<Exclude<Layout, 'rule'>, (server: Destination, format: ListFormat) => string> = {
  stats: ({ counters }, format) => traffic(counters, format),
  rate: () => NO_TRAFFIC,
  thresholds: (server) => row([server.upperThreshold, 10], [server.lowerThreshold, 10], ...connections(server)),
  'persistent-conn': (server) => row([server.weight, 9], [server.persistentConnections, 11], ...connections(server)),
  'tun-info': (server) =>
    row([METHOD_NAME[server.forwarding], 7], [tunnelInfo(server), 13], [server.weight, 6], ...connections(server)),
  plain: (server) => row([METHOD_NAME[server.forwarding], 7], [server.weight, 6], ...connections(server)),
};

function tunnelInfo({ forwarding, tunnelType, tunnelPort, tunnelChecksum }: Destination): string {
  if (forwarding !== 'ipip') return 'n/a';
  if (tunnelType === 'ipip') return 'ipip';
  const port = tunnelType === 'gue' ? `:${tunnelPort}` : '';
  return `${tunnelType}${port}:${CHECKSUM_SHORT[tunnelChecksum]}`;
}

function ruleServer(name: string, endpoint: string, server: Destination): string {
  const rule = `-a ${name} -r ${endpoint} ${METHOD_SWITCH[server.forwarding]} -w ${server.weight}`;
  if (server.forwarding !== 'ipip') return rule;
  if (server.tunnelType === 'ipip') return `${rule} --tun-type ipip`;
  const port = server.tunnelType === 'gue' ? ` --tun-port ${server.tunnelPort}` : '';
  return `${rule} --tun-type ${server.tunnelType}${port} --tun-${CHECKSUM_SWITCH[server.tunnelChecksum]}`;
}

/** `a - b` of two unsigned words as a C int: what makes ipvsadm's order no order when they are 2^31 or more apart. */
const difference = (a: number, b: number): number => (a - b) | 0;

function compareWords(a: readonly number[], b: readonly number[], count: number): number {
  for (let i = 0; i < count; i++) {
    const order = difference(a[i] ?? 0, b[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}

function compareServices(a: Service, b: Service): number {
  const mark = ({ key }: Service): number => (key.by === 'fwmark' ? key.mark : 0);
  const family = ({ key }: Service): number => (serviceFamily(key) === 'inet' ? 2 : 10);
  const byMarkAndFamily = difference(mark(a), mark(b)) || family(a) - family(b);
  if (byMarkAndFamily !== 0 || a.key.by === 'fwmark' || b.key.by === 'fwmark') return byMarkAndFamily;
  return (
    PROTOCOL_NUMBER[a.key.protocol] - PROTOCOL_NUMBER[b.key.protocol] ||
    compareWords(addressWords(a.key.address), addressWords(b.key.address), 4) ||
    a.key.port - b.key.port
  );
}

/** The first one's family decides how both addresses are read. */
function compareDestinations(a: Destination, b: Destination): number {
  const words = familyOf(a.address) === 'inet6' ? 4 : 1;
  return compareWords(addressWords(a.address), addressWords(b.address), words) || a.port - b.port;
}

/** glibc's merge sort, step by step: with an order that is none, how one sorts decides what comes out. */
function mergeSort<T>(items: readonly T[], compare: (a: T, b: T) => number): T[] {
  if (items.length <= 1) return [...items];
  const half = items.length >> 1;
  const left = mergeSort(items.slice(0, half), compare);
  const right = mergeSort(items.slice(half), compare);
  const merged: T[] = [];
  let [l, r] = [0, 0];
  while (l < left.length && r < right.length) {
    merged.push(compare(left[l] as T, right[r] as T) <= 0 ? (left[l++] as T) : (right[r++] as T));
  }
  return [...merged, ...left.slice(l), ...right.slice(r)];
}
