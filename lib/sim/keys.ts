import { utils } from 'ssh2';

/** A key pair in OpenSSH's format. */
export interface KeyPair {
  private: string;
  /** `ssh-ed25519 AAAA…`. */
  public: string;
}

/**
 * A new ed25519 pair. ssh2 (1.17) writes a malformed key when a number in it happens to start with a zero byte, about
 * once in a hundred times: such a pair is thrown away.
 */
export function newKeyPair(): KeyPair {
  for (;;) {
    const pair = utils.generateKeyPairSync('ed25519');
    if (isSound(pair)) return { private: pair.private, public: pair.public.trim() };
  }
}

function isSound(pair: KeyPair): boolean {
  const [secret, open] = [utils.parseKey(pair.private), utils.parseKey(pair.public)];
  if (secret instanceof Error || open instanceof Error) return false;
  const proof = secret.sign('proof');
  return !(proof instanceof Error) && open.verify('proof', proof);
}
