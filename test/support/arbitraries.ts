/**
 * Random tables over everything IPVS can hold, valid for the kernel (6.1) and for ipvsadm 1.31, and random edits of
 * them. Tests of the diff and the order should edit: two independent tables have little in common, and the hard cases
 * are those where most stays.
 */
import fc from 'fast-check';
import {
  canonicalCidr,
  canonicalFlags,
  canonicalNetmask,
  type Declared,
  type DirectorTable,
  type Family,
  familyOf,
  findConflicts,
  holdsPort,
  markMatch,
  type MarkRule,
  multiportGroups,
  type RealServer,
  type ServiceConfig,
  serviceFamily,
  serviceId,
  type ServiceKey,
  serverKey,
  sortTable,
  type SyncDaemon,
  type SyncRole,
  type Timeouts,
  type Tunnel,
  type VirtualService,
} from '../../lib/model';

/** What random tables may hold. Everything an ordinary director of Debian 12 can is on by default. */
export interface Features {
  /** Marks from 2147483648 up, which no release of ipvsadm can list. Default false. */
  highMarks?: boolean;
  /** Tunnelled real servers of another family than their service. Default true. */
  mixedFamily?: boolean;
  /** GUE and GRE tunnels. Default true. */
  tunnels?: boolean;
  /** SCTP services. Default true. */
  sctp?: boolean;
  /** Persistence engine sip. Default true. */
  engines?: boolean;
  /** Mark rules. Default true. */
  marks?: boolean;
  /** Mark rules that take logins over SSH, once there is a service behind their mark. Default true. */
  takesLogins?: boolean;
  /** Sync daemons, on interface `lo`. Default true. */
  daemons?: boolean;
  /** Largest weight. Default 65535. */
  maxWeight?: number;
  /** Most services in a table. Default 6. */
  maxServices?: number;
  /** Most real servers in a service. Default 4. */
  maxServers?: number;
}

const DEFAULTS: Required<Features> = {
  highMarks: false,
  mixedFamily: true,
  tunnels: true,
  sctp: true,
  engines: true,
  marks: true,
  takesLogins: true,
  daemons: true,
  maxWeight: 65535,
  maxServices: 6,
  maxServers: 4,
};

const all = (features: Features): Required<Features> => ({ ...DEFAULTS, ...features });

/** `twos` is not in kernel 6.1. */
export const SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh'] as const; // prettier-ignore

const families = fc.constantFrom<Family>('inet', 'inet6');
const byte = fc.integer({ min: 1, max: 254 });

/** Documentation networks, so that no address is one of the director's own. */
function vip(family: Family): fc.Arbitrary<string> {
  const v4 = fc.integer({ min: 1, max: 9 }).map((host) => `192.0.2.${host}`);
  const v6 = fc.integer({ min: 1, max: 9 }).map((host) => `2001:db8::${host}`);
  return family === 'inet' ? v4 : v6;
}

/** Unicast: neither a network's own address nor its broadcast address, which the kernel refuses. */
function serverAddress(family: Family): fc.Arbitrary<string> {
  const v4 = fc.tuple(fc.integer({ min: 0, max: 3 }), byte).map(([net, host]) => `10.77.${net}.${host}`);
  const v6 = byte.map((host) => `2001:db8:77::${host.toString(16)}`);
  return family === 'inet' ? v4 : v6;
}

const port = fc.oneof(fc.constantFrom(80, 443, 53), fc.integer({ min: 1, max: 65535 }));

function mark(features: Required<Features>): fc.Arbitrary<number> {
  const low = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2147483647 }));
  return features.highMarks ? fc.oneof(low, fc.integer({ min: 2147483648, max: 4294967295 })) : low;
}

export function arbitraryKey(features: Features = {}): fc.Arbitrary<ServiceKey> {
  const wanted = all(features);
  const protocols = fc.constantFrom<'tcp' | 'udp' | 'sctp'>('tcp', 'udp', ...(wanted.sctp ? (['sctp'] as const) : []));
  const byAddress = families.chain((family) =>
    fc.record({
      by: fc.constant('address' as const),
      protocol: protocols,
      address: vip(family),
      port: fc.oneof({ arbitrary: port, weight: 9 }, { arbitrary: fc.constant(0), weight: 1 }),
    }),
  );
  const byMark = fc.record({ by: fc.constant('fwmark' as const), family: families, mark: mark(wanted) });
  return fc.oneof({ arbitrary: byAddress, weight: 3 }, { arbitrary: byMark, weight: 1 });
}

function persistence(family: Family): fc.Arbitrary<NonNullable<ServiceConfig['persistence']>> {
  const bits = family === 'inet' ? 32 : 128;
  const prefix = fc.oneof(fc.constant(bits), fc.integer({ min: family === 'inet' ? 0 : 1, max: bits }));
  const masks = prefix.map((length) => canonicalNetmask(length, family) ?? '');
  return fc.record({
    timeoutSeconds: fc.oneof(fc.constantFrom(1, 360, 2678400), fc.integer({ min: 1, max: 2678400 })),
    netmask: family === 'inet' ? fc.oneof({ arbitrary: masks, weight: 9 }, fc.constant('255.0.255.0')) : masks,
  });
}

/** Attributes for a service with this key: port 0 needs persistence, one-packet is for UDP and marks. */
export function arbitraryConfig(key: ServiceKey, features: Features = {}): fc.Arbitrary<ServiceConfig> {
  const wanted = all(features);
  const everyPort = key.by === 'address' && key.port === 0;
  const persistent = persistence(serviceFamily(key));
  const onePacketAllowed = key.by === 'fwmark' || key.protocol === 'udp';
  return fc
    .record({
      scheduler: fc.constantFrom(...SCHEDULERS),
      bits: fc.oneof(fc.constant<string[]>([]), fc.subarray(['flag-1', 'flag-2', 'flag-3'])),
      persistence: everyPort ? persistent : fc.option(persistent, { freq: 1 }),
      persistenceEngine: wanted.engines ? fc.constantFrom(null, null, null, 'sip') : fc.constant(null),
      onePacket: onePacketAllowed ? fc.boolean() : fc.constant(false),
    })
    .map(({ scheduler, bits, ...rest }) => {
      // ipvsadm can't list the third flag of the schedulers that name theirs.
      const named = scheduler === 'sh' || scheduler === 'mh';
      const flags = bits.filter((flag) => !named || flag !== 'flag-3');
      return { key, scheduler, schedulerFlags: canonicalFlags(scheduler, flags), ...rest };
    });
}

function tunnel(features: Required<Features>): fc.Arbitrary<Tunnel> {
  const ipip = fc.constant<Tunnel>({ type: 'ipip' });
  const checksum = fc.constantFrom<'none' | 'csum' | 'remcsum'>('none', 'csum', 'remcsum');
  const gue = fc.record({
    type: fc.constant('gue' as const),
    port: fc.constantFrom(6080, 1, 65535),
    checksum,
  });
  // The kernel has no remote checksum offload for GRE.
  const gre = fc.record({
    type: fc.constant('gre' as const),
    checksum: fc.constantFrom<'none' | 'csum'>('none', 'csum'),
  });
  return features.tunnels ? fc.oneof<fc.Arbitrary<Tunnel>[]>(ipip, gue, gre) : ipip;
}

/** Attributes for a real server at this place: only masquerading changes the port, only tunnels change the family. */
function arbitraryAt(
  place: { address: string; port: number },
  key: ServiceKey,
  features: Required<Features>,
): fc.Arbitrary<RealServer> {
  const samePort = key.by === 'fwmark' || place.port === key.port;
  const sameFamily = familyOf(place.address) === serviceFamily(key);
  const methods: RealServer['forwarding'][] = [
    ...(sameFamily ? (['masquerading'] as const) : []),
    ...(samePort && sameFamily ? (['gatewaying'] as const) : []),
    ...(samePort ? (['ipip'] as const) : []),
  ];
  const limit = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 2000 }), fc.constant(2147483647));
  return fc
    .record({
      forwarding: fc.constantFrom(...methods),
      tunnel: tunnel(features),
      weight: fc.oneof(fc.constantFrom(0, 1, 2), fc.integer({ min: 0, max: features.maxWeight })),
      limits: fc.tuple(limit, limit),
    })
    .map(({ forwarding, tunnel: through, weight, limits: [a, b] }) => ({
      ...place,
      forwarding,
      tunnel: forwarding === 'ipip' ? through : null,
      weight,
      upperThreshold: Math.max(a, b),
      lowerThreshold: Math.min(a, b),
    }));
}

export function arbitraryServer(key: ServiceKey, features: Features = {}): fc.Arbitrary<RealServer> {
  const wanted = all(features);
  const own = serviceFamily(key);
  const other = own === 'inet' ? 'inet6' : 'inet';
  const ownPort = key.by === 'address' ? key.port : 0;
  const native = fc.record({
    address: serverAddress(own),
    port: fc.oneof({ arbitrary: fc.constant(ownPort), weight: 2 }, { arbitrary: port, weight: 1 }),
  });
  const mixed = fc.record({ address: serverAddress(other), port: fc.constant(ownPort) });
  const place = wanted.mixedFamily
    ? fc.oneof({ arbitrary: native, weight: 6 }, { arbitrary: mixed, weight: 1 })
    : native;
  return place.chain((at) => arbitraryAt(at, key, wanted));
}

function servers(key: ServiceKey, features: Required<Features>): fc.Arbitrary<RealServer[]> {
  return fc.uniqueArray(arbitraryServer(key, features), { maxLength: features.maxServers, selector: serverKey });
}

export function arbitraryService(features: Features = {}): fc.Arbitrary<VirtualService> {
  const wanted = all(features);
  return arbitraryKey(features).chain((key) =>
    fc
      .tuple(arbitraryConfig(key, features), servers(key, wanted))
      .map(([config, realServers]) => ({ ...config, realServers })),
  );
}

function network(family: Family): fc.Arbitrary<string> {
  const host = vip(family);
  const wide = family === 'inet' ? ['192.0.2.0/24', '198.51.100.0/25'] : ['2001:db8::/64', '2001:db8:8000::/33'];
  return fc.oneof(
    host.map((address) => canonicalCidr(address) ?? ''),
    fc.constantFrom(...wide),
  );
}

const portRange = fc.oneof(
  port.map(String),
  fc
    .tuple(fc.integer({ min: 0, max: 65534 }), fc.integer({ min: 1, max: 100 }))
    .map(([first, more]) => `${first}:${Math.min(65535, first + more)}`),
);

export function arbitraryMarkRule(features: Features = {}): fc.Arbitrary<MarkRule> {
  const wanted = all(features);
  return families.chain((family) =>
    fc
      .record({
        family: fc.constant(family),
        protocol: fc.constantFrom<MarkRule['protocol']>('tcp', 'udp', 'sctp', null),
        destination: fc.option(network(family), { freq: 5 }),
        source: fc.option(network(family), { freq: 1 }),
        inputInterface: fc.constantFrom(null, null, 'lo', 'eth0.100'),
        ports: fc.array(portRange, { maxLength: 20 }),
        // iptables, unlike ipvsadm, has no trouble with high marks, but no service could be behind them.
        mark: mark(wanted),
      })
      .map((rule) => ({ ...rule, ports: rule.protocol === null ? [] : (multiportGroups(rule.ports)[0] ?? []) }))
      .filter((rule) => wanted.takesLogins || !takesLogins(rule)),
  );
}

/** Whether a rule marks what comes from anywhere to port 22 of any address. */
function takesLogins(rule: MarkRule): boolean {
  const isAnywhere = rule.destination === null && rule.source === null && rule.inputInterface === null;
  return isAnywhere && (rule.protocol === null || rule.protocol === 'tcp') && holdsPort(rule, 22);
}

function markRules(features: Required<Features>): fc.Arbitrary<MarkRule[]> {
  if (!features.marks) return fc.constant([]);
  return fc.uniqueArray(arbitraryMarkRule(features), { maxLength: 5, selector: markMatch });
}

export function arbitraryTimeouts(): fc.Arbitrary<Timeouts> {
  const seconds = fc.integer({ min: 1, max: 2678400 });
  return fc.record({ tcpSeconds: seconds, tcpFinSeconds: seconds, udpSeconds: seconds });
}

/** On `lo`, which every host has. The kernel raises a backup's message length to 1024 (ip_vs_sync.c). */
export function arbitraryDaemon(role: SyncRole): fc.Arbitrary<SyncDaemon> {
  return fc.record({
    role: fc.constant(role),
    interface: fc.constant('lo'),
    syncId: fc.integer({ min: 0, max: 255 }),
    maxLength: fc.integer({ min: 1024, max: 65487 }),
    group: fc.constantFrom('224.0.0.81', '224.0.0.99', 'ff02::81'),
    port: fc.constantFrom(8848, 9999),
    ttl: fc.constantFrom(1, 3),
  });
}

function daemons(features: Required<Features>): fc.Arbitrary<SyncDaemon[]> {
  if (!features.daemons) return fc.constant([]);
  const either = (role: SyncRole) => fc.option(arbitraryDaemon(role), { freq: 1 });
  const some = fc.tuple(either('master'), either('backup')).map((list) => list.filter((daemon) => daemon !== null));
  return fc.oneof(fc.constant<SyncDaemon[]>([]), some);
}

/** Makes entries a table: canonical order, and no mixed families beside a sync daemon, which the kernel refuses. */
function assemble(table: DirectorTable): DirectorTable {
  const isNative = (service: VirtualService, server: RealServer): boolean =>
    familyOf(server.address) === serviceFamily(service.key);
  const services = table.daemons.length === 0 ? table.services : table.services.map((service) => ({
    ...service,
    realServers: service.realServers.filter((server) => isNative(service, server)),
  })); // prettier-ignore
  return sortTable({ ...table, services });
}

export function arbitraryTable(features: Features = {}): fc.Arbitrary<DirectorTable> {
  const wanted = all(features);
  return fc
    .record({
      services: fc.uniqueArray(arbitraryService(features), {
        maxLength: wanted.maxServices,
        selector: (service) => serviceId(service.key),
      }),
      marks: markRules(wanted),
      timeouts: arbitraryTimeouts(),
      daemons: daemons(wanted),
    })
    .map(assemble);
}

/** The kernel holds mark rules that overlap or match everything; a program that declares such ones is refused. */
export function declarable(table: DirectorTable): DirectorTable {
  const marks: MarkRule[] = [];
  for (const rule of table.marks.filter((each) => markMatch(each) !== `${each.family}/any/any`)) {
    const entries = [...marks, rule].map((each, index): Declared<number> => {
      return { on: 'mark', rule: each, director: 'lb1', place: index, name: String(index) };
    });
    if (findConflicts(entries).length === 0) marks.push(rule);
  }
  return { ...table, marks };
}

/** What a person does to a table: most entries stay, some change, some go, some come. */
export function editedTable(table: DirectorTable, features: Features = {}): fc.Arbitrary<DirectorTable> {
  const wanted = all(features);
  return fc
    .record({
      services: editedList(
        table.services,
        (service) => editedService(service, wanted),
        arbitraryService(features),
        (service) => serviceId(service.key),
      ),
      marks: wanted.marks
        ? editedList(
            table.marks,
            (rule) => mark(wanted).map((value) => ({ ...rule, mark: value })),
            arbitraryMarkRule(features),
            markMatch,
          )
        : fc.constant(table.marks),
      timeouts: fc.oneof(fc.constant(table.timeouts), arbitraryTimeouts()),
      daemons: fc.oneof(
        { arbitrary: fc.constant(table.daemons), weight: 3 },
        { arbitrary: daemons(wanted), weight: 1 },
      ),
    })
    .map(assemble);
}

/** Each entry stays, changes or goes; a few come. Of two with one identity the first stays. */
function editedList<Entry>(
  entries: readonly Entry[],
  edit: (entry: Entry) => fc.Arbitrary<Entry>,
  fresh: fc.Arbitrary<Entry>,
  identity: (entry: Entry) => string,
): fc.Arbitrary<Entry[]> {
  const fates = entries.map((entry) =>
    fc.oneof(
      { arbitrary: fc.constant([entry]), weight: 3 },
      { arbitrary: edit(entry).map((edited) => [edited]), weight: 3 },
      { arbitrary: fc.constant([]), weight: 1 },
    ),
  );
  return fc.tuple(fc.tuple(...fates), fc.array(fresh, { maxLength: 2 })).map(([kept, added]) => {
    const unique = new Map<string, Entry>();
    for (const entry of [...kept.flat(), ...added])
      if (!unique.has(identity(entry))) unique.set(identity(entry), entry);
    return [...unique.values()];
  });
}

function editedService(service: VirtualService, features: Required<Features>): fc.Arbitrary<VirtualService> {
  const { key } = service;
  const config = fc.oneof(fc.constant(service), arbitraryConfig(key, features));
  const realServers = editedList(
    service.realServers,
    (server) => editedServer(server, key, features),
    arbitraryServer(key, features),
    serverKey,
  );
  return fc.tuple(config, realServers).map(([edited, list]) => ({ ...edited, realServers: list }));
}

/** Weights change most. */
function editedServer(server: RealServer, key: ServiceKey, features: Required<Features>): fc.Arbitrary<RealServer> {
  const weights = fc.constantFrom(0, 1, 10, features.maxWeight).map((weight) => ({ ...server, weight }));
  return fc.oneof(weights, arbitraryAt({ address: server.address, port: server.port }, key, features));
}
