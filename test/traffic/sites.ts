/** What the clients of the traffic tests come to: a few sites, as tables, and what an operator does to them. */
import fc from 'fast-check';
import {
  defaultNetmask,
  type DirectorTable,
  type Family,
  type ForwardingMethod,
  type MarkRule,
  type Persistence,
  type RealServer,
  type ServiceKey,
  sortTable,
  type VirtualService,
} from '../../lib/model';

/** A web site: one address service per port, or one fwmark service with the rule that marks all its ports. */
export interface Site {
  family: Family;
  address: string;
  ports: readonly number[];
  /** Mark of the fwmark service; null for address services. */
  mark: number | null;
  /** Marks it may use. */
  marks: readonly number[];
  scheduler: string;
  persistence: Persistence | null;
  pool: readonly Pooled[];
}

/** A real server of a site. */
export interface Pooled {
  /** Last part of its address: 129, 133, 134, 135. */
  host: number;
  /** Another port than the client's; only masquerading can do that. */
  port: number | null;
  forwarding: ForwardingMethod;
  weight: number;
}

const HOSTS = [129, 133, 134, 135];
/** The real servers answer here too. */
const OTHER_PORTS = [81, 8000, 8001, 8080, 8443, 9090];
const NETWORK: Readonly<Record<Family, string>> = { inet: '192.168.74.', inet6: '2001:db8:74::' };

/** Before the first edit: everything a test may lose sight of is there. */
export const FIRST_SITES: readonly Site[] = [
  makeSite('inet', '192.168.74.88', [80], [21]),
  makeSite('inet6', '2001:db8:74::88', [80], [21, 22]),
  { ...makeSite('inet', '192.168.74.89', [80, 443], [11, 12, 13]), mark: 12 },
];

function makeSite(family: Family, address: string, ports: readonly number[], marks: readonly number[]): Site {
  const pool: Pooled[] = [
    { host: 129, port: null, forwarding: 'masquerading', weight: 1 },
    { host: 133, port: null, forwarding: 'gatewaying', weight: 2 },
  ];
  return { family, address, ports, mark: null, marks, scheduler: 'wrr', persistence: null, pool };
}

/** One URL for each port. */
export function urlsOf({ family, address, ports }: Site): string[] {
  return ports.map((port) => `http://${family === 'inet6' ? `[${address}]` : address}:${port}/`);
}

export function tableOf(sites: readonly Site[]): DirectorTable {
  return sortTable({
    services: sites.flatMap(servicesOf),
    marks: sites.flatMap(marksOf),
    timeouts: { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 },
    daemons: [],
  });
}

function servicesOf(one: Site): VirtualService[] {
  const { family, address, ports, mark, scheduler, persistence, pool } = one;
  const keys: ServiceKey[] =
    mark === null
      ? ports.map((port) => ({ by: 'address', protocol: 'tcp', address, port }))
      : [{ by: 'fwmark', family, mark }];
  return keys.map((key) => ({
    key,
    scheduler,
    schedulerFlags: [],
    persistence,
    persistenceEngine: null,
    onePacket: false,
    realServers: pool.map((member) => realServer(member, family, key.by === 'address' ? key.port : 0)),
  }));
}

function realServer({ host, port, forwarding, weight }: Pooled, family: Family, ownPort: number): RealServer {
  const address = `${NETWORK[family]}${host}`;
  return { address, port: port ?? ownPort, forwarding, tunnel: null, weight, upperThreshold: 0, lowerThreshold: 0 };
}

function marksOf({ family, address, ports, mark }: Site): MarkRule[] {
  if (mark === null) return [];
  const destination = `${address}/${family === 'inet' ? 32 : 128}`;
  const rule = { protocol: 'tcp', source: null, inputInterface: null } as const;
  return [{ ...rule, family, destination, ports: ports.map(String), mark }];
}

type Edit = (before: Site) => fc.Arbitrary<Site>;

const weight = fc.integer({ min: 0, max: 5 });
const member = ({ pool }: Site): fc.Arbitrary<Pooled> => fc.constantFrom(...pool);

/** The pool with `old` replaced. */
function replaced(before: Site, old: Pooled, ...members: readonly Pooled[]): Site {
  return { ...before, pool: [...before.pool.filter((one) => one !== old), ...members] };
}

/** One change to a site, as a person makes it. */
const EDITS: Readonly<Record<string, Edit>> = {
  weigh: (before) => fc.tuple(member(before), weight).map(([old, to]) => replaced(before, old, { ...old, weight: to })),
  /** All traffic moves from one part of the pool to the other. */
  swap: (before) =>
    fc.constant({ ...before, pool: before.pool.map((one) => ({ ...one, weight: one.weight > 0 ? 0 : 1 })) }),
  add: (before) =>
    fc
      .record({
        host: fc.constantFrom(...HOSTS),
        port: fc.option(fc.constantFrom(...OTHER_PORTS)),
        forwarding: fc.constantFrom<ForwardingMethod>('gatewaying', 'masquerading'),
        weight,
      })
      .map((added): Pooled => (added.port === null ? added : { ...added, forwarding: 'masquerading' }))
      .map((added) => ({ ...before, pool: [...before.pool, added] })),
  remove: (before) => member(before).map((old) => replaced(before, old)),
  /** To the kernel another port is another server. */
  movePort: (before) =>
    fc
      .tuple(member(before), fc.constantFrom(...OTHER_PORTS))
      .map(([old, port]) => replaced(before, old, { ...old, port, forwarding: 'masquerading' })),
  forward: (before) =>
    fc
      .tuple(member(before), fc.constantFrom<ForwardingMethod>('gatewaying', 'masquerading'))
      .map(([old, forwarding]) =>
        replaced(before, old, { ...old, forwarding, port: forwarding === 'masquerading' ? old.port : null }),
      ),
  persist: (before) =>
    fc
      .option(fc.record({ timeoutSeconds: fc.integer({ min: 1, max: 600 }), wide: fc.boolean() }))
      .map((chosen) => ({ ...before, persistence: chosen && persistenceOf(before.family, chosen) })),
  mark: (before) => fc.constantFrom(null, ...before.marks).map((mark) => ({ ...before, mark })),
};

function persistenceOf(family: Family, chosen: { timeoutSeconds: number; wide: boolean }): Persistence {
  const netmask = chosen.wide ? { inet: '255.255.255.0', inet6: '64' }[family] : defaultNetmask(family);
  return { timeoutSeconds: chosen.timeoutSeconds, netmask };
}

/**
 * A few edits of one of the sites or of all. Every site keeps an active real server, no two of its servers are one to
 * the kernel, and `allowed` has a say.
 */
export function editedSites(
  before: readonly Site[],
  allowed: (before: Site, after: Site) => boolean,
): fc.Arbitrary<Site[]> {
  const edited = (one: Site): fc.Arbitrary<Site> =>
    someEdits(one).filter((after) => isSound(after) && allowed(one, after));
  return fc
    .subarray(
      before.map((_, at) => at),
      { minLength: 1 },
    )
    .chain((chosen) => fc.tuple(...before.map((one, at) => (chosen.includes(at) ? edited(one) : fc.constant(one)))));
}

function someEdits(before: Site): fc.Arbitrary<Site> {
  const once: Edit = (one) => fc.constantFrom(...Object.values(EDITS)).chain((edit) => edit(one));
  return fc.oneof(
    once(before),
    once(before).chain((one) => (one.pool.length === 0 ? fc.constant(one) : once(one))),
  );
}

function isSound({ pool }: Site): boolean {
  const places = new Set(pool.map(({ host, port }) => `${host} ${port ?? ''}`));
  return places.size === pool.length && pool.some((one) => one.weight > 0);
}
