import ipaddr from 'ipaddr.js';
import { z } from 'zod';

/** IP family in the kernel's words: `inet` is IPv4, `inet6` is IPv6. */
export const Family = z.enum(['inet', 'inet6'], { error: "expected 'inet' or 'inet6'" });
export type Family = z.output<typeof Family>;

const CANONICAL_V4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * The one spelling of an IP address that the rest of the code compares with `===`: dotted quad for IPv4, what glibc's
 * `inet_ntop` prints for IPv6 (lower case, longest run of zeros compressed, dotted tail for IPv4-mapped addresses),
 * because that is what `ipvsadm -n` and `iptables-save` list.
 *
 * Only the four-part decimal spelling of IPv4 is accepted: ipvsadm itself reads `192.0.2` as 192.0.0.2 and `010.1.1.1`
 * as 8.1.1.1, which nobody means.
 *
 * @returns undefined when the text is not an address.
 */
export function canonicalAddress(text: string): string | undefined {
  if (CANONICAL_V4.test(text)) return text;
  if (!text.includes(':') || text.includes('%')) return undefined;
  const groups = hexTail(text);
  if (groups === undefined || !ipaddr.IPv6.isValid(groups)) return undefined;
  return formatIpv6(ipaddr.IPv6.parse(groups));
}

/** `::192.0.2.1` to `::c000:201`: ipaddr.js would read an IPv4-compatible address as an IPv4-mapped one. */
function hexTail(text: string): string | undefined {
  const tail = /^(.*:)([\d.]+)$/.exec(text);
  if (!tail?.[1] || !tail[2]?.includes('.')) return text;
  if (!CANONICAL_V4.test(tail[2])) return undefined;
  const [a = 0, b = 0, c = 0, d = 0] = tail[2].split('.').map(Number);
  return `${tail[1]}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
}

/** glibc prints a dotted tail when the first six words are zero and the seventh is not, or for `::ffff:a.b.c.d`. */
function formatIpv6(address: ipaddr.IPv6): string {
  const words = address.parts;
  const leadingZeros = words.findIndex((word) => word !== 0);
  const mapped = leadingZeros === 5 && words[5] === 0xffff;
  if (leadingZeros !== 6 && !mapped) return address.toRFC5952String();
  const [high = 0, low = 0] = words.slice(6);
  return `::${mapped ? 'ffff:' : ''}${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`;
}

/** The family of a canonical address or CIDR. */
export function familyOf(address: string): Family {
  return address.includes(':') ? 'inet6' : 'inet';
}

/** An IPv4 or IPv6 address, in its canonical spelling after parsing. Host names are refused: they would be resolved once, on the director. */
export const Address = z.string({ error: 'expected an IPv4 or IPv6 address' }).transform((text, context) => {
  const address = canonicalAddress(text);
  if (address !== undefined) return address;
  context.addIssue({ code: 'custom', message: `'${text}' is not an IPv4 or IPv6 address` });
  return z.NEVER;
});
export type Address = z.output<typeof Address>;

/** An address that is already in its canonical spelling, as the model holds it. */
export const CanonicalAddress = z.string().refine((text) => canonicalAddress(text) === text, {
  error: (issue) => `'${String(issue.input)}' is not an IPv4 or IPv6 address in canonical spelling`,
});

/** A network that is already in its canonical spelling, as the model holds it. */
export const CanonicalCidr = z.string().refine((text) => canonicalCidr(text) === text, {
  error: (issue) => `'${String(issue.input)}' is not a network in canonical spelling such as 192.0.2.0/24`,
});

/**
 * Whether the kernel takes this address for a real server: it refuses the unspecified address, multicast, broadcast and
 * IPv6 link-local ones with "Invalid operation" (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_new_dest).
 */
export function isServerAddress(address: string): boolean {
  const range = ipaddr.parse(address).range();
  if (range === 'unspecified' || range === 'multicast' || range === 'broadcast') return false;
  return !(range === 'linkLocal' && familyOf(address) === 'inet6');
}

/** Whether the address is a multicast group. */
export function isMulticast(address: string): boolean {
  return ipaddr.parse(address).range() === 'multicast';
}

/**
 * The one spelling of a network: `192.0.2.0/24`, host bits cleared, always with a prefix length, as iptables-save
 * prints it. A bare address becomes /32 or /128.
 */
export function canonicalCidr(text: string): string | undefined {
  const [addressText = '', prefixText, ...rest] = text.split('/');
  const address = canonicalAddress(addressText);
  if (address === undefined || rest.length > 0) return undefined;
  const bits = familyOf(address) === 'inet' ? 32 : 128;
  if (prefixText === undefined) return `${address}/${bits}`;
  const prefix = prefixLength(prefixText, bits);
  if (prefix === undefined) return undefined;
  const bytes = ipaddr.parse(address).toByteArray();
  const kept = bytes.map((byte, i) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - i * 8))));
  const network = ipaddr.fromByteArray(kept);
  return `${network instanceof ipaddr.IPv6 ? formatIpv6(network) : network.toString()}/${prefix}`;
}

/** `24` or `255.255.255.0` to 24; undefined for a mask with holes. */
function prefixLength(text: string, bits: number): number | undefined {
  if (/^\d{1,3}$/.test(text)) return Number(text) <= bits ? Number(text) : undefined;
  if (bits === 128 || !CANONICAL_V4.test(text)) return undefined;
  return ipaddr.IPv4.parse(text).prefixLengthFromSubnetMask() ?? undefined;
}

/** An address or network in CIDR notation; canonical after parsing, e.g. `192.0.2.10/32`. */
export const Cidr = z
  .string({ error: 'expected an address or network such as 192.0.2.0/24' })
  .transform((text, context) => {
    const cidr = canonicalCidr(text);
    if (cidr !== undefined) return cidr;
    context.addIssue({ code: 'custom', message: `'${text}' is not an address or network such as 192.0.2.0/24` });
    return z.NEVER;
  });

/** `0.0.0.0/0` and `::/0` match everything: iptables drops them, so do we. */
export function isEverything(cidr: string): boolean {
  return cidr.endsWith('/0');
}

/** Whether a network in canonical notation holds an address. */
export function holdsAddress(cidr: string, address: string): boolean {
  return canonicalCidr(`${address}/${cidr.split('/')[1] ?? ''}`) === cidr;
}

/** A port, 0..65535. 0 means "every port" for a persistent service. */
export const Port = z
  .int({ error: (issue) => `${String(issue.input)} is not a port (0..65535)` })
  .min(0, { error: (issue) => `${String(issue.input)} is not a port (0..65535)` })
  .max(65535, { error: (issue) => `${String(issue.input)} is not a port (0..65535)` });

/** `192.0.2.1:80` or `[2001:db8::1]:80`. */
export function hostPort(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The inverse of {@link hostPort}; undefined unless address and port are written that way. */
export function parseHostPort(text: string): { address: string; port: number } | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match?.[3] === undefined) return undefined;
  const address = canonicalAddress(match[1] ?? match[2] ?? '');
  const port = Number(match[3]);
  if (address === undefined || port > 65535 || (match[1] !== undefined) !== address.includes(':')) return undefined;
  return { address, port };
}

/** Total order over canonical addresses: IPv4 before IPv6, then by number. */
export function compareAddresses(a: string, b: string): number {
  if (a === b) return 0;
  const [familyA, familyB] = [familyOf(a), familyOf(b)];
  if (familyA !== familyB) return familyA === 'inet' ? -1 : 1;
  // Tables have thousands of IPv4 addresses, and sorting is most of what is done to them.
  if (familyA === 'inet') return ipv4Number(a) - ipv4Number(b);
  const [bytesA, bytesB] = [ipaddr.parse(a).toByteArray(), ipaddr.parse(b).toByteArray()];
  const at = bytesA.findIndex((byte, i) => byte !== bytesB[i]);
  return (bytesA[at] ?? 0) - (bytesB[at] ?? 0);
}

function ipv4Number(address: string): number {
  let number = 0;
  let byte = 0;
  for (let at = 0; at < address.length; at += 1) {
    const character = address.charCodeAt(at);
    if (character === DOT) [number, byte] = [number * 256 + byte, 0];
    else byte = byte * 10 + character - ZERO;
  }
  return number * 256 + byte;
}

const DOT = '.'.charCodeAt(0);
const ZERO = '0'.charCodeAt(0);
