import { type Facts, factsOf, fetchScript, parseFetch, parseLive, TornReadError } from '../dialect';
import { LvsformError, TransportError, type LiveDirector } from '../model';
import type { Runner } from '../transport/runner';

/** How to talk to one director's tools. */
export interface DirectorAccess {
  name: string;
  sudo: boolean;
  runner: Runner;
  /** Fresh hex digits for every script, so that no listing can contain them. */
  nonce: () => string;
}

/** A listing is not a snapshot: ipvsadm asks for services, then for each one's servers. A torn one is read again. */
const READS = 4;

/** Versions and the like, read once per director and run: half of the processes that a reading starts on the director. */
const factsByRunner = new WeakMap<Runner, Facts>();

/** A second connection to the same director need not read again what stands still. */
export function shareFacts(from: Runner, to: Runner): void {
  const facts = factsByRunner.get(from);
  if (facts !== undefined) factsByRunner.set(to, facts);
}

/**
 * Reads everything about a director in one remote execution and parses it.
 *
 * @param chain name of our chain of mark rules
 * @param keptFor token of the lock it is read under: the director keeps the reading for the undo of what is planned from it
 * @throws TransportError, ParseError
 */
export async function fetchLive(access: DirectorAccess, chain: string, keptFor?: string): Promise<LiveDirector> {
  for (let read = 1; ; read++) {
    try {
      return await readOnce(access, chain, keptFor);
    } catch (error) {
      if (!(error instanceof TornReadError) || read === READS) throw error;
    }
  }
}

async function readOnce(access: DirectorAccess, chain: string, keptFor?: string): Promise<LiveDirector> {
  const nonce = access.nonce();
  const facts = factsByRunner.get(access.runner);
  const scope = facts === undefined ? 'everything' : 'tables';
  const result = await access.runner.run(fetchScript({ nonce, sudo: access.sudo }, scope, keptFor));
  if (!result.stdout.includes(`@@${nonce} end`)) {
    const words = (result.stderr || result.stdout).trim().split('\n').at(-1) ?? '';
    throw new TransportError(
      'command-failed',
      access.name,
      `the director does not run our reading script (exit code ${String(result.code)}): ${words}`,
      {
        hint: 'the login needs a POSIX shell: lvsform runs sh -c … over SSH',
      },
    );
  }
  try {
    const parts = parseFetch(result.stdout, nonce, facts);
    const live = parseLive(parts, access.name, chain);
    factsByRunner.set(access.runner, factsOf(parts));
    return live;
  } catch (error) {
    if (error instanceof LvsformError) throw error;
    throw new TransportError('command-failed', access.name, 'its listings could not be read', { cause: error });
  }
}
