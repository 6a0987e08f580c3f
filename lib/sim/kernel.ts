/**
 * The IPVS table of one director, with the rules of net/netfilter/ipvs/ip_vs_ctl.c and ip_vs_sync.c (Linux 6.1): what
 * exists, what is missing, what is refused and in which order it is checked. It knows numbers and names, no text:
 * what a tool says about an errno is in `ipvsadm.ts`.
 */
import {
  familyOf,
  hostPort,
  serviceFamily,
  serviceId,
  type Counters,
  type Family,
  type ForwardingMethod,
  type ServiceKey,
  type SyncRole,
  type Timeouts,
  type TunnelChecksum,
  type TunnelType,
} from '../model';
import { isUnicast } from './address';
import { Traffic } from './traffic';

const noTraffic = (): Counters => ({ connections: 0n, inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n });

/** All that has passed a service: what tests let pass, and the connections that keep coming. */
export function countersOf({ counters, traffic }: Service): Counters {
  return { ...counters, connections: counters.connections + BigInt(traffic.connections) };
}

export type Errno = 'EEXIST' | 'ENOENT' | 'ESRCH' | 'EINVAL' | 'ERANGE' | 'ENODEV' | 'ENOMEM';

/** Errno of a refusal; undefined when the kernel did as told. */
export type Outcome = Errno | undefined;

export interface ServiceAttributes {
  scheduler: string;
  /** IP_VS_SVC_F_SCHED1..3 as bits 1, 2, 4. */
  flags: number;
  /** Null when not persistent. */
  persistentSeconds: number | null;
  /** Kept also without persistence: a dotted quad, or a prefix length for IPv6. */
  netmask: string;
  /** Name of the persistence engine; empty when there is none. */
  engine: string;
  onePacket: boolean;
}

export interface DestinationAttributes {
  forwarding: ForwardingMethod;
  tunnelType: TunnelType;
  tunnelPort: number;
  tunnelChecksum: TunnelChecksum;
  weight: number;
  upperThreshold: number;
  lowerThreshold: number;
}

export interface DestinationKey {
  address: string;
  port: number;
}

/** A real server in the table, with the counters a test may set. */
export interface Destination extends DestinationKey, DestinationAttributes {
  counters: Counters;
  activeConnections: number;
  inactiveConnections: number;
  persistentConnections: number;
}

export interface Service extends ServiceAttributes {
  key: ServiceKey;
  counters: Counters;
  /** By address and port, oldest first; the kernel lists the newest first. */
  destinations: Map<string, Destination>;
  readonly traffic: Traffic;
}

export interface DaemonSettings {
  interface: string;
  syncId: number;
  /** 0 lets the kernel choose from the MTU. */
  maxLength: number;
  group: string;
  port: number;
  ttl: number;
}

/** What the machine offers beside the table itself. */
export interface KernelEnvironment {
  /** Schedulers whose module is there or can be loaded. */
  schedulers: ReadonlySet<string>;
  engines: ReadonlySet<string>;
  /** MTU by interface name. */
  interfaces: Readonly<Record<string, number>>;
  /** Seconds since the machine was started. */
  uptimeSeconds: () => number;
}

const DEFAULT_TIMEOUTS: Timeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };

const IP_UDP_HEADER_BYTES: Readonly<Record<Family, number>> = { inet: 28, inet6: 48 };

const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

export class IpvsTable {
  readonly services = new Map<string, Service>();
  readonly daemons = new Map<SyncRole, DaemonSettings>();
  timeouts: Timeouts = { ...DEFAULT_TIMEOUTS };

  constructor(private readonly environment: KernelEnvironment) {}

  find(key: ServiceKey): Service | undefined {
    return this.services.get(serviceId(key));
  }

  addService(key: ServiceKey, attributes: ServiceAttributes): Outcome {
    if (this.find(key) !== undefined) return 'EEXIST';
    const refused = this.checkAttributes(key, attributes);
    if (refused !== undefined) return refused;
    const traffic = new Traffic(this.environment.uptimeSeconds);
    this.services.set(serviceId(key), { key, ...attributes, counters: noTraffic(), destinations: new Map(), traffic });
    return undefined;
  }

  editService(key: ServiceKey, attributes: ServiceAttributes): Outcome {
    const service = this.find(key);
    if (service === undefined) return 'ESRCH';
    const refused = this.checkAttributes(key, attributes);
    if (refused !== undefined) return refused;
    Object.assign(service, attributes);
    return undefined;
  }

  deleteService(key: ServiceKey): Outcome {
    return this.services.delete(serviceId(key)) ? undefined : 'ESRCH';
  }

  /** Zeroes the counters of one service with its real servers, or of all. */
  zero(key: ServiceKey | undefined): Outcome {
    const service = key === undefined ? undefined : this.find(key);
    if (key !== undefined && service === undefined) return 'ESRCH';
    for (const { counters, destinations, traffic } of service === undefined ? this.services.values() : [service]) {
      traffic.zero();
      for (const counts of [counters, ...[...destinations.values()].map((server) => server.counters)])
        Object.assign(counts, noTraffic());
    }
    return undefined;
  }

  flush(): Outcome {
    this.services.clear();
    return undefined;
  }

  addDestination(key: ServiceKey, at: DestinationKey, attributes: DestinationAttributes): Outcome {
    const service = this.find(key);
    if (service === undefined) return 'ESRCH';
    const refused = this.checkFamilies(key, at, attributes) ?? checkThresholds(attributes);
    if (refused !== undefined) return refused;
    const id = hostPort(at.address, at.port);
    if (service.destinations.has(id)) return 'EEXIST';
    if (!isUnicast(at.address)) return 'EINVAL';
    const connections = { activeConnections: 0, inactiveConnections: 0, persistentConnections: 0 };
    service.destinations.set(id, { ...at, ...attributes, ...connections, counters: noTraffic() });
    return undefined;
  }

  editDestination(key: ServiceKey, at: DestinationKey, attributes: DestinationAttributes): Outcome {
    const service = this.find(key);
    if (service === undefined) return 'ESRCH';
    const refused = this.checkFamilies(key, at, attributes) ?? checkThresholds(attributes);
    if (refused !== undefined) return refused;
    const destination = service.destinations.get(hostPort(at.address, at.port));
    if (destination === undefined) return 'ENOENT';
    Object.assign(destination, attributes);
    return undefined;
  }

  deleteDestination(key: ServiceKey, at: DestinationKey): Outcome {
    const service = this.find(key);
    if (service === undefined) return 'ESRCH';
    return service.destinations.delete(hostPort(at.address, at.port)) ? undefined : 'ENOENT';
  }

  /** A patch: 0 leaves a timeout as it is. */
  setTimeouts(timeouts: Timeouts): Outcome {
    const { tcpSeconds, tcpFinSeconds, udpSeconds } = this.timeouts;
    this.timeouts = {
      tcpSeconds: timeouts.tcpSeconds || tcpSeconds,
      tcpFinSeconds: timeouts.tcpFinSeconds || tcpFinSeconds,
      udpSeconds: timeouts.udpSeconds || udpSeconds,
    };
    return undefined;
  }

  startDaemon(role: SyncRole, settings: DaemonSettings): Outcome {
    // The synchronisation protocol has no room for servers of the other family.
    if (this.hasMixedFamilies()) return 'EINVAL';
    const mtu = this.environment.interfaces[settings.interface];
    if (mtu === undefined) return 'ENODEV';
    if (this.daemons.has(role)) return 'EEXIST';
    const headers = IP_UDP_HEADER_BYTES[familyOf(settings.group)];
    const packet = role === 'backup' ? clamp(mtu, 1500, 65535) : 1500;
    const shortest = role === 'backup' ? 1024 : 1;
    const maxLength =
      settings.maxLength === 0 ? packet - headers : clamp(settings.maxLength, shortest, 65535 - headers);
    this.daemons.set(role, { ...settings, maxLength });
    return undefined;
  }

  stopDaemon(role: SyncRole): Outcome {
    return this.daemons.delete(role) ? undefined : 'ESRCH';
  }

  private checkAttributes(key: ServiceKey, attributes: ServiceAttributes): Outcome {
    const { scheduler, engine, netmask } = attributes;
    if (scheduler !== 'none' && !this.environment.schedulers.has(scheduler)) return 'ENOENT';
    if (engine !== '' && !this.environment.engines.has(engine)) return 'ENOENT';
    const badPrefix = serviceFamily(key) === 'inet6' && !(Number(netmask) >= 1 && Number(netmask) <= 128);
    return badPrefix ? 'EINVAL' : undefined;
  }

  private checkFamilies(key: ServiceKey, at: DestinationKey, attributes: DestinationAttributes): Outcome {
    if (familyOf(at.address) === serviceFamily(key)) return undefined;
    return this.daemons.size > 0 || attributes.forwarding !== 'ipip' ? 'EINVAL' : undefined;
  }

  private hasMixedFamilies(): boolean {
    return [...this.services.values()].some((service) =>
      [...service.destinations.values()].some(({ address }) => familyOf(address) !== serviceFamily(service.key)),
    );
  }
}

function checkThresholds({ upperThreshold, lowerThreshold }: DestinationAttributes): Outcome {
  return lowerThreshold > upperThreshold ? 'ERANGE' : undefined;
}
