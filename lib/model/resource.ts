/**
 * The resources of the artefact, one schema each: they give the props' types, the bindings, validation, the docs tables
 * and the provider schema. Field names here are camelCase; the artefact spells them in snake_case.
 *
 * A schema checks one field at a time. What holds between fields is in {@link toVirtualService} and its siblings, which
 * turn a resource into the model, because values may still be unresolved references while a program is being written.
 */
import { z } from 'zod';
import {
  Address,
  canonicalAddress,
  Cidr,
  Family,
  familyOf,
  isEverything,
  isMulticast,
  isServerAddress,
  Port,
} from './address';
import { DirectorName } from './director';
import { type Issue, shown } from './issue';
import { InterfaceName, markMatch, type MarkRule, multiportGroups, PortRange } from './mark-rule';
import {
  ForwardingMethod,
  type RealServer,
  serverKey,
  Threshold,
  type Tunnel,
  TunnelChecksum,
  TunnelType,
  Weight,
} from './real-server';
import { canonicalFlags, flagProblems, SchedulerFlag, SchedulerName } from './scheduler';
import { SYNC_DAEMON_DEFAULTS, type SyncDaemon, SyncRole } from './sync-daemon';
import { type DesiredTimeouts, TimeoutSeconds } from './timeouts';
import {
  canonicalNetmask,
  DEFAULT_PERSISTENCE_SECONDS,
  defaultNetmask,
  losesPort,
  Mark,
  Protocol,
  serviceFamily,
  serviceId,
  type Persistence,
  type ServiceKey,
  type VirtualService,
} from './virtual-service';

declare module 'zod' {
  interface GlobalMeta {
    /** Another value makes another entry: Terraform replaces instead of updating. */
    replace?: boolean;
    /** The order of a list does not matter. */
    unordered?: boolean;
  }
}

const EngineName = z
  .string({ error: 'expected the name of a persistence engine such as sip' })
  .regex(/^[a-z][a-z0-9_-]{0,14}$/, {
    error: (issue) => `'${String(issue.input)}' is not the name of a persistence engine such as sip`,
  });

export const RealServerResource = z.object({
  /** IPv4 or IPv6 address of the real server. */
  address: Address.meta({ description: 'IPv4 or IPv6 address of the real server.' }),
  /** Port, 0..65535. Default: the service's port (0 for a fwmark service, which keeps the client's port). */
  port: Port.optional().meta({
    description: "Port, 0..65535. Default: the service's port; 0 for a fwmark service keeps the client's port.",
  }),
  /** Share of new connections, relative to its siblings. 0 makes it quiescent. Default 1. */
  weight: Weight.default(1).meta({
    description:
      'Share of new connections, relative to its siblings. 0 makes it quiescent. Above 65535 only with Debian builds of ipvsadm.',
  }),
  /** How packets reach the server. Default gatewaying. */
  forwarding: ForwardingMethod.default('gatewaying').meta({
    description: 'How packets reach the server: gatewaying (direct routing), ipip (tunnel) or masquerading (NAT).',
  }),
  /** Encapsulation, only with forwarding `ipip`. Default plain ipip. */
  tunnel: z
    .object({
      type: TunnelType.default('ipip').meta({ description: 'Encapsulation: ipip, gue or gre.' }),
      port: Port.min(1).optional().meta({ description: 'UDP port, required for gue and only for gue.' }),
      checksum: TunnelChecksum.optional().meta({
        description: 'Checksum choice of gue and gre: none (default), csum, remcsum.',
      }),
    })
    .optional()
    .meta({ description: 'Encapsulation, only with forwarding ipip.' }),
  /** No new connections above this many; 0 is no limit. Default 0. */
  upperThreshold: Threshold.default(0).meta({
    description: 'No new connections from this many on (inactive ones count too); 0 is no limit.',
  }),
  /** New connections again below this many. Default 0: three quarters of the upper threshold. */
  lowerThreshold: Threshold.default(0).meta({
    description: 'New connections again below this many; 0 lets the kernel choose. Not above upperThreshold.',
  }),
});
export type RealServerResource = z.output<typeof RealServerResource>;

export const PersistenceResource = z.object({
  /** Seconds a client stays bound to its real server, 1..2678400. Default 360 when a netmask is given. */
  timeoutSeconds: TimeoutSeconds.optional().meta({
    description: 'Seconds a client stays bound to its real server, 1..2678400. Default 360.',
  }),
  /** Clients of one such network count as one: `255.255.255.0` or 24 for IPv4, prefix length for IPv6. */
  netmask: z
    .union([z.int(), z.string()], { error: "expected a netmask such as '255.255.255.0' or a prefix length" })
    .transform(String)
    .optional()
    .meta({
      description:
        "Clients of one such network count as one: '255.255.255.0' or '24' for IPv4, a prefix length for IPv6.",
    }),
  /** Persistence engine, e.g. `sip`. Alone, without a timeout, it is set while persistence stays off. */
  engine: EngineName.optional().meta({ description: 'Persistence engine, e.g. sip.' }),
});

export const DrainResource = z.object({
  /** Seconds to wait at most. */
  timeoutSeconds: TimeoutSeconds.meta({ description: 'Seconds to wait at most.' }),
  /** Go on when no more than this many connections are left. Default 0. */
  connections: z
    .int({ error: (issue) => `${shown(issue.input)} is not a number of connections` })
    .min(0, { error: (issue) => `${shown(issue.input)} is not a number of connections` })
    .default(0)
    .meta({ description: 'Go on when no more than this many connections are left.' }),
});

export const VirtualServiceResource = z.object({
  director: DirectorName.meta({ description: 'Name of the director.', replace: true }),
  protocol: z
    .enum([...Protocol.options, 'fwmark'], {
      error: (issue) => `'${String(issue.input)}' is not a protocol (tcp, udp, sctp, fwmark)`,
    })
    .meta({ description: 'tcp, udp, sctp, or fwmark for a service of marked packets.', replace: true }),
  address: Address.optional().meta({ description: 'Virtual address; not with fwmark.', replace: true }),
  port: Port.optional().meta({
    description: 'Virtual port; 0 is every port and needs persistence. Not with fwmark.',
    replace: true,
  }),
  mark: Mark.optional().meta({ description: 'Firewall mark, 1..4294967295; only with fwmark.', replace: true }),
  family: Family.optional().meta({ description: "'inet' (default) or 'inet6'; only with fwmark.", replace: true }),
  scheduler: SchedulerName.default('wlc').meta({ description: 'Scheduler, e.g. rr, wrr, lc, wlc, sh, mh.' }),
  schedulerFlags: z.array(SchedulerFlag).default([]).meta({ description: 'Scheduler flags.', unordered: true }),
  persistence: PersistenceResource.optional().meta({ description: 'Binds a client to one real server.' }),
  onePacket: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .meta({ description: 'Schedule every packet anew; UDP and fwmark only.' }),
  drain: DrainResource.optional().meta({ description: 'Wait for connections to end before a real server is removed.' }),
  keepLiveWeights: z
    .boolean({ error: 'expected true or false' })
    .default(false)
    .meta({ description: 'Weights belong to an operator or health checker: live ones are kept.' }),
  absent: z
    .boolean({ error: 'expected true or false' })
    .optional()
    .meta({ description: 'The service must not exist: it is deleted, whoever made it. Goes with no real servers.' }),
  realServers: z
    .record(z.string(), RealServerResource)
    .default({})
    .meta({ description: 'Real servers by name. Names are for people: the kernel knows address and port.' }),
});
export type VirtualServiceResource = z.output<typeof VirtualServiceResource>;

export const MarkRuleResource = z.object({
  director: DirectorName.meta({ description: 'Name of the director.', replace: true }),
  mark: Mark.meta({ description: 'Firewall mark to set, 1..4294967295.' }),
  family: Family.optional().meta({
    description: "'inet' or 'inet6'; default: the family of destination or source, else inet.",
  }),
  protocol: Protocol.optional().meta({ description: 'tcp, udp or sctp; required with ports.' }),
  destination: Cidr.optional().meta({ description: 'Destination address or network.' }),
  source: Cidr.optional().meta({ description: 'Source address or network.' }),
  inputInterface: InterfaceName.optional().meta({ description: 'Interface the packet came in on.' }),
  ports: z.array(PortRange).default([]).meta({
    description: "Destination ports and ranges ('8000:8010'); more than 15 become several rules.",
    unordered: true,
  }),
});
export type MarkRuleResource = z.output<typeof MarkRuleResource>;

export const TimeoutsResource = z.object({
  director: DirectorName.meta({ description: 'Name of the director.', replace: true }),
  tcpSeconds: TimeoutSeconds.optional().meta({ description: 'Idle TCP connections. Left out: stays as it is.' }),
  tcpFinSeconds: TimeoutSeconds.optional().meta({
    description: 'TCP connections after a FIN. Left out: stays as it is.',
  }),
  udpSeconds: TimeoutSeconds.optional().meta({ description: 'Idle UDP flows. Left out: stays as it is.' }),
});
export type TimeoutsResource = z.output<typeof TimeoutsResource>;

const bounded = (what: string, min: number, max: number) => {
  const error = (issue: { input?: unknown }): string => `${shown(issue.input)} is not a ${what} (${min}..${max})`;
  return z.int({ error }).min(min, { error }).max(max, { error });
};

export const SyncDaemonResource = z.object({
  director: DirectorName.meta({ description: 'Name of the director.', replace: true }),
  role: SyncRole.meta({ description: 'master sends connection state, backup receives it.', replace: true }),
  interface: InterfaceName.meta({ description: 'Interface for the multicast traffic.' }),
  syncId: bounded('sync id', 0, 255).default(SYNC_DAEMON_DEFAULTS.syncId).meta({ description: 'Sync id, 0..255.' }),
  maxLength: bounded('message length', 1, 65507)
    .optional()
    .meta({ description: 'Longest sync message in bytes, 1..65507. Default: the kernel derives it from the MTU.' }),
  group: Address.default(SYNC_DAEMON_DEFAULTS.group).meta({ description: 'Multicast group.' }),
  port: bounded('UDP port', 1, 65535).default(SYNC_DAEMON_DEFAULTS.port).meta({ description: 'UDP port.' }),
  ttl: bounded('TTL', 1, 255).default(SYNC_DAEMON_DEFAULTS.ttl).meta({ description: 'Multicast TTL.' }),
});
export type SyncDaemonResource = z.output<typeof SyncDaemonResource>;

type Converted<T> = { value: T; issues: Issue[] };

/**
 * A virtual service resource as the model's virtual service, with everything that is wrong between its fields.
 * The value is only meaningful when there are no issues.
 */
export function toVirtualService(resource: VirtualServiceResource): Converted<VirtualService> {
  const issues: Issue[] = [];
  const key = toServiceKey(resource, issues);
  const { persistence, engine } = toPersistence(resource, key, issues);
  for (const message of flagProblems(resource.scheduler, resource.schedulerFlags))
    issues.push({ path: ['schedulerFlags'], message });
  if (resource.onePacket && (resource.protocol === 'tcp' || resource.protocol === 'sctp')) {
    issues.push({
      path: ['onePacket'],
      message: `one-packet scheduling is only for UDP, not for ${resource.protocol.toUpperCase()}`,
    });
  }
  if (key.by === 'address' && key.port === 0 && persistence === null) {
    issues.push({
      path: ['port'],
      message: 'port 0 (every port) needs persistence',
      hint: 'set persistence, or name the port',
    });
  }
  const seen = new Map<string, string>();
  const realServers = Object.entries(resource.realServers).map(([name, server]) => {
    const converted = toRealServer(server, key);
    issues.push(...converted.issues.map((issue) => ({ ...issue, path: ['realServers', name, ...issue.path] })));
    const twin = seen.get(serverKey(converted.value));
    if (twin !== undefined)
      issues.push({ path: ['realServers', name], message: `is ${serverKey(converted.value)}, and so is '${twin}'` });
    seen.set(serverKey(converted.value), name);
    return converted.value;
  });
  return {
    value: {
      key,
      scheduler: resource.scheduler,
      schedulerFlags: canonicalFlags(resource.scheduler, resource.schedulerFlags),
      persistence,
      persistenceEngine: engine,
      onePacket: resource.onePacket,
      realServers,
    },
    issues,
  };
}

/** The identity of a service that must not exist, with everything that does not go with `absent`. */
export function toAbsentService(resource: VirtualServiceResource): Converted<ServiceKey> {
  const issues: Issue[] = [];
  const key = toServiceKey(resource, issues);
  for (const field of ['persistence', 'drain'] as const) {
    if (resource[field] !== undefined) issues.push({ path: [field], message: 'does not go with absent' });
  }
  if (Object.keys(resource.realServers).length > 0)
    issues.push({ path: ['realServers'], message: 'do not go with absent' });
  return { value: key, issues };
}

function toServiceKey(resource: VirtualServiceResource, issues: Issue[]): ServiceKey {
  const forbid = (field: 'address' | 'port' | 'mark' | 'family'): void => {
    if (resource[field] !== undefined)
      issues.push({ path: [field], message: `does not go with protocol ${resource.protocol}` });
  };
  if (resource.protocol === 'fwmark') {
    forbid('address');
    forbid('port');
    if (resource.mark === undefined) issues.push({ path: ['mark'], message: 'is required for a fwmark service' });
    return { by: 'fwmark', family: resource.family ?? 'inet', mark: resource.mark ?? 1 };
  }
  forbid('mark');
  forbid('family');
  if (resource.address === undefined) issues.push({ path: ['address'], message: 'is required' });
  if (resource.port === undefined) issues.push({ path: ['port'], message: 'is required' });
  return {
    by: 'address',
    protocol: resource.protocol,
    address: resource.address ?? '0.0.0.0',
    port: resource.port ?? 1,
  };
}

function toPersistence(
  resource: VirtualServiceResource,
  key: ServiceKey,
  issues: Issue[],
): { persistence: Persistence | null; engine: string | null } {
  const wanted = resource.persistence;
  if (wanted === undefined) return { persistence: null, engine: null };
  const engine = wanted.engine ?? null;
  if (wanted.timeoutSeconds === undefined && wanted.netmask !== undefined) {
    issues.push({
      path: ['persistence', 'netmask'],
      message: 'a netmask without a persistence timeout has no effect',
      hint: 'set the timeout too',
    });
  }
  if (wanted.timeoutSeconds === undefined && engine !== null) return { persistence: null, engine };
  const family = serviceFamily(key);
  const netmask = wanted.netmask === undefined ? defaultNetmask(family) : canonicalNetmask(wanted.netmask, family);
  if (netmask === undefined) {
    const expected =
      family === 'inet' ? "a dotted quad such as '255.255.255.0' or a prefix length 0..32" : 'a prefix length 1..128';
    issues.push({
      path: ['persistence', 'netmask'],
      message: `'${wanted.netmask}' is not a netmask for ${family === 'inet' ? 'IPv4' : 'IPv6'}: expected ${expected}`,
    });
  }
  return {
    persistence: { timeoutSeconds: wanted.timeoutSeconds ?? DEFAULT_PERSISTENCE_SECONDS, netmask: netmask ?? '' },
    engine,
  };
}

/** A real server of the service with this key, with everything that is wrong between its fields. */
export function toRealServer(resource: RealServerResource, service: ServiceKey): Converted<RealServer> {
  const issues: Issue[] = [];
  const port = resource.port ?? (service.by === 'address' ? service.port : 0);
  // ipvsadm silently replaces the port instead of refusing, and -d does not: such a server could never be removed.
  if (service.by === 'address' && losesPort(service, { forwarding: resource.forwarding, port })) {
    issues.push({
      path: ['port'],
      message: `${resource.forwarding} can't change the port from ${service.port} to ${port}`,
      hint: `use Forward.masquerading(), or port ${service.port}`,
    });
  }
  if (!isServerAddress(resource.address)) {
    issues.push({ path: ['address'], message: `${resource.address} can't be a real server: not a unicast address` });
  }
  if (familyOf(resource.address) !== serviceFamily(service) && resource.forwarding !== 'ipip') {
    issues.push({
      path: ['forwarding'],
      message: `only ipip can reach ${resource.address} from ${serviceId(service)}: the address families differ`,
      hint: 'use Forward.ipip()',
    });
  }
  if (resource.lowerThreshold > resource.upperThreshold) {
    issues.push({
      path: ['lowerThreshold'],
      message: `${resource.lowerThreshold} is above upperThreshold ${resource.upperThreshold}`,
    });
  }
  return {
    value: {
      address: resource.address,
      port,
      forwarding: resource.forwarding,
      tunnel: toTunnel(resource, issues),
      weight: resource.weight,
      upperThreshold: resource.upperThreshold,
      lowerThreshold: resource.lowerThreshold,
    },
    issues,
  };
}

function toTunnel(resource: RealServerResource, issues: Issue[]): Tunnel | null {
  const { tunnel } = resource;
  if (resource.forwarding !== 'ipip') {
    if (tunnel !== undefined)
      issues.push({ path: ['tunnel'], message: `does not go with forwarding ${resource.forwarding}` });
    return null;
  }
  if (tunnel === undefined) return { type: 'ipip' };
  if (tunnel.type !== 'gue' && tunnel.port !== undefined)
    issues.push({ path: ['tunnel', 'port'], message: `does not go with tunnel type ${tunnel.type}` });
  if (tunnel.type === 'gue' && tunnel.port === undefined)
    issues.push({
      path: ['tunnel', 'port'],
      message: 'is required for tunnel type gue',
      hint: 'the usual port is 6080',
    });
  if (tunnel.type === 'ipip' && tunnel.checksum !== undefined)
    issues.push({ path: ['tunnel', 'checksum'], message: 'does not go with tunnel type ipip' });
  if (tunnel.type === 'gre' && tunnel.checksum === 'remcsum')
    issues.push({ path: ['tunnel', 'checksum'], message: 'remcsum does not go with tunnel type gre' });
  if (tunnel.type === 'ipip') return { type: 'ipip' };
  const checksum = tunnel.checksum ?? 'none';
  return tunnel.type === 'gue' ? { type: 'gue', port: tunnel.port ?? 1, checksum } : { type: 'gre', checksum };
}

/** A mark rule resource as iptables rules: several when its ports do not fit into one multiport match. */
export function toMarkRules(resource: MarkRuleResource): Converted<MarkRule[]> {
  const issues: Issue[] = [];
  const address = resource.destination ?? resource.source;
  const family = resource.family ?? (address === undefined ? 'inet' : familyOf(address));
  for (const field of ['destination', 'source'] as const) {
    const cidr = resource[field];
    if (cidr !== undefined && familyOf(cidr) !== family)
      issues.push({ path: [field], message: `${cidr} is not of family ${family}` });
  }
  if (resource.ports.length > 0 && resource.protocol === undefined) {
    issues.push({ path: ['protocol'], message: 'is required with ports' });
  }
  const narrow = (cidr: string | undefined): string | null => (cidr === undefined || isEverything(cidr) ? null : cidr);
  const rule: MarkRule = {
    family,
    protocol: resource.protocol ?? null,
    destination: narrow(resource.destination),
    source: narrow(resource.source),
    inputInterface: resource.inputInterface ?? null,
    ports: [],
    mark: resource.mark,
  };
  if (address === undefined && resource.ports.length === 0 && markMatch(rule) === `${family}/any/any`) {
    issues.push({
      path: [],
      message: 'matches every packet',
      hint: "give a destination, a source, a protocol or an interface; every packet is destination '0.0.0.0/0' or '::/0'",
    });
  }
  const value =
    resource.ports.length === 0 ? [rule] : multiportGroups(resource.ports).map((ports) => ({ ...rule, ports }));
  return { value, issues };
}

export function toTimeouts(resource: TimeoutsResource): Converted<DesiredTimeouts> {
  const { tcpSeconds, tcpFinSeconds, udpSeconds } = resource;
  const value: DesiredTimeouts = {
    ...(tcpSeconds === undefined ? {} : { tcpSeconds }),
    ...(tcpFinSeconds === undefined ? {} : { tcpFinSeconds }),
    ...(udpSeconds === undefined ? {} : { udpSeconds }),
  };
  const issues =
    Object.keys(value).length > 0
      ? []
      : [{ path: [], message: 'sets no timeout', hint: 'give at least one of tcp, tcpFin, udp' }];
  return { value, issues };
}

export function toSyncDaemon(resource: SyncDaemonResource): Converted<SyncDaemon> {
  const { director: _director, maxLength, ...rest } = resource;
  const issues: Issue[] = [];
  if (canonicalAddress(rest.group) !== undefined && !isMulticast(rest.group)) {
    issues.push({ path: ['group'], message: `${rest.group} is not a multicast group` });
  }
  return { value: { ...rest, maxLength: maxLength ?? null }, issues };
}
