import { type Change, type DirectorTable, markRuleId, serverKey, serviceConfig, serviceId } from '../model';
import { differingFields } from './diff';

/** Whether a change can be seen in a table: its entry is there as wished, or gone. Tells what an interrupted apply did. */
export function tookEffect(change: Change, table: DirectorTable): boolean {
  const entry = findEntry(change, table);
  if (change.after === null) return entry === undefined;
  return entry !== undefined && differingFields(entry, change.after).length === 0;
}

function findEntry(change: Change, table: DirectorTable): object | undefined {
  switch (change.on) {
    case 'service': {
      const key = (change.after ?? change.before)?.key;
      const service = table.services.find(
        (candidate) => key !== undefined && serviceId(candidate.key) === serviceId(key),
      );
      return service && serviceConfig(service);
    }
    case 'server': {
      const server = change.after ?? change.before;
      const service = table.services.find((candidate) => serviceId(candidate.key) === serviceId(change.service));
      return service?.realServers.find((candidate) => server !== null && serverKey(candidate) === serverKey(server));
    }
    case 'mark': {
      const rule = change.after ?? change.before;
      return table.marks.find((candidate) => rule !== null && markRuleId(candidate) === markRuleId(rule));
    }
    case 'timeouts':
      return table.timeouts;
    case 'daemon':
      return table.daemons.find((daemon) => daemon.role === (change.after ?? change.before)?.role);
  }
}
