import { z } from 'zod';
import {
  CanonicalAddress,
  canonicalAddress,
  canonicalCidr,
  compareAddresses,
  Family,
  familyOf,
  hostPort,
  Port,
} from './address';
import { compareText } from './canonical';
import { shown, Word } from './issue';
import { RealServer } from './real-server';
import { SchedulerFlag } from './scheduler';

/** Transport protocols IPVS balances. */
export const Protocol = z.enum(['tcp', 'udp', 'sctp'], {
  error: (issue) => `'${String(issue.input)}' is not a protocol (tcp, udp, sctp)`,
});
export type Protocol = z.output<typeof Protocol>;

/** A firewall mark, 1..4294967295, decimal. */
export const Mark = z
  .int({ error: (issue) => `${shown(issue.input)} is not a firewall mark (1..4294967295)` })
  .min(1, { error: (issue) => `${shown(issue.input)} is not a firewall mark (1..4294967295)` })
  .max(4294967295, { error: (issue) => `${shown(issue.input)} is not a firewall mark (1..4294967295)` });

/** What a virtual service listens to. It is the service's identity: to change it is to delete and create. */
export const ServiceKey = z.discriminatedUnion('by', [
  z.strictObject({ by: z.literal('address'), protocol: Protocol, address: CanonicalAddress, port: Port }),
  z.strictObject({ by: z.literal('fwmark'), family: Family, mark: Mark }),
]);
export type ServiceKey = z.output<typeof ServiceKey>;

/** Seconds, 1..2678400 (31 days): the range ipvsadm takes for -p and --set. */
export const MAX_TIMEOUT_SECONDS = 2678400;
export const DEFAULT_PERSISTENCE_SECONDS = 360;

export const Persistence = z.strictObject({
  timeoutSeconds: z.int().min(1),
  /** Clients of one such network count as one: dotted quad for IPv4, prefix length for IPv6, as `-M` takes them. */
  netmask: Word,
});
export type Persistence = z.output<typeof Persistence>;

/** A virtual service without its real servers: the attributes `ipvsadm -A` and `-E` set, every one known. */
export const ServiceConfig = z.strictObject({
  key: ServiceKey,
  scheduler: Word,
  schedulerFlags: z.array(SchedulerFlag),
  persistence: Persistence.nullable(),
  /** Persistence engine, e.g. `sip`. The kernel keeps it also when persistence is off. */
  persistenceEngine: Word.nullable(),
  onePacket: z.boolean(),
});
export type ServiceConfig = z.output<typeof ServiceConfig>;

export const VirtualService = ServiceConfig.extend({ realServers: z.array(RealServer) });
export type VirtualService = z.output<typeof VirtualService>;

/** `tcp/192.0.2.1:443`, `udp/[2001:db8::1]:53`, `fwm/12`, `fwm6/12`. */
export type ServiceId = string;

export function serviceId(key: ServiceKey): ServiceId {
  if (key.by === 'address') return `${key.protocol}/${hostPort(key.address, key.port)}`;
  return `${key.family === 'inet6' ? 'fwm6' : 'fwm'}/${key.mark}`;
}

/** Id of a real server: its service's, a slash, and its address and port. */
export function serverId(key: ServiceKey, server: { address: string; port: number }): string {
  return `${serviceId(key)}/${hostPort(server.address, server.port)}`;
}

/** Whether `-a` and `-e` put the service's port in place of this one: only masquerading changes ports. */
export function losesPort(key: ServiceKey, { forwarding, port }: Pick<RealServer, 'forwarding' | 'port'>): boolean {
  return key.by === 'address' && forwarding !== 'masquerading' && port !== key.port;
}

export function serviceFamily(key: ServiceKey): Family {
  return key.by === 'fwmark' ? key.family : familyOf(key.address);
}

const NO_NETMASK: Readonly<Record<Family, string>> = { inet: '255.255.255.255', inet6: '128' };

/** The netmask that groups nobody: what the kernel uses when `-M` is not given. */
export function defaultNetmask(family: Family): string {
  return NO_NETMASK[family];
}

/**
 * The spelling `-M` needs: dotted quad for IPv4 (a prefix length would be taken for 0.0.0.24), prefix length for IPv6.
 * Accepts `24`, `'/24'` and `'255.255.255.0'` for IPv4, `64` and `'/64'` for IPv6.
 */
export function canonicalNetmask(text: string | number, family: Family): string | undefined {
  const value = String(text).replace(/^\//, '');
  if (family === 'inet6')
    return /^\d{1,3}$/.test(value) && Number(value) >= 1 && Number(value) <= 128 ? String(Number(value)) : undefined;
  if (!/^\d{1,2}$/.test(value))
    return canonicalAddress(value)?.includes('.') === true && !value.includes(':') ? value : undefined;
  return canonicalCidr(`255.255.255.255/${value}`)?.split('/')[0];
}

const PROTOCOL_NUMBER: Readonly<Record<Protocol, number>> = { tcp: 6, udp: 17, sctp: 132 };

/** Total order: address services by family, protocol number, address, port; then marks by family and number. */
export function compareKeys(a: ServiceKey, b: ServiceKey): number {
  if (a.by === 'address' && b.by === 'address') {
    return (
      compareText(familyOf(a.address), familyOf(b.address)) ||
      PROTOCOL_NUMBER[a.protocol] - PROTOCOL_NUMBER[b.protocol] ||
      compareAddresses(a.address, b.address) ||
      a.port - b.port
    );
  }
  if (a.by === 'fwmark' && b.by === 'fwmark') return compareText(a.family, b.family) || a.mark - b.mark;
  return a.by === 'address' ? -1 : 1;
}

/** The service without its real servers, field by field, so that nothing else tags along. */
export function serviceConfig(service: VirtualService): ServiceConfig {
  const { key, scheduler, schedulerFlags, persistence, persistenceEngine, onePacket } = service;
  return { key, scheduler, schedulerFlags, persistence, persistenceEngine, onePacket };
}
