import { z } from 'zod';
import { CanonicalAddress, compareAddresses, hostPort, Port } from './address';
import { shown } from './issue';

/** How packets reach the real server: ipvsadm's `-g` (direct routing), `-i` (tunnel), `-m` (NAT). */
export const ForwardingMethod = z.enum(['gatewaying', 'ipip', 'masquerading'], {
  error: (issue) => `'${String(issue.input)}' is not a forwarding method (gatewaying, ipip, masquerading)`,
});
export type ForwardingMethod = z.output<typeof ForwardingMethod>;

/** Checksum choice of GUE and GRE tunnels: `--tun-nocsum`, `--tun-csum`, `--tun-remcsum`. */
export const TunnelChecksum = z.enum(['none', 'csum', 'remcsum'], {
  error: (issue) => `'${String(issue.input)}' is not a tunnel checksum (none, csum, remcsum)`,
});
export type TunnelChecksum = z.output<typeof TunnelChecksum>;

/** Encapsulation of the `ipip` forwarding method. GUE and GRE need ipvsadm 1.31 and kernel 5.3. */
export const TunnelType = z.enum(['ipip', 'gue', 'gre'], {
  error: (issue) => `'${String(issue.input)}' is not a tunnel type (ipip, gue, gre)`,
});
export type TunnelType = z.output<typeof TunnelType>;

export const Tunnel = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ipip') }),
  z.strictObject({ type: z.literal('gue'), port: Port.min(1), checksum: TunnelChecksum }),
  z.strictObject({ type: z.literal('gre'), checksum: TunnelChecksum }),
]);
export type Tunnel = z.output<typeof Tunnel>;

/** The widest weight any build of ipvsadm takes (Debian's); upstream builds stop at 65535. */
export const MAX_WEIGHT = 2147483647;
export const MAX_THRESHOLD = 2147483647;

const integer = (what: string, max: number) => {
  const error = (issue: { input?: unknown }) => `${shown(issue.input)} is not a ${what} (0..${max})`;
  return z.int({ error }).min(0, { error }).max(max, { error });
};

/**
 * Share of new connections a real server receives, relative to its siblings. 0 makes it quiescent: established
 * connections continue, and so may new ones from clients that persistence still binds there
 * (sysctl net.ipv4.vs.expire_quiescent_template). See ipvsadm(8), --weight.
 */
export const Weight = integer('weight', MAX_WEIGHT);

/** Number of connections, active and inactive together; 0 is no limit. See ipvsadm(8), --u-threshold and --l-threshold. */
export const Threshold = integer('threshold', MAX_THRESHOLD);

/** One real server of a virtual service, every attribute known. Identity inside its service: address and port. */
export const RealServer = z.strictObject({
  address: CanonicalAddress,
  port: Port,
  forwarding: ForwardingMethod,
  /** Only with forwarding `ipip`; null otherwise. */
  tunnel: Tunnel.nullable(),
  weight: Weight,
  upperThreshold: Threshold,
  lowerThreshold: Threshold,
});
export type RealServer = z.output<typeof RealServer>;

/** `10.1.0.1:80`: the kernel's identity of a real server inside its service. */
export function serverKey(server: { address: string; port: number }): string {
  return hostPort(server.address, server.port);
}

export function compareServers(a: RealServer, b: RealServer): number {
  return compareAddresses(a.address, b.address) || a.port - b.port;
}
