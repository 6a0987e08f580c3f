import { parseTotals, totalsScript } from '../dialect';
import type { ConnectionTotals } from '../model';
import type { DirectorAccess } from './fetch';

/** How many connections each service of a director has taken so far. @throws TransportError, ParseError */
export async function readTotals(access: DirectorAccess): Promise<ConnectionTotals> {
  const nonce = access.nonce();
  const { stdout } = await access.runner.run(totalsScript({ nonce, sudo: access.sudo }));
  return parseTotals(stdout, nonce, access.name);
}
