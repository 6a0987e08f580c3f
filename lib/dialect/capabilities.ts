import {
  type Capabilities,
  type CapabilityProblem,
  type DesiredTable,
  type Family,
  familyOf,
  FEATURE_SINCE,
  FIRST_NEGATIVE_MARK,
  hostPort,
  type LiveDirector,
  type RealServer,
  serverKey,
  serviceFamily,
  serviceId,
  supports,
  SYNC_DAEMON_DEFAULTS,
  type SyncDaemon,
  type VirtualService,
} from '../model';

type Feature = keyof typeof FEATURE_SINCE;
/** Whether an entry uses a feature, what to call it in a message, and the field that asks for it. */
type Uses<Entry> = readonly [feature: Feature, uses: (entry: Entry) => boolean, what: string, field?: string];
/** The entry a problem is about: its id, and what to call it. */
interface Place {
  entry: string;
  where: string;
}

const SERVICE_USES: readonly Uses<VirtualService>[] = [
  ['sctp', ({ key }) => key.by === 'address' && key.protocol === 'sctp', 'SCTP', 'protocol'],
  ['mhFlags', ({ scheduler, schedulerFlags }) => scheduler === 'mh' && schedulerFlags.length > 0, 'a flag of mh', 'schedulerFlags'],
  ['highMarks', ({ key }) => key.by === 'fwmark' && key.mark >= FIRST_NEGATIVE_MARK, `a mark from ${FIRST_NEGATIVE_MARK} up`, 'mark'],
]; // prettier-ignore

const SERVER_USES: readonly Uses<{ server: RealServer; family: Family }>[] = [
  ['mixedFamily', ({ server, family }) => familyOf(server.address) !== family, 'an address of another family than its service', 'address'],
  ['tunnelTypes', ({ server }) => server.tunnel !== null && server.tunnel.type !== 'ipip', 'a GUE or GRE tunnel', 'tunnel'],
]; // prettier-ignore

const DAEMON_USES: readonly Uses<SyncDaemon>[] = [
  ['syncDaemonOptions', hasOptions, 'a message length, group, port or ttl of its own'],
];

/** What the director's tools can't set, or can't list again; empty when there is nothing. */
export function checkCapabilities(desired: DesiredTable, live: LiveDirector): CapabilityProblem[] {
  const { capabilities } = live;
  const daemon = (role: string): Place => ({ entry: `sync/${role}`, where: `sync/${role}` });
  return [
    ...desired.services.flatMap((service) => serviceProblems(service, capabilities)),
    ...desired.daemons.flatMap((each) => missing(daemon(each.role), each, DAEMON_USES, capabilities)),
    ...(['inet', 'inet6'] as const)
      .filter((family) => capabilities.iptables[family] === null)
      .filter((family) => desired.marks.some((rule) => rule.family === family))
      .map((family) => ({
        message: `mark rules need ${family === 'inet' ? 'iptables' : 'ip6tables'}, which this director lacks`,
      })),
  ];
}

function serviceProblems(service: VirtualService, capabilities: Capabilities): CapabilityProblem[] {
  const id = serviceId(service.key);
  const family = serviceFamily(service.key);
  return [
    ...missing({ entry: id, where: id }, service, SERVICE_USES, capabilities),
    ...service.realServers.flatMap((server) => {
      const where = `${id}: real server ${hostPort(server.address, server.port)}`;
      const entry = `${id}/${serverKey(server)}`;
      const problems = missing({ entry, where }, { server, family }, SERVER_USES, capabilities);
      if (server.weight <= capabilities.maxWeight) return problems;
      const message = `${where}: weight ${server.weight} is above ${capabilities.maxWeight}, the most this build of ipvsadm takes`;
      return [...problems, { message, entry, field: 'weight' }];
    }),
  ];
}

function missing<Entry>(
  { entry, where }: Place,
  subject: Entry,
  uses: readonly Uses<Entry>[],
  capabilities: Capabilities,
): CapabilityProblem[] {
  return uses
    .filter(([feature, isUsed]) => isUsed(subject) && !supports(capabilities, feature))
    .map(([feature, , what, field]) => ({
      message: `${where}: ${what} needs ipvsadm ${FEATURE_SINCE[feature]}, this director has ${capabilities.ipvsadm}`,
      entry,
      ...(field === undefined ? {} : { field }),
    }));
}

function hasOptions({ maxLength, group, port, ttl }: SyncDaemon): boolean {
  const { group: usualGroup, port: usualPort, ttl: usualTtl } = SYNC_DAEMON_DEFAULTS;
  return (
    maxLength !== null ||
    (group !== null && group !== usualGroup) ||
    (port !== null && port !== usualPort) ||
    (ttl !== null && ttl !== usualTtl)
  );
}
