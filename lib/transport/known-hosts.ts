/** known_hosts files: reading them, and judging the key a server presents. Format: sshd(8), SSH_KNOWN_HOSTS FILE FORMAT. */
import { createHmac } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { isPattern, matchesPatterns } from './patterns';

/** One usable line of a known_hosts file. */
export interface KnownKey {
  /** E.g. `ssh-ed25519`. */
  type: string;
  /** The key in base64, as the file has it. */
  key: string;
  /** Marked @revoked: must never be accepted. */
  revoked: boolean;
  file: string;
  /** From 1. */
  line: number;
}

/** A known_hosts file, indexed: a fleet looks up hundreds of names. */
export interface KnownHosts {
  exact: Map<string, KnownKey[]>;
  patterns: { patterns: string[]; key: KnownKey }[];
  hashed: { salt: Buffer; hash: string; key: KnownKey }[];
}

/**
 * Reads a known_hosts file. Lines that are not a host key are passed over, as OpenSSH does: less is known then, and what is
 * not known is refused. Certificate authorities are among them: host certificates are not offered by our SSH library.
 */
export function parseKnownHosts(text: string, file: string): KnownHosts {
  const hosts: KnownHosts = { exact: new Map(), patterns: [], hashed: [] };
  for (const [index, raw] of text.split('\n').entries()) {
    const match = /^\s*(?:(@\S+)\s+)?([^\s#@]\S*)\s+([a-z][\w.@-]*)\s+([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(raw);
    if (!match?.[2] || !match[3] || !match[4]) continue;
    const marker = match[1];
    if (marker !== undefined && marker !== '@revoked') continue;
    add(hosts, match[2], {
      type: match[3],
      key: match[4],
      revoked: marker === '@revoked',
      file,
      line: index + 1,
    });
  }
  return hosts;
}

function add(hosts: KnownHosts, names: string, key: KnownKey): void {
  const hashed = /^\|1\|([^|]+)\|([^|]+)$/.exec(names);
  if (hashed?.[1] !== undefined && hashed[2] !== undefined) {
    hosts.hashed.push({ salt: Buffer.from(hashed[1], 'base64'), hash: hashed[2], key });
    return;
  }
  const patterns = names.toLowerCase().split(',');
  if (patterns.some(isPattern)) hosts.patterns.push({ patterns, key });
  else for (const name of patterns) hosts.exact.set(name, [...(hosts.exact.get(name) ?? []), key]);
}

function keysOf(files: readonly KnownHosts[], name: string): KnownKey[] {
  return files.flatMap((hosts) => [
    ...(hosts.exact.get(name) ?? []),
    ...hosts.patterns.filter((entry) => matchesPatterns(name, entry.patterns)).map((entry) => entry.key),
    ...hosts.hashed
      .filter((entry) => createHmac('sha1', entry.salt).update(name).digest('base64') === entry.hash)
      .map((entry) => entry.key),
  ]);
}

/** What known_hosts files call a server: `host`, or `[host]:port` when the port is not 22. */
export function knownHostsName(host: string, port: number): string {
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

/** What is known about one server. */
export interface Known {
  keys: KnownKey[];
  /** Keys of the same host on port 22: OpenSSH accepts them when the port itself is unknown. */
  portless: KnownKey[];
}

/** Looks a server up in all files. An alias (HostKeyAlias) is looked up as it is, without a port. */
export function lookUpKeys(files: readonly KnownHosts[], server: { name: string; port: number | undefined }): Known {
  const { name, port } = server;
  if (port === undefined || port === 22) return { keys: keysOf(files, name.toLowerCase()), portless: [] };
  return { keys: keysOf(files, knownHostsName(name, port)), portless: keysOf(files, name.toLowerCase()) };
}

export type Verdict =
  | { is: 'trusted' }
  /** No key of this type is known; `others` are known under other types. */
  | { is: 'unknown'; others: KnownKey[] }
  /** Another key of this type is known. */
  | { is: 'changed'; known: KnownKey }
  | { is: 'revoked'; known: KnownKey };

/** Judges the key a server presented. */
export function judgeHostKey(known: Known, type: string, key: Buffer): Verdict {
  const base64 = key.toString('base64');
  const same = (entry: KnownKey): boolean => entry.key === base64;
  const revoked = [...known.keys, ...known.portless].find((entry) => entry.revoked && same(entry));
  if (revoked !== undefined) return { is: 'revoked', known: revoked };
  const valid = known.keys.filter((entry) => !entry.revoked);
  if (valid.some(same)) return { is: 'trusted' };
  const changed = valid.find((entry) => entry.type === type);
  if (changed !== undefined) return { is: 'changed', known: changed };
  if (known.portless.some(same)) return { is: 'trusted' };
  return { is: 'unknown', others: valid };
}

/** Signature algorithms a host key type can be asked for with, in the order our SSH library prefers them. */
const ALGORITHMS: readonly { type: string; algorithms: readonly ServerHostKeyAlgorithm[] }[] = [
  { type: 'ssh-ed25519', algorithms: ['ssh-ed25519'] },
  { type: 'ecdsa-sha2-nistp256', algorithms: ['ecdsa-sha2-nistp256'] },
  { type: 'ecdsa-sha2-nistp384', algorithms: ['ecdsa-sha2-nistp384'] },
  { type: 'ecdsa-sha2-nistp521', algorithms: ['ecdsa-sha2-nistp521'] },
  { type: 'ssh-rsa', algorithms: ['rsa-sha2-512', 'rsa-sha2-256', 'ssh-rsa'] },
];

/**
 * The host key algorithms to ask for: those of known keys first, or a server that has several keys would show one we
 * don't know. The rest follow, so that a server whose key changed is told apart from one that can't be talked to.
 *
 * @returns undefined when the library's own order is as good, which spares it work.
 */
export function hostKeyAlgorithms(knownTypes: readonly string[]): ServerHostKeyAlgorithm[] | undefined {
  const known = ALGORITHMS.filter((entry) => knownTypes.includes(entry.type));
  const others = ALGORITHMS.filter((entry) => !knownTypes.includes(entry.type));
  if (known.length === 0 || known[0] === ALGORITHMS[0]) return undefined;
  return [...known, ...others].flatMap((entry) => entry.algorithms);
}
