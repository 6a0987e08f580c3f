/** The file that RevokedHostKeys of an SSH configuration names: ssh_config(5). */

/** What marks a key revocation list, the binary kind of such a file (PROTOCOL.krl). */
const BINARY = 'SSHKRL\n';

/**
 * Reads public keys, one per line, as base64. Another line is an error: passing it over could trust a key that it revokes.
 *
 * @throws Error saying what is wrong
 */
export function parseRevokedKeys(text: string): ReadonlySet<string> {
  if (text.startsWith(BINARY)) throw new Error('a binary list (KRL), of which nothing is read here');
  const keys = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(?:#|$)/.test(line)) continue;
    const [, key] = /^\s*[a-z][\w.@-]*\s+([A-Za-z0-9+/]+={0,2})(?:\s|$)/.exec(line) ?? [];
    if (key === undefined) throw new Error(`line ${index + 1} is not a public key`);
    keys.add(key);
  }
  return keys;
}
