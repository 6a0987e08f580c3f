import { parseStats, statsScript } from '../dialect';
import { type ServiceCounters, TransportError } from '../model';
import type { DirectorAccess } from './fetch';

/** What has passed every service and its real servers. @throws TransportError, ParseError */
export async function readStats(access: DirectorAccess): Promise<Record<string, ServiceCounters>> {
  const nonce = access.nonce();
  const { stdout, stderr } = await access.runner.run(statsScript({ nonce, sudo: access.sudo }));
  const stats = parseStats(stdout, nonce);
  if (stats !== undefined) return stats;
  throw new TransportError('command-failed', access.name, `its counters can not be listed: ${stderr.trim()}`, {
    hint: 'the sudoers file of docs/directors.md allows it: ipvsadm -Ln --stats --exact',
  });
}
