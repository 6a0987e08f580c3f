/** The values that listings and saved rules are made of. All of them call {@link misread} on what they don't know. */
import {
  canonicalFlags,
  canonicalNetmask,
  type Family,
  flagBit,
  hostPort,
  MAX_THRESHOLD,
  MAX_TIMEOUT_SECONDS,
  MAX_WEIGHT,
  parseHostPort,
  type SchedulerFlag,
  SchedulerName,
} from '../model';
import { misread } from './text';

const MAX_MARK = 4294967295;

/** A decimal number inside its range. */
export function readNumber(text: string, what: string, min: number, max: number): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (!(number >= min && number <= max)) misread(`'${text}' is not a ${what} (${min}..${max})`);
  return number;
}

export const readPort = (text: string, what = 'port'): number => readNumber(text, what, 0, 65535);
export const readWeight = (text: string): number => readNumber(text, 'weight', 0, MAX_WEIGHT);
export const readThreshold = (text: string): number => readNumber(text, 'threshold', 0, MAX_THRESHOLD);
export const readTimeout = (text: string): number => readNumber(text, 'timeout in seconds', 1, MAX_TIMEOUT_SECONDS);

/** `192.0.2.1:80` or `[2001:db8::1]:80`. */
export function readHostPort(text: string): { address: string; port: number } {
  const found = parseHostPort(text);
  if (found !== undefined) return found;
  const name = /^(?:\[[^\]]*\]|[^:]*):[A-Za-z][\w-]*$/.test(text) || /^[A-Za-z][\w.-]*(?::\d+)?$/.test(text);
  if (name) misread(`'${text}' has names instead of numbers`, 'list with -n: ipvsadm -Sn or ipvsadm -Ln');
  return misread(`'${text}' is not an address and port such as 192.0.2.1:80 or [2001:db8::1]:80`);
}

/** Every release up to 1.31 prints marks from 2147483648 up as negative numbers and can't restore them. */
export function readMark(text: string): number {
  if (/^-\d+$/.test(text)) {
    misread(
      `firewall mark ${text} is ${Number(text) + MAX_MARK + 1}, which ipvsadm up to 1.31 can't list or restore`,
      'give that service a mark below 2147483648',
    );
  }
  return readNumber(text, 'firewall mark', 1, MAX_MARK);
}

export function readScheduler(text: string): string {
  const name = SchedulerName.safeParse(text);
  return name.success ? name.data : misread(`'${text}' is not a scheduler name`);
}

export function readEngine(text: string): string {
  return /^[A-Za-z][\w-]*$/.test(text) ? text : misread(`'${text}' is not a persistence engine`);
}

/**
 * `sh-fallback,sh-port`. Nothing at all is what ipvsadm 1.30 and later print for `sh` and `mh` services that have only
 * the third flag: it knows no name for it.
 */
export function readFlags(scheduler: string, text: string): SchedulerFlag[] {
  if (text === '') return canonicalFlags(scheduler, ['flag-3']);
  const flags = text.split(',').filter((flag) => flag !== '');
  const unknown = flags.find((flag) => flagBit(scheduler, flag) < 0);
  if (unknown !== undefined) misread(`scheduler ${scheduler} has no flag '${unknown}'`);
  return canonicalFlags(scheduler, flags);
}

/** As `-M` takes it: dotted quad for IPv4, prefix length for IPv6. */
export function readNetmask(text: string, family: Family): string {
  const netmask = canonicalNetmask(text, family);
  if (netmask === text) return netmask;
  return misread(
    `'${text}' is not a netmask for ${family === 'inet' ? 'IPv4' : 'IPv6'}`,
    family === 'inet' ? `write a dotted quad: ipvsadm takes ${text} for the address 0.0.0.${text}` : undefined,
  );
}

/** Reads addresses with their ports; a table names the same ones over and over. */
export function hostPortReader(): (text: string) => { address: string; port: number; text: string } {
  const known = new Map<string, { address: string; port: number; text: string }>();
  return (text) => {
    const seen = known.get(text);
    if (seen !== undefined) return seen;
    const { address, port } = readHostPort(text);
    const read = { address, port, text: hostPort(address, port) };
    known.set(text, read);
    return read;
  };
}
