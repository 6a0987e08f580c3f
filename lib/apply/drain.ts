/** Waiting for connections to end. */
import { setTimeout as wait } from 'node:timers/promises';
import { drainInput, type DrainReading, drainScript, parseDrain } from '../dialect';
import { type ConnectionCount, type PlannedDrain, serviceId, type ServiceKey, TransportError } from '../model';
import type { DirectorAccess } from './fetch';

const POLL_MS = 1000;
/** So many readings in a row may fail, of any service: sudo or the kernel may be out of breath for a moment. */
const FAILED_READINGS = 10;
/** A listing is no snapshot: a real server is gone when so many in a row are without it. */
const ABSENT_READINGS = 3;

/** Real servers of one service that take no new connections and may keep those they have for a while. */
export interface Drain extends PlannedDrain {
  service: ServiceKey;
  servers: readonly string[];
}

export interface DrainProgress {
  /** Id of the service, without the director. */
  service: string;
  server: string;
  connections: number;
  /** What ended it; undefined while it goes on. */
  endedBy?: 'drained' | 'timeout';
}

export interface DrainHooks {
  onProgress?: (progress: readonly DrainProgress[]) => void;
  /** Gives up waiting; what is not drained then is not removed. */
  signal?: AbortSignal;
}

/**
 * Polls until every server has few enough connections or its time is up. Where connections could not be counted nothing
 * is decided, also not by the time: a server is never removed because of a listing that failed.
 *
 * @throws TransportError when they can't be counted for a while; ParseError
 */
export async function awaitDrains(
  drains: readonly Drain[],
  access: DirectorAccess,
  { onProgress, signal }: DrainHooks = {},
): Promise<DrainProgress[]> {
  const begin = performance.now();
  const absences = new Map<string, number>();
  for (let failed = 0; ;) {
    signal?.throwIfAborted();
    const { connections, failures } = await readConnections(
      drains.map(({ service }) => service),
      access,
    );
    failed = Object.keys(failures).length === 0 ? 0 : failed + 1;
    if (failed === FAILED_READINGS) throw notCounted(access.name, failures);
    if (failed === 0) {
      const seconds = (performance.now() - begin) / 1000;
      const progress = drains.flatMap((drain) =>
        judge(drain, connections[serviceId(drain.service)], seconds, absences),
      );
      onProgress?.(progress);
      if (progress.every(({ endedBy }) => endedBy !== undefined)) return progress;
    }
    await wait(POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}

function notCounted(director: string, failures: DrainReading['failures']): TransportError {
  const why = Object.entries(failures).map(([service, words]) => `${service} (${words})`);
  const message = `connections could not be counted while real servers were drained, of ${why.join(', ')}; they take no new connections and are still there`;
  return new TransportError('command-failed', director, message, { hint: 'run `lvsform apply` again to go on' });
}

async function readConnections(services: readonly ServiceKey[], access: DirectorAccess): Promise<DrainReading> {
  const nonce = access.nonce();
  const { stdout } = await access.runner.run(drainScript({ nonce, sudo: access.sudo }), {
    stdin: drainInput(services, nonce),
  });
  return parseDrain(stdout, nonce, services);
}

/** TCP's inactive connections are over but for their last packets; UDP, which may have any mark, has no other kind. */
const maybeUdp = ({ service, activeOnly }: Drain): boolean =>
  service.by === 'address' ? service.protocol === 'udp' : activeOnly !== true;

/**
 * @param counts undefined when the service is gone
 * @param absences how often in a row each real server was not listed, by service and server
 */
function judge(
  drain: Drain,
  counts: Readonly<Record<string, ConnectionCount>> | undefined,
  seconds: number,
  absences: Map<string, number>,
): DrainProgress[] {
  const service = serviceId(drain.service);
  return drain.servers.map((server) => {
    const id = `${service}/${server}`;
    const isAbsent = counts !== undefined && counts[server] === undefined;
    const times = isAbsent ? (absences.get(id) ?? 0) + 1 : 0;
    absences.set(id, times);
    const { active, inactive } = counts?.[server] ?? { active: 0, inactive: 0 };
    const connections = maybeUdp(drain) ? active + inactive : active;
    const progress = { service, server, connections };
    if (isAbsent && times < ABSENT_READINGS) return progress;
    if (connections <= (drain.connections ?? 0)) return { ...progress, endedBy: 'drained' };
    return seconds >= drain.timeoutSeconds ? { ...progress, endedBy: 'timeout' } : progress;
  });
}
