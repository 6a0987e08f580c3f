/** What an entry was like on the director when it was planned, so that an apply can tell whether it has moved since. */
import {
  type Change,
  type DesiredDirector,
  digest,
  type Family,
  type LiveDirector,
  serverKey,
  serviceId,
  sortTable,
  type VirtualService,
} from '../model';
import { daemonId } from './ledgers';

/** The fingerprint of an entry that is not there. */
export const ABSENT = 'absent';

/**
 * Fingerprints of every live entry the changes touch: services with all their real servers, sync daemons, the timeouts,
 * and our chain of mark rules per family (`marks/inet`). What belongs to others is left out: weights with
 * `keepLiveWeights`, real servers that are ignored, and connections.
 *
 * @returns hashes by entry id, without the director: `tcp/192.0.2.1:80`, `sync/master`, `timeouts`, `marks/inet`
 */
export function fingerprints(
  changes: readonly Change[],
  live: LiveDirector,
  wish: DesiredDirector,
): Record<string, string> {
  const services = new Map(live.table.services.map((service) => [serviceId(service.key), service]));
  const found = new Map<string, string>();
  for (const change of changes) {
    const id = entryOf(change);
    if (id !== undefined && !found.has(id)) found.set(id, print(id, change, services, live, wish));
  }
  return Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Ids of the entries that are not as they were. An entry that `after` does not know counts as moved. */
export function movedEntries(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): string[] {
  return Object.keys(before).filter((id) => before[id] !== after[id]);
}

function entryOf(change: Change): string | undefined {
  switch (change.on) {
    case 'server':
      return serviceId(change.service);
    case 'timeouts':
      return 'timeouts';
    case 'service':
    case 'daemon':
    case 'mark': {
      const entry = change.after ?? change.before;
      if (entry === null) return undefined;
      if ('key' in entry) return serviceId(entry.key);
      return 'role' in entry ? daemonId(entry) : `marks/${entry.family}`;
    }
  }
}

function print(
  id: string,
  change: Change,
  services: ReadonlyMap<string, VirtualService>,
  live: LiveDirector,
  wish: DesiredDirector,
): string {
  switch (change.on) {
    case 'service':
    case 'server': {
      const service = services.get(id);
      return service === undefined ? ABSENT : digest(ours(service, wish.policies[id]));
    }
    case 'daemon': {
      const daemon = live.table.daemons.find((each) => daemonId(each) === id);
      return daemon === undefined ? ABSENT : digest(daemon);
    }
    case 'timeouts':
      return digest(live.table.timeouts);
    case 'mark':
      return chainPrint((change.after ?? change.before)?.family ?? 'inet', live);
  }
}

function ours(service: VirtualService, policy: DesiredDirector['policies'][string] = {}): object {
  const sorted = [...service.realServers].sort((a, b) => (serverKey(a) < serverKey(b) ? -1 : 1));
  const realServers = policy.keepLiveWeights === true ? sorted.map(({ weight: _weight, ...rest }) => rest) : sorted;
  const ignored = policy.ignoreChanges?.includes('realServers') === true;
  return { ...service, realServers: ignored ? [] : realServers };
}

function chainPrint(family: Family, { table, chain }: LiveDirector): string {
  const { marks } = sortTable({ services: [], daemons: [], marks: table.marks });
  const rules = marks.filter((rule) => rule.family === family);
  return chain[family].present || rules.length > 0 ? digest({ rules, chain: chain[family] }) : ABSENT;
}
