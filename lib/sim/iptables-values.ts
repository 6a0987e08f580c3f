/** Values of iptables' options, as it reads and prints them. */
import { canonicalCidr, type Family } from '../model';
import { inetPton6 } from './address';
import { portOf } from './services';

/** xtables' "parameter problem", exit 2. */
export class ParameterError extends Error {
  /** `Bad argument` alone comes without the program's version. */
  readonly bare: boolean = false;
}

export class BadArgument extends ParameterError {
  override readonly bare = true;
}

export type Resolve = (host: string) => string | undefined;

const MAX_MULTIPORT = 15;

export function bad(message: string): never {
  throw new ParameterError(message);
}

/** Comma-separated addresses, networks or names; everything is the empty text. */
export function networks(list: string, family: Family, resolve: Resolve): string[] {
  return list.split(',').map((text) => {
    const [host = '', mask] = text.split('/');
    const address = family === 'inet6' ? inetPton6(host) : quad(host, mask !== undefined);
    const found = address ?? resolve(host);
    if (found?.includes(':') !== (family === 'inet6')) return bad(`host/network \`${host}' not found`);
    const cidr = canonicalCidr(mask === undefined ? found : `${found}/${mask}`);
    if (cidr === undefined) return bad(`invalid mask \`${mask ?? ''}' specified`);
    return cidr.endsWith('/0') ? '' : cidr;
  });
}

/** Four decimal parts; a network may leave out zeros at the end (`10/8`). */
function quad(text: string, isNetwork: boolean): string | undefined {
  const parts = text.split('.');
  if (parts.length > 4 || (parts.length < 4 && !isNetwork)) return undefined;
  if (!parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined;
  return [...parts.map(Number), 0, 0, 0].slice(0, 4).join('.');
}

function port(text: string, protocol: string): number {
  const value = /^\d+$/.test(text) ? Number(text) : portOf(text, protocol);
  if (value === undefined || value > 65535) return bad(`invalid port/service \`${text}' specified`);
  return value;
}

/** One port or a range, each end of which may be left out; only udp lets it be upside down. */
export function portRange(text: string, protocol: string): string {
  const [first = '', last] = text.split(':');
  const low = first === '' ? 0 : port(first, protocol);
  if (last === undefined) return String(low);
  const high = last === '' ? 65535 : port(last, protocol);
  if (low > high && protocol !== 'udp') bad('invalid portrange (min > max)');
  return low === high ? String(low) : `${low}:${high}`;
}

/** What multiport takes. */
export function portList(text: string, protocol: string): string {
  let slots = 0;
  const listed = text.split(',').map((part) => {
    const [first = '', last] = part.split(':');
    slots += last === undefined ? 1 : 2;
    if (slots > MAX_MULTIPORT) bad('too many ports specified');
    const low = port(first, protocol);
    if (last === undefined) return String(low);
    const high = port(last, protocol);
    if (low >= high) bad('invalid portrange specified');
    return `${low}:${high}`;
  });
  return listed.join(',');
}

export const hex = (value: number): string => `0x${value.toString(16)}`;

/** `value[/mask]` of an extension's option. */
export function maskedNumber(extension: string, option: string, text: string): { value: number; mask: number } {
  const [value, mask] = text.split('/').map((part) => unsigned(part));
  const masked = text.includes('/');
  if (value === undefined || (masked && mask === undefined))
    return bad(`${extension}: bad integer value for option "${option}", or out of range.\n`);
  return { value, mask: mask ?? 0xffffffff };
}

/** `strtoul(3)` with base 0, up to 32 bits. */
function unsigned(text: string): number | undefined {
  if (!/^(?:0[xX][0-9a-fA-F]+|\d+)$/.test(text)) return undefined;
  const value = /^0[0-7]+$/.test(text) ? parseInt(text, 8) : Number(text);
  return value <= 0xffffffff ? value : undefined;
}

/** As `xtables_save_string` quotes. */
export function saveString(text: string): string {
  return /^[A-Za-z0-9_-]+$/.test(text) ? text : `"${text.replace(/["\\']/g, '\\$&')}"`;
}
