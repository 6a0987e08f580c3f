import {
  type Capabilities,
  type DesiredTable,
  type Family,
  familyOf,
  FEATURE_SINCE,
  FIRST_NEGATIVE_MARK,
  hostPort,
  type LiveDirector,
  type RealServer,
  serviceFamily,
  serviceId,
  supports,
  SYNC_DAEMON_DEFAULTS,
  type SyncDaemon,
  type VirtualService,
} from '../model';

type Feature = keyof typeof FEATURE_SINCE;
/** Whether an entry uses a feature, and what to call it in a message. */
type Uses<Entry> = readonly [feature: Feature, uses: (entry: Entry) => boolean, what: string];

const SERVICE_USES: readonly Uses<VirtualService>[] = [
  ['sctp', ({ key }) => key.by === 'address' && key.protocol === 'sctp', 'SCTP'],
  ['mhFlags', ({ scheduler, schedulerFlags }) => scheduler === 'mh' && schedulerFlags.length > 0, 'a flag of mh'],
  ['highMarks', ({ key }) => key.by === 'fwmark' && key.mark >= FIRST_NEGATIVE_MARK, `a mark from ${FIRST_NEGATIVE_MARK} up`],
]; // prettier-ignore

const SERVER_USES: readonly Uses<{ server: RealServer; family: Family }>[] = [
  ['mixedFamily', ({ server, family }) => familyOf(server.address) !== family, 'an address of another family than its service'],
  ['tunnelTypes', ({ server }) => server.tunnel !== null && server.tunnel.type !== 'ipip', 'a GUE or GRE tunnel'],
]; // prettier-ignore

const DAEMON_USES: readonly Uses<SyncDaemon>[] = [
  ['syncDaemonOptions', hasOptions, 'a message length, group, port or ttl of its own'],
];

/** What the director's tools can't set, or can't list again, in words; empty when there is nothing. */
export function checkCapabilities(desired: DesiredTable, live: LiveDirector): string[] {
  const { capabilities } = live;
  return [
    ...desired.services.flatMap((service) => serviceProblems(service, capabilities)),
    ...desired.daemons.flatMap((daemon) => missing(`sync/${daemon.role}`, daemon, DAEMON_USES, capabilities)),
    ...(['inet', 'inet6'] as const)
      .filter((family) => capabilities.iptables[family] === null)
      .filter((family) => desired.marks.some((rule) => rule.family === family))
      .map((family) => `mark rules need ${family === 'inet' ? 'iptables' : 'ip6tables'}, which this director lacks`),
  ];
}

function serviceProblems(service: VirtualService, capabilities: Capabilities): string[] {
  const id = serviceId(service.key);
  const family = serviceFamily(service.key);
  return [
    ...missing(id, service, SERVICE_USES, capabilities),
    ...service.realServers.flatMap((server) => {
      const where = `${id}: real server ${hostPort(server.address, server.port)}`;
      const problems = missing(where, { server, family }, SERVER_USES, capabilities);
      if (server.weight <= capabilities.maxWeight) return problems;
      return [...problems, `${where}: weight ${server.weight} is above ${capabilities.maxWeight}, the most this build of ipvsadm takes`]; // prettier-ignore
    }),
  ];
}

function missing<Entry>(
  where: string,
  entry: Entry,
  uses: readonly Uses<Entry>[],
  capabilities: Capabilities,
): string[] {
  return uses
    .filter(([feature, isUsed]) => isUsed(entry) && !supports(capabilities, feature))
    .map(
      ([feature, , what]) =>
        `${where}: ${what} needs ipvsadm ${FEATURE_SINCE[feature]}, this director has ${capabilities.ipvsadm}`,
    );
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
