import { type Change, type DirectorTable, markRuleId, serverKey, serviceConfig, serviceId } from '../model';
import { differingFields } from './diff';

/**
 * Whether a change can be seen in a table: its entry is there as wished, or gone. Tells what an interrupted apply did.
 * The table is indexed once: an apply has as many changes as a table has entries.
 */
export function effectsIn(table: DirectorTable): (change: Change) => boolean {
  const findEntry = entryFinder(table);
  return (change) => {
    const entry = findEntry(change);
    if (change.after === null) return entry === undefined;
    return entry !== undefined && differingFields(entry, change.after).length === 0;
  };
}

function entryFinder(table: DirectorTable): (change: Change) => object | undefined {
  const services = byId(table.services, ({ key }) => serviceId(key));
  const servers = new Map([...services].map(([id, { realServers }]) => [id, byId(realServers, serverKey)]));
  const marks = byId(table.marks, markRuleId);
  const daemons = byId(table.daemons, ({ role }) => role);
  return (change) => {
    switch (change.on) {
      case 'service': {
        const key = (change.after ?? change.before)?.key;
        const service = key && services.get(serviceId(key));
        return service && serviceConfig(service);
      }
      case 'server': {
        const server = change.after ?? change.before;
        return server === null ? undefined : servers.get(serviceId(change.service))?.get(serverKey(server));
      }
      case 'mark': {
        const rule = change.after ?? change.before;
        return rule === null ? undefined : marks.get(markRuleId(rule));
      }
      case 'timeouts':
        return table.timeouts;
      case 'daemon': {
        const daemon = change.after ?? change.before;
        return daemon === null ? undefined : daemons.get(daemon.role);
      }
    }
  };
}

const byId = <T>(entries: readonly T[], idOf: (entry: T) => string): Map<string, T> =>
  new Map(entries.map((entry) => [idOf(entry), entry]));
