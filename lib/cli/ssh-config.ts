import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Simulated directors, as far as SSH is concerned. */
interface Simulated {
  directors: readonly { name: string; host: string; port: number; user: string; identityFile: string }[];
  knownHosts: string;
}

/**
 * Writes an SSH configuration under which simulated directors answer to `lb1` and to `lb1.example.net`. Key and
 * known_hosts are copied beside it, so that they outlive the simulator's own temporary files.
 *
 * @returns path of the configuration
 */
export function writeSshConfig(dir: string, sim: Simulated): string {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const identity = join(dir, 'id');
  const knownHosts = join(dir, 'known_hosts');
  const first = sim.directors[0];
  if (first !== undefined) copyFileSync(first.identityFile, identity);
  copyFileSync(sim.knownHosts, knownHosts);
  const hosts = sim.directors.map(({ name, host, port, user }) =>
    [
      `Host ${name} ${name}.example.net`,
      `  HostName ${host}`,
      `  Port ${port}`,
      `  User ${user}`,
      `  IdentityFile "${identity}"`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile "${knownHosts}"`,
      '',
    ].join('\n'),
  );
  const config = join(dir, 'ssh_config');
  writeFileSync(config, hosts.join('\n'), { mode: 0o600 });
  return config;
}
