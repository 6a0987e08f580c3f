import {
  defaultNetmask,
  type LiveDirector,
  type RealServer,
  serverKey,
  serviceFamily,
  serviceId,
  type ServiceKey,
  type Tunnel,
  type VirtualService,
  VirtualServiceResource,
} from '../../../lib/model';
import { serverId } from '../../../lib/plan';
import { servicesById } from '../directors/by-id';
import type { Values } from '../wire/value';
import { type Kind, kindAttributes } from './kind';

const IMPORT_EXAMPLE = 'tcp/192.0.2.1:443';

/** `ipvs_virtual_service`: a virtual service with its real servers. */
export const virtualService: Kind = {
  type: 'ipvs_virtual_service',
  description: 'A virtual service with its real servers.',
  schema: VirtualServiceResource,
  attributes: kindAttributes(VirtualServiceResource, IMPORT_EXAMPLE),
  identified: true,
  importExample: IMPORT_EXAMPLE,
  look: (live, meaning, state) => {
    const entry = meaning.entries[0];
    if (entry?.on === 'absent') {
      const there = liveService(live, serviceId(entry.key));
      return there === undefined ? keyForm(entry.key, { absent: true }) : form(there, new Map());
    }
    if (entry?.on !== 'service') return null;
    const there = liveService(live, serviceId(entry.service.key));
    if (there === undefined) return null;
    return form(keptWeights(there, entry.service, state, live), namesOf(entry.service, state));
  },
  plain: ({ entries: [entry] }, state) => {
    if (entry?.on === 'absent') return keyForm(entry.key, { absent: true });
    if (entry?.on !== 'service') throw new TypeError('a virtual service means a service');
    return form(entry.service, namesOf(entry.service, state));
  },
  find: (live, id) => {
    const there = liveService(live, id);
    return there === undefined ? null : form(there, new Map());
  },
  part: ({ entries: [entry] }, state, id) => {
    if (entry?.on !== 'service' || !id.startsWith(`${serviceId(entry.service.key)}/`)) return undefined;
    const name = namesOf(entry.service, state).get(id.slice(serviceId(entry.service.key).length + 1));
    return name === undefined ? ['real_servers'] : ['real_servers', name];
  },
  list: (live) => live.table.services.map(({ key }) => serviceId(key)),
};

function liveService(live: LiveDirector, id: string): VirtualService | undefined {
  return servicesById(live.table.services).get(id);
}

/**
 * With `keep_live_weights` the weights found are an operator's: they are no drift. A 0 that a drain set and that was left
 * behind is none of theirs: seen as it is, it is put right when the real server is declared again.
 */
function keptWeights(
  there: VirtualService,
  known: VirtualService,
  state: Values,
  { records }: LiveDirector,
): VirtualService {
  if (state['keep_live_weights'] !== true) return there;
  // A service belongs to one stack.
  const quiesced = new Set(
    Object.values(records.ledgers).flatMap((ledger) => (ledger === 'corrupt' ? [] : (ledger.quiesced ?? []))),
  );
  const isOurs = (server: RealServer): boolean => server.weight === 0 && quiesced.has(serverId(there.key, server));
  const weights = new Map(known.realServers.map((server) => [serverKey(server), server.weight]));
  const realServers = there.realServers.map((server) => ({
    ...server,
    weight: isOurs(server) ? 0 : (weights.get(serverKey(server)) ?? server.weight),
  }));
  return { ...there, realServers };
}

/** The model lists real servers in the order of the map they came from. */
function namesOf(service: VirtualService, state: Values): ReadonlyMap<string, string> {
  const names = Object.keys(state['real_servers'] ?? {});
  return new Map(service.realServers.map((server, at) => [serverKey(server), names[at] ?? '']));
}

function form(service: VirtualService, names: ReadonlyMap<string, string>): Values {
  return keyForm(service.key, {
    scheduler: service.scheduler,
    scheduler_flags: service.schedulerFlags,
    persistence: persistenceForm(service),
    one_packet: service.onePacket,
    real_servers: Object.fromEntries(
      named(service.realServers, names).map(([name, server]) => [name, serverForm(server, service.key)]),
    ),
  });
}

function keyForm(key: ServiceKey, rest: Values): Values {
  const identity: Values =
    key.by === 'address'
      ? { protocol: key.protocol, address: key.address, port: key.port, mark: null, family: null }
      : {
          protocol: 'fwmark',
          address: null,
          port: null,
          mark: key.mark,
          family: key.family === 'inet' ? null : 'inet6',
        };
  return { ...identity, absent: null, ...rest };
}

function persistenceForm({ key, persistence, persistenceEngine }: VirtualService): Values | null {
  if (persistence === null && persistenceEngine === null) return null;
  const netmask = persistence?.netmask ?? null;
  return {
    timeout_seconds: persistence?.timeoutSeconds ?? null,
    netmask: netmask === defaultNetmask(serviceFamily(key)) ? null : netmask,
    engine: persistenceEngine,
  };
}

/** Names for real servers that Terraform does not know: readable, and identifiers, which is what HCL needs. */
function named(servers: readonly RealServer[], names: ReadonlyMap<string, string>): [string, RealServer][] {
  const taken = new Set(names.values());
  return servers.map((server) => {
    const known = names.get(serverKey(server));
    if (known !== undefined) return [known, server];
    const short = `rs_${server.address.replace(/[^0-9A-Za-z]+/g, '_')}`;
    const name =
      [short, `${short}_${server.port}`].find((candidate) => !taken.has(candidate)) ?? `${short}_${taken.size}`;
    taken.add(name);
    return [name, server];
  });
}

function serverForm(server: RealServer, service: ServiceKey): Values {
  const usual = service.by === 'address' ? service.port : 0;
  return {
    address: server.address,
    port: server.port === usual ? null : server.port,
    weight: server.weight,
    forwarding: server.forwarding,
    tunnel: tunnelForm(server.tunnel),
    upper_threshold: server.upperThreshold,
    lower_threshold: server.lowerThreshold,
  };
}

function tunnelForm(tunnel: Tunnel | null): Values | null {
  if (tunnel === null || tunnel.type === 'ipip') return null;
  const { type, checksum } = tunnel;
  return { type, port: tunnel.type === 'gue' ? tunnel.port : null, checksum: checksum === 'none' ? null : checksum };
}
