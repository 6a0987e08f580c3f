import { parseStats, statsScript } from '../dialect';
import type { Stats } from '../model';
import type { DirectorAccess } from './fetch';

/** What has passed every service and its real servers so far. @throws TransportError, ParseError */
export async function readStats(access: DirectorAccess): Promise<Stats> {
  const nonce = access.nonce();
  const { stdout } = await access.runner.run(statsScript({ nonce, sudo: access.sudo }));
  return parseStats(stdout, nonce, access.name);
}
