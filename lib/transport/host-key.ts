/** Whether to trust the key a server presents, and what to say when not. */
import { createHash } from 'node:crypto';
import type { ServerHostKeyAlgorithm } from 'ssh2';
import { Failure } from './failure';
import { hostKeyAlgorithms, judgeHostKey, type Known, type KnownKey, knownHostsName, lookUpKeys } from './known-hosts';
import type { KnownHosts } from './known-hosts';
import type { Hop } from './route';

/** `SHA256:…`, as ssh-keygen -l prints it. */
export function fingerprint(key: Buffer | string): string {
  const blob = typeof key === 'string' ? Buffer.from(key, 'base64') : key;
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

/** The type a key blob names in its first field, e.g. `ssh-ed25519`. */
export function keyType(key: Buffer): string {
  const length = key.length < 4 ? 0 : key.readUInt32BE(0);
  return key.toString('latin1', 4, 4 + length);
}

/** Decides about the keys of one hop. */
export interface HostKeyCheck {
  /** What to ask the server for; undefined for the library's own order. */
  algorithms: ServerHostKeyAlgorithm[] | undefined;
  /** @returns undefined when the key is trusted. */
  judge: (key: Buffer) => Failure | undefined;
}

/**
 * A key given on the Director is the only one accepted; otherwise known_hosts decides. Revoked ones are refused either way.
 *
 * @param revoked keys in base64
 */
export function checkHostKey(hop: Hop, files: readonly KnownHosts[], revoked: ReadonlySet<string>): HostKeyCheck {
  const { algorithms, judge } = hop.hostKey === undefined ? checkKnownKey(hop, files) : checkGivenKey(hop, hop.hostKey);
  const judgeUnlessRevoked = (key: Buffer): Failure | undefined =>
    revoked.has(key.toString('base64')) ? revokedKey(hop, key, `${hop.revokedHostKeysFile ?? ''} revokes`) : judge(key);
  return { algorithms, judge: judgeUnlessRevoked };
}

function checkKnownKey(hop: Hop, files: readonly KnownHosts[]): HostKeyCheck {
  const known = lookUpKeys(files, hop.knownAs);
  const valid = [...known.keys, ...known.portless].filter((entry) => !entry.revoked);
  return {
    algorithms: hostKeyAlgorithms(valid.map((entry) => entry.type)),
    judge: (key) => judgeKnown(hop, known, key),
  };
}

function checkGivenKey(hop: Hop, hostKey: string): HostKeyCheck {
  const [type = '', base64 = ''] = hostKey.split(' ');
  return {
    algorithms: hostKeyAlgorithms([type]),
    judge: (key) => {
      if (key.equals(Buffer.from(base64, 'base64'))) return undefined;
      return new Failure(
        'host-key',
        `HOST KEY MISMATCH: ${hop.label} presents ${keyType(key)} ${fingerprint(key)}, but the Director's hostKey is ${type} ${fingerprint(base64)}. Somebody may be in the middle. Nothing was sent`,
        "if the director was reinstalled, compare the new fingerprint on its console and change 'hostKey' on the Director",
      );
    },
  };
}

function judgeKnown(hop: Hop, known: Known, key: Buffer): Failure | undefined {
  const type = keyType(key);
  const verdict = judgeHostKey(known, type, key);
  switch (verdict.is) {
    case 'trusted':
      return undefined;
    case 'unknown':
      return new Failure('host-key', unknownKey(hop, type, key, verdict.others), howToAdd(hop, type, key));
    case 'changed':
      return new Failure(
        'host-key',
        `HOST KEY MISMATCH: ${hop.label} presents ${type} ${fingerprint(key)}, but ${where(verdict.known)} has ${fingerprint(verdict.known.key)}. Somebody may be in the middle. Nothing was sent`,
        `if the host was reinstalled, compare the new fingerprint on its console and replace ${where(verdict.known)}`,
      );
    case 'revoked':
      return revokedKey(hop, key, `${where(verdict.known)} marks @revoked`);
  }
}

function revokedKey(hop: Hop, key: Buffer, how: string): Failure {
  return new Failure(
    'host-key',
    `HOST KEY REVOKED: ${hop.label} presents ${keyType(key)} ${fingerprint(key)}, which ${how}. Nothing was sent`,
    'give the host a new key',
  );
}

const where = (known: KnownKey): string => `${known.file}:${known.line}`;

function unknownKey(hop: Hop, type: string, key: Buffer, others: readonly KnownKey[]): string {
  const known = others.map((other) => `${other.type} (${where(other)})`).join(', ');
  const beside = known === '' ? '' : `; known under another type: ${known}`;
  return `the host key of ${hop.label} is not known: ${type} ${fingerprint(key)}${beside}`;
}

/** Host keys are always verified, whatever StrictHostKeyChecking says: this is how to make a key known. */
function howToAdd(hop: Hop, type: string, key: Buffer): string {
  const { name, port } = hop.knownAs;
  const line = `${port === undefined ? name : knownHostsName(name, port)} ${type} ${key.toString('base64')}`;
  const lines = [
    `compare the fingerprint on the host (ssh-keygen -lf /etc/ssh/ssh_host_${shortType(type)}_key.pub), then add this line to ${hop.userKnownHostsFiles[0] ?? '~/.ssh/known_hosts'}:`,
    line,
  ];
  if (!hop.isJump) {
    lines.push('or give it on the Director:', `hostKey: '${type} ${key.toString('base64')}'`);
  }
  return lines.join('\n');
}

function shortType(type: string): string {
  return type.startsWith('ecdsa') ? 'ecdsa' : type.replace(/^ssh-/, '').replace('dss', 'dsa');
}
