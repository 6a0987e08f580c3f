/** Waiting for connections to end. */
import { setTimeout as wait } from 'node:timers/promises';
import { drainInput, drainScript, parseDrain } from '../dialect';
import { type ConnectionCount, type DrainPolicy, serviceId, type ServiceKey } from '../model';
import type { DirectorAccess } from './fetch';

const POLL_MS = 1000;

/** Real servers of one service that take no new connections and may keep those they have for a while. */
export interface Drain extends DrainPolicy {
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

/** Polls until every server has few enough connections or its time is up. */
export async function awaitDrains(
  drains: readonly Drain[],
  access: DirectorAccess,
  { onProgress, signal }: DrainHooks = {},
): Promise<DrainProgress[]> {
  const begin = performance.now();
  for (;;) {
    signal?.throwIfAborted();
    const counts = await readConnections(
      drains.map(({ service }) => service),
      access,
    );
    const seconds = (performance.now() - begin) / 1000;
    const progress = drains.flatMap((drain) => judge(drain, counts[serviceId(drain.service)] ?? {}, seconds));
    onProgress?.(progress);
    if (progress.every(({ endedBy }) => endedBy !== undefined)) return progress;
    await wait(POLL_MS, undefined, signal === undefined ? {} : { signal });
  }
}

async function readConnections(
  services: readonly ServiceKey[],
  access: DirectorAccess,
): Promise<Record<string, Record<string, ConnectionCount>>> {
  const nonce = access.nonce();
  const { stdout } = await access.runner.run(drainScript({ nonce, sudo: access.sudo }), {
    stdin: drainInput(services, nonce),
  });
  return parseDrain(stdout);
}

/** TCP's inactive connections are over but for their last packets; UDP has no other kind. */
function judge(drain: Drain, counts: Readonly<Record<string, ConnectionCount>>, seconds: number): DrainProgress[] {
  const isUdp = drain.service.by === 'address' && drain.service.protocol === 'udp';
  return drain.servers.map((server) => {
    const { active, inactive } = counts[server] ?? { active: 0, inactive: 0 };
    const connections = isUdp ? active + inactive : active;
    const progress = { service: serviceId(drain.service), server, connections };
    if (connections <= (drain.connections ?? 0)) return { ...progress, endedBy: 'drained' };
    return seconds >= drain.timeoutSeconds ? { ...progress, endedBy: 'timeout' } : progress;
  });
}
