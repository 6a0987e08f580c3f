import { controllersScript, parseControllers } from '../dialect';
import type { DirectorAccess } from './fetch';

/** Programs on a director that are known to write IPVS tables. @throws TransportError */
export async function readControllers(access: DirectorAccess): Promise<string[]> {
  const nonce = access.nonce();
  const { stdout } = await access.runner.run(controllersScript({ nonce, sudo: access.sudo }));
  return parseControllers(stdout);
}
