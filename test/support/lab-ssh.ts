/** How lab directors are reached by somebody who has never heard of the lab: an SSH configuration. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabDirector } from '../lab/lab';

/** Writes `ssh_config` and `known_hosts` for directors by host name into a folder. @returns path of the configuration */
export function writeSshConfig(
  folder: string,
  directors: Readonly<Record<string, LabDirector>>,
  user = 'lvsform',
): string {
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(
    knownHosts,
    Object.values(directors)
      .map((director) => `${director.knownHosts}\n`)
      .join(''),
  );
  const hosts = Object.entries(directors).map(([name, { host, port, identityFile }]) =>
    [
      `Host ${name}`,
      `  HostName ${host}`,
      `  Port ${port}`,
      `  User ${user}`,
      `  IdentityFile ${identityFile}`,
      '  IdentitiesOnly yes',
      `  UserKnownHostsFile ${knownHosts}`,
      '',
    ].join('\n'),
  );
  const config = join(folder, 'ssh_config');
  writeFileSync(config, hosts.join('\n'));
  return config;
}
