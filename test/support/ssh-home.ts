/** A home directory of its own for a test of SSH, so that nobody's real keys and known_hosts are used. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createSshConnector, type SshOptions } from '../../lib/transport';
import type { KeyPair } from './ssh-server';

export interface SshHome {
  path: string;
  /** Writes a file below ~/.ssh and returns its path. */
  write(name: string, text: string): string;
  /** Writes a key pair, `name` and `name.pub`. */
  writeKey(name: string, key: KeyPair): string;
  env: Record<string, string>;
  connector(options?: SshOptions): ReturnType<typeof createSshConnector>;
  remove(): void;
}

export function makeSshHome(): SshHome {
  const path = mkdtempSync(join(tmpdir(), 'lvsform-home-'));
  const env = { HOME: path };
  const write = (name: string, text: string): string => {
    const file = join(path, '.ssh', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { mode: 0o600 });
    return file;
  };
  return {
    path,
    write,
    writeKey: (name, key) => {
      write(`${name}.pub`, `${key.public} ${name}\n`);
      return write(name, key.private);
    },
    env,
    connector: (options = {}) => createSshConnector({ env, ...options }),
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
  };
}
