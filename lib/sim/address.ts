/** Addresses as libc and the kernel see them, oddities included. */
import { isIPv6 } from 'node:net';
import { canonicalAddress } from '../model';

const NUMBER = /^(?:0[xX][0-9a-fA-F]+|0[0-7]*|[1-9]\d*)$/;

/**
 * `inet_aton(3)`: one to four parts, each decimal, octal with a leading 0 or hexadecimal; the last part fills what is
 * left of the 32 bits (`192.0.2` is 192.0.0.2). What follows white space is ignored.
 *
 * @returns the dotted quad, undefined when the text is not an address.
 */
export function inetAton(text: string): string | undefined {
  const parts = (/^[^\s]*/.exec(text)?.[0] ?? '').split('.');
  if (parts.length > 4 || !parts.every((part) => NUMBER.test(part))) return undefined;
  const numbers = parts.map((part) => (/^0[0-7]+$/.test(part) ? parseInt(part, 8) : Number(part)));
  const last = numbers.pop() ?? 0;
  if (numbers.some((number) => number > 255) || last >= 256 ** (4 - numbers.length)) return undefined;
  const value = numbers.reduce((sum, number, i) => sum + number * 256 ** (3 - i), last);
  return dottedQuad(value);
}

/** The 32-bit number as a dotted quad. */
export function dottedQuad(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
}

/** `inet_pton(AF_INET6)`, in the spelling `inet_ntop` gives back. */
export function inetPton6(text: string): string | undefined {
  return isIPv6(text) && !text.includes('%') ? canonicalAddress(text) : undefined;
}

type Words = [number, number, number, number];
/** Listings are sorted by words: each would be read thousands of times. */
const known = new Map<string, Words>();

/** The address as four 32-bit words the way `union nf_inet_addr` holds it: IPv4 uses the first one only. */
export function addressWords(address: string): Words {
  const words = known.get(address) ?? readWords(address);
  known.set(address, words);
  return words;
}

function readWords(address: string): Words {
  if (!address.includes(':')) {
    return [address.split('.').reduce((sum, part) => ((sum << 8) | Number(part)) >>> 0, 0), 0, 0, 0];
  }
  const bytes = ipv6Groups(address);
  const word = (i: number): number => (((bytes[2 * i] ?? 0) << 16) | (bytes[2 * i + 1] ?? 0)) >>> 0;
  return [word(0), word(1), word(2), word(3)];
}

function ipv6Groups(address: string): number[] {
  const hex = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_all, ...quad: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = quad.slice(0, 4).map(Number);
    return `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  });
  const [head = '', tail] = hex.split('::');
  const groups = (text: string): number[] => (text === '' ? [] : text.split(':').map((group) => parseInt(group, 16)));
  const [left, right] = [groups(head), groups(tail ?? '')];
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right];
}

/**
 * Whether the kernel takes the address for a real server: `inet_addr_type` is unicast or local, `ipv6_addr_type` has
 * the unicast bit and is not link-local.
 */
export function isUnicast(address: string): boolean {
  const [first, second, third, fourth] = addressWords(address);
  if (!address.includes(':')) return first !== 0 && first !== 0xffffffff && first >>> 28 !== 0xe;
  const linkLocal = first >>> 22 === 0xfe800000 >>> 22;
  const unspecified = first === 0 && second === 0 && third === 0 && fourth === 0;
  const mapped = first === 0 && second === 0 && third === 0xffff;
  return first >>> 24 !== 0xff && !linkLocal && !unspecified && !mapped;
}

/** Whether the address is a multicast group. */
export function isMulticastGroup(address: string): boolean {
  const [first] = addressWords(address);
  return address.includes(':') ? first >>> 24 === 0xff : first >>> 28 === 0xe;
}
