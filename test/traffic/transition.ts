/** From one table to another the way an operator goes who cuts nobody off: what leaves is quiesced first. */
import {
  type DirectorTable,
  type RealServer,
  serverKey,
  serviceId,
  sortTable,
  type VirtualService,
} from '../../lib/model';

/**
 * The stop on the way: everything new is there and packets are steered to it, and what is to go is still there but gets
 * no new connections. Applied and waited for, it leaves nothing that the removal could cut off.
 */
export function quiesced(before: DirectorTable, after: DirectorTable): DirectorTable {
  const was = new Map(before.services.map((service) => [serviceId(service.key), service]));
  const stays = new Set(after.services.map((service) => serviceId(service.key)));
  return sortTable({
    ...after,
    services: [
      ...after.services.map((service) => quiescedService(was.get(serviceId(service.key)), service)),
      ...before.services.filter((service) => !stays.has(serviceId(service.key))),
    ],
  });
}

function quiescedService(before: VirtualService | undefined, after: VirtualService): VirtualService {
  const old = new Map(before?.realServers.map((server) => [serverKey(server), server]));
  const servers = after.realServers.map((server) => {
    const was = old.get(serverKey(server));
    old.delete(serverKey(server));
    return was !== undefined && changesRoute(was, server) ? { ...was, weight: 0 } : server;
  });
  return { ...after, realServers: [...servers, ...[...old.values()].map((server) => ({ ...server, weight: 0 }))] };
}

/**
 * A real server that is no longer gatewaying, or becomes it, in place. A connection keeps the method it began with, and
 * all share the route the kernel cached for the server. Once a masqueraded packet has renewed it, its next hop is the
 * packet's destination (6.1, ip_vs_xmit.c), and gatewayed packets look for their own virtual address on the network: those
 * of new connections, or of old ones. See in-place.lab.test.ts.
 */
export function changesRoute(before: RealServer, after: RealServer): boolean {
  return (before.forwarding === 'gatewaying') !== (after.forwarding === 'gatewaying');
}

/** Whether every service has a real server that takes new connections. */
export function isServing(table: DirectorTable): boolean {
  return table.services.every(({ realServers }) => realServers.some(({ weight }) => weight > 0));
}
