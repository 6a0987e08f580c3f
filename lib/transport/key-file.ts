import type * as Library from 'ssh2';
import type { ParsedKey } from 'ssh2';

/** The library, loaded when first needed: it takes a while. */
export type Ssh2 = typeof Library;

/** What is in a file that IdentityFile names. Encrypted keys are used through an agent only: nothing asks for a passphrase. */
export type KeyFile =
  | { is: 'private'; key: ParsedKey; publicKey: Buffer }
  | { is: 'encrypted'; publicKey: Buffer | undefined }
  | { is: 'public'; publicKey: Buffer }
  | { is: 'unusable'; reason: string };

/** Reads a private key (OpenSSH, PEM) or a public one (whose private half an agent holds). */
export function parseKeyFile(ssh2: Ssh2, text: string): KeyFile {
  if (isEncrypted(text)) return { is: 'encrypted', publicKey: readOpenSshHeader(text)?.publicKey };
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) return { is: 'unusable', reason: parsed.message };
  // The library says one key and means one, or for some formats an array with one.
  const [key] = [parsed].flat();
  if (key === undefined) return { is: 'unusable', reason: 'no key in it' };
  const publicKey = key.getPublicSSH();
  return key.isPrivateKey() ? { is: 'private', key, publicKey } : { is: 'public', publicKey };
}

function isEncrypted(text: string): boolean {
  if (/^-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(text)) return true;
  return (readOpenSshHeader(text)?.cipher ?? 'none') !== 'none';
}

const MAGIC = 'openssh-key-v1\0';

/** The clear part of an OpenSSH private key file (PROTOCOL.key): magic, cipher, kdf, kdf options, count, public key. */
function readOpenSshHeader(text: string): { cipher: string; publicKey: Buffer } | undefined {
  const body = /-----BEGIN OPENSSH PRIVATE KEY-----([\s\S]*?)-----END/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const data = Buffer.from(body, 'base64');
  if (data.toString('latin1', 0, MAGIC.length) !== MAGIC) return undefined;
  let at = MAGIC.length;
  const next = (): Buffer => {
    const length = at + 4 <= data.length ? data.readUInt32BE(at) : 0;
    const field = data.subarray(at + 4, at + 4 + length);
    at += 4 + length;
    return field;
  };
  const cipher = next().toString('latin1');
  next();
  next();
  at += 4;
  return { cipher, publicKey: next() };
}
