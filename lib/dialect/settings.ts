/** The short listings beside the table: timeouts, sync daemons, versions. */
import { canonicalAddress, ParseError, type SyncDaemon, SyncRole, type Timeouts } from '../model';
import { misread, readLines } from './text';
import { readNumber } from './values';

/** A listing that is one line. */
function readOneLine<Value>(listing: string, text: string, read: (line: string) => Value): Value {
  const values: Value[] = [];
  readLines(listing, text, (line) => {
    if (values.length > 0) misread('expected one line only');
    values.push(read(line.trim()));
  });
  const [value] = values;
  if (value === undefined) throw new ParseError(listing, 1, text, 'expected one line, got nothing');
  return value;
}

/** Reads `Timeout (tcp tcpfin udp): 900 120 300`. @throws ParseError */
export function parseTimeouts(text: string): Timeouts {
  return readOneLine('ipvsadm -L --timeout', text, (line) => {
    const [, tcp, fin, udp] = /^Timeout \(tcp tcpfin udp\): (\d+) (\d+) (\d+)$/.exec(line) ?? [];
    if (tcp === undefined || fin === undefined || udp === undefined)
      return misread('expected a line such as "Timeout (tcp tcpfin udp): 900 120 300"');
    return { tcpSeconds: Number(tcp), tcpFinSeconds: Number(fin), udpSeconds: Number(udp) };
  });
}

const DAEMON =
  /^(master|backup) sync daemon \(mcast=([^\s,]+), syncid=(\d+)(?:, maxlen=(\d+), group=([0-9a-f.:]+), port=(\d+), ttl=(\d+))?\)$/;

/**
 * Reads `ipvsadm -L --daemon`; nothing at all means that no daemon runs. 1.27 and 1.28 show interface and sync id only.
 * 1.27 prints a master twice and a backup never.
 *
 * @throws ParseError
 */
export function parseDaemons(text: string): SyncDaemon[] {
  const daemons = new Map<string, SyncDaemon>();
  const lines = new Set<string>();
  readLines('ipvsadm -L --daemon', text, (line) => {
    if (lines.has(line)) return;
    lines.add(line);
    const daemon = readDaemon(line.trim());
    if (daemons.has(daemon.role)) misread(`the ${daemon.role} daemon is listed twice`);
    daemons.set(daemon.role, daemon);
  });
  return [...daemons.values()];
}

function readDaemon(line: string): SyncDaemon {
  const [, role, name, syncId, maxLength, group, port, ttl] = DAEMON.exec(line) ?? [];
  if (name === undefined || syncId === undefined) return misread('not a sync daemon');
  const known = { role: SyncRole.parse(role), interface: name, syncId: readNumber(syncId, 'sync id', 0, 255) };
  if (maxLength === undefined || group === undefined)
    return { ...known, maxLength: null, group: null, port: null, ttl: null };
  return {
    ...known,
    maxLength: Number(maxLength),
    group: canonicalAddress(group) ?? misread(`'${group}' is not an address`),
    port: Number(port),
    ttl: Number(ttl),
  };
}

/** `1.31` of `ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)`. @throws ParseError */
export function parseVersion(text: string): string {
  return readOneLine(
    'ipvsadm --version',
    text,
    (line) =>
      /^ipvsadm v(\d+\.\d+)\S* .*\(compiled with \w+ and IPVS v[\d.]+\)$/.exec(line)?.[1] ??
      misread('expected a line such as "ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)"'),
  );
}

/**
 * Which iptables answers to `iptables --version`: releases before 1.8 know only what later ones call legacy.
 *
 * @throws ParseError
 */
export function parseIptablesVersion(text: string): 'nft' | 'legacy' {
  return readOneLine('iptables --version', text, (line) => {
    const [found, name] = /^ip6?tables v\d+\.\d+\S*(?: \((nf_tables|legacy)\))?$/.exec(line) ?? [];
    if (found === undefined) misread('expected a line such as "iptables v1.8.9 (nf_tables)"');
    return name === 'nf_tables' ? 'nft' : 'legacy';
  });
}
