/** What becomes of connections that are open while something is removed. */
import { type ConnectionCount, type Finding, serverKey, serviceId } from '../../model';
import { removedServers, removedServices, type Review } from './review';

const NONE: ConnectionCount = { active: 0, inactive: 0 };

export function connectionFindings(review: Review): Finding[] {
  return [...cutConnections(review), ...draining(review), ...boundClients(review)];
}

/** Active connections that end because nobody waits for them. A service that goes is told once, for all its servers. */
function cutConnections({ live, changes, drains }: Review): Finding[] {
  const cut = (subject: string, connections: number, hint: string): Finding[] => {
    if (connections === 0) return [];
    const message = `is removed with ${count(connections, 'active connection')}`;
    return [{ code: 'active-connections', severity: 'blocking', subject, message, hint, connections }];
  };
  const gone = removedServices(changes);
  const services = changes.flatMap((change): Finding[] => {
    if (change.on !== 'service' || change.action !== 'delete' || change.before === null) return [];
    const id = serviceId(change.before.key);
    if (drains[id] !== undefined) return [];
    const active = Object.values(live.connections[id] ?? {}).reduce((sum, server) => sum + server.active, 0);
    return cut(change.id, active, 'set the weights of its real servers to 0 and wait for its connections to end');
  });
  const servers = removedServers(changes)
    .filter(({ service }) => !gone.has(serviceId(service)) && drains[serviceId(service)] === undefined)
    .flatMap((change) => {
      const { active } = countsOf(live.connections, serviceId(change.service), change.before);
      return cut(change.id, active, 'give the service a drain, or set the weight to 0 and wait');
    });
  return [...services, ...servers];
}

/** A drain that an earlier apply, or an operator, has begun. */
function draining({ live, changes, drains }: Review): Finding[] {
  return removedServers(changes).flatMap((change): Finding[] => {
    const id = serviceId(change.service);
    if (change.before?.weight !== 0 || drains[id] === undefined) return [];
    const { active, inactive } = countsOf(live.connections, id, change.before);
    const connections = active + inactive;
    if (connections === 0) return [];
    const message = `is draining: ${count(connections, 'connection')} left (${active} active)`;
    return [{ code: 'draining', severity: 'info', subject: change.id, message, connections }];
  });
}

/** Clients that persistence sends to a quiescent server all the same: its drain may never end. */
function boundClients({ wish, live, changes, drains }: Review): Finding[] {
  if (live.settings.expireQuiescentTemplate !== false) return [];
  const drained = new Set(
    removedServers(changes)
      .map((change) => serviceId(change.service))
      .filter((id) => drains[id] !== undefined),
  );
  return live.table.services
    .filter(({ key, persistence }) => persistence !== null && drained.has(serviceId(key)))
    .map(({ key }) => ({
      code: 'drain-persistent',
      severity: 'warning',
      subject: `${wish.director.name}/${serviceId(key)}`,
      message: 'is persistent: clients stay bound to a real server while it is drained, also with new connections',
      hint: 'on the director: sysctl -w net.ipv4.vs.expire_quiescent_template=1',
    }));
}

function countsOf(
  connections: Review['live']['connections'],
  id: string,
  server: { address: string; port: number } | null,
): ConnectionCount {
  return server === null ? NONE : (connections[id]?.[serverKey(server)] ?? NONE);
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
