/** What every option of ipvsadm 1.31 does to what was read before it. */
import {
  MAX_THRESHOLD,
  MAX_TIMEOUT_SECONDS,
  MAX_WEIGHT,
  type Family,
  type ForwardingMethod,
  type Protocol,
  type TunnelChecksum,
  type TunnelType,
} from '../model';
import { inetAton, inetPton6, isMulticastGroup } from './address';
import { TUNNEL_RULES, type OptionName } from './ipvsadm-options';
import type { DaemonSettings, DestinationAttributes, ServiceAttributes } from './kernel';
import { portOf } from './services';

/** ipvsadm ends itself: exit code and what it says on stderr. */
export class Exit extends Error {
  constructor(
    readonly code: number,
    readonly stderr: string,
    readonly stdout = '',
  ) {
    super(stderr);
  }
}

/** popt does not understand an option: ends the command line, not a restore. */
export class BadOption extends Exit {
  constructor(stderr: string) {
    super(255, stderr);
  }
}

/** ipvsadm's own check: exit 2, also ends a restore. */
export function fail(message: string): never {
  throw new Exit(2, `${message}\n`);
}

/** Host names the director can resolve. */
export type Hosts = Readonly<Record<string, string>>;

/** What `parse_service` leaves behind; `port` stays as it was when none is written. */
interface Endpoint {
  address: string;
  family: Family;
  port: number;
}

/** What the options read so far amount to. */
export interface State {
  given: Set<OptionName>;
  endpoint: Partial<Endpoint>;
  protocol: Protocol | undefined;
  mark: number;
  family: Family | undefined;
  netmask: string | undefined;
  schedulerFlags: string | undefined;
  service: ServiceAttributes;
  server: Endpoint | undefined;
  destination: DestinationAttributes;
  daemon: DaemonSettings;
  hosts: Hosts;
}

type Handler = (state: State, value: string) => void;

const MAX_MARK = 4294967295;

/** `strtol(3)` in base 10 on the whole text, within bounds. */
function number(text: string, min: number, max: number): number | undefined {
  if (!/^\s*[+-]?\d+$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

const bounded = (text: string, min: number, max: number, what: string): number =>
  number(text, min, max) ?? fail(`illegal ${what} specified`);

export const seconds = (text: string, min: number): number =>
  number(text, min, MAX_TIMEOUT_SECONDS) ?? fail(`invalid timeout value \`${text}' specified`);

function resolve(text: string, hosts: Hosts): string | undefined {
  return inetAton(text) ?? hosts[text.toLowerCase()];
}

/** `host[:port]`, `[v6]:port` or a bare IPv6 address; undefined when it is none of these. */
function parseEndpoint(text: string, state: State): { endpoint: Partial<Endpoint>; hasPort: boolean } | undefined {
  if (/^\d*$/.test(text)) return undefined;
  let host = text;
  let port: string | undefined;
  if (text.startsWith('[')) {
    const match = /^\[([^\]]*)\]:([^]*)$/.exec(text);
    if (match === null) return undefined;
    [, host = '', port] = match;
  }
  const v6 = inetPton6(host);
  let endpoint: Partial<Endpoint>;
  if (v6 !== undefined) {
    endpoint = { address: v6, family: 'inet6' };
  } else {
    // The last colon is looked for afresh, and in what stood between the brackets there is none.
    const colon = host.lastIndexOf(':');
    port = colon < 0 ? undefined : host.slice(colon + 1);
    const address = resolve(colon < 0 ? host : host.slice(0, colon), state.hosts);
    if (address === undefined) return undefined;
    endpoint = { address, family: 'inet' };
  }
  if (port === undefined) return { endpoint, hasPort: false };
  const portNumber = number(port, 0, 65535) ?? (state.protocol && portOf(port, state.protocol));
  return portNumber === undefined ? undefined : { endpoint: { ...endpoint, port: portNumber }, hasPort: true };
}

function give(state: State, name: OptionName): void {
  if (state.given.has(name)) fail(`multiple '${name}' options specified`);
  state.given.add(name);
}

const serviceAddress =
  (protocol: Protocol): Handler =>
  (state, value) => {
    give(state, 'service-address');
    state.protocol = protocol;
    const parsed = parseEndpoint(value, state) ?? fail('illegal virtual server address[:port] specified');
    state.endpoint = parsed.endpoint;
    state.family = parsed.endpoint.family;
    if (state.family === 'inet6') state.netmask = '128';
  };

const forwarding =
  (method: ForwardingMethod): Handler =>
  (state) => {
    give(state, 'forwarding-method');
    state.destination.forwarding = method;
  };

const checksum =
  (name: 'tun-nocsum' | 'tun-csum' | 'tun-remcsum', kind: TunnelChecksum): Handler =>
  (state) => {
    give(state, name);
    state.destination.tunnelChecksum = kind;
  };

const plain =
  (name: OptionName): Handler =>
  (state) => {
    give(state, name);
  };

function readNetmask(state: State, value: string): void {
  give(state, 'netmask');
  if (state.family !== 'inet6') {
    state.netmask = resolve(value, state.hosts) ?? fail('illegal virtual server persistent mask specified');
    return;
  }
  const prefix = parseInt(value, 10) || 0;
  if (prefix < 1 || prefix > 128) fail('illegal ipv6 netmask specified');
  state.netmask = String(prefix);
}

function readServer(state: State, value: string): void {
  give(state, 'real-server');
  const parsed = parseEndpoint(value, state) ?? fail('illegal real server address[:port] specified');
  const { address = '', family = 'inet' } = parsed.endpoint;
  state.server = { address, family, port: parsed.endpoint.port ?? state.endpoint.port ?? 0 };
}

function readGroup(state: State, value: string): void {
  give(state, 'mcast-group');
  const v6 = value.includes(':');
  const address = v6 ? inetPton6(value) : /^\d+(?:\.\d+){3}$/.test(value) ? inetAton(value) : undefined;
  if (address === undefined || !isMulticastGroup(address)) fail(`invalid IPv${v6 ? 6 : 4} mcast-group \`${value}'`);
  state.daemon.group = address;
}

/** What each option does, by its long name. */
export const HANDLERS: Readonly<Record<string, Handler>> = {
  'tcp-service': serviceAddress('tcp'),
  'udp-service': serviceAddress('udp'),
  'sctp-service': serviceAddress('sctp'),
  'fwmark-service': (state, value) => {
    give(state, 'service-address');
    state.protocol = 'tcp';
    state.family = 'inet';
    state.mark = number(value, 1, MAX_MARK) ?? fail(`invalid fwmark value \`${value}' specified`);
  },
  ipv6: (state) => {
    if (state.mark === 0) fail('-6 used before -f\n');
    state.family = 'inet6';
    state.netmask = '128';
  },
  scheduler: (state, value) => {
    give(state, 'scheduler');
    state.service.scheduler = value;
  },
  persistent: (state, value) => {
    give(state, 'persistent');
    state.service.persistentSeconds = seconds(value, 1);
  },
  netmask: readNetmask,
  'real-server': readServer,
  masquerading: forwarding('masquerading'),
  ipip: forwarding('ipip'),
  gatewaying: forwarding('gatewaying'),
  weight: (state, value) => {
    give(state, 'weight');
    state.destination.weight = bounded(value, 0, MAX_WEIGHT, 'weight');
  },
  'u-threshold': (state, value) => {
    give(state, 'u-threshold');
    state.destination.upperThreshold = bounded(value, 0, MAX_THRESHOLD, 'u_threshold');
  },
  'l-threshold': (state, value) => {
    give(state, 'l-threshold');
    state.destination.lowerThreshold = bounded(value, 0, MAX_THRESHOLD, 'l_threshold');
  },
  numeric: plain('numeric'),
  connection: plain('connection'),
  'mcast-interface': (state, value) => {
    give(state, 'mcast-interface');
    state.daemon.interface = value.slice(0, 15);
  },
  syncid: (state, value) => {
    give(state, 'syncid');
    state.daemon.syncId = bounded(value, 0, 255, 'syncid');
  },
  timeout: plain('timeout'),
  daemon: plain('daemon'),
  stats: plain('stats'),
  rate: plain('rate'),
  thresholds: plain('thresholds'),
  'persistent-conn': plain('persistent-conn'),
  nosort: plain('nosort'),
  sort: () => undefined,
  exact: plain('exact'),
  ops: (state) => {
    give(state, 'ops');
    state.service.onePacket = true;
  },
  pe: (state, value) => {
    give(state, 'pe');
    state.service.engine = value;
  },
  'sched-flags': (state, value) => {
    give(state, 'sched-flags');
    state.schedulerFlags = value;
  },
  'mcast-group': readGroup,
  'mcast-port': (state, value) => {
    give(state, 'mcast-port');
    state.daemon.port = bounded(value, 1, 65535, 'mcast-port');
  },
  'mcast-ttl': (state, value) => {
    give(state, 'mcast-ttl');
    state.daemon.ttl = bounded(value, 1, 255, 'mcast-ttl');
  },
  'sync-maxlen': (state, value) => {
    give(state, 'sync-maxlen');
    state.daemon.maxLength = bounded(value, 1, 65507, 'sync-maxlen');
  },
  'tun-info': plain('tun-info'),
  'tun-type': (state, value) => {
    give(state, 'tun-type');
    if (!(value in TUNNEL_RULES)) fail('illegal tunnel type specified');
    state.destination.tunnelType = value as TunnelType;
  },
  'tun-port': (state, value) => {
    give(state, 'tun-port');
    state.destination.tunnelPort = bounded(value, 1, 65535, 'tunnel port');
  },
  'tun-nocsum': checksum('tun-nocsum', 'none'),
  'tun-csum': checksum('tun-csum', 'csum'),
  'tun-remcsum': checksum('tun-remcsum', 'remcsum'),
};

export const initialState = (hosts: Hosts): State => ({
  given: new Set(),
  endpoint: {},
  protocol: undefined,
  mark: 0,
  family: undefined,
  netmask: undefined,
  schedulerFlags: undefined,
  service: { scheduler: '', flags: 0, persistentSeconds: null, netmask: '', engine: '', onePacket: false },
  server: undefined,
  destination: {
    forwarding: 'gatewaying',
    tunnelType: 'ipip',
    tunnelPort: 0,
    tunnelChecksum: 'none',
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
  },
  daemon: { interface: '', syncId: 0, maxLength: 0, group: '224.0.0.81', port: 8848, ttl: 1 },
  hosts,
});
