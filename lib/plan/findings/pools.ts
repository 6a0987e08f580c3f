/** What a service that stays loses: its last server, too many at once, too much of its weight. */
import { type Finding, hostPort, serverKey, type ServerChange, serviceId, type VirtualService } from '../../model';
import type { Review } from './review';

/** A larger share of active servers that go at once is a drop. */
const DROP_SHARE = 0.3;
/** Pools up to this size can't lose one server without losing a larger share. */
const SMALL_POOL = 3;
/** The sum of weights may fall to this share of what it was. */
const WEIGHT_FLOOR = 0.5;

export function poolFindings({ wish, live, desired, changes }: Review): Finding[] {
  const touched = new Set(
    changes
      .filter((change): change is ServerChange => change.on === 'server' && change.action !== 'create')
      .map((change) => serviceId(change.service)),
  );
  if (touched.size === 0) return [];
  const after = new Map(desired.services.map((service) => [serviceId(service.key), service]));
  return live.table.services.flatMap((before) => {
    const id = serviceId(before.key);
    const stays = touched.has(id) ? after.get(id) : undefined;
    return stays === undefined ? [] : judge(before, stays, `${wish.director.name}/${id}`);
  });
}

function judge(before: VirtualService, after: VirtualService, subject: string): Finding[] {
  const weights = new Map(after.realServers.map((server) => [serverKey(server), server.weight]));
  const active = before.realServers.filter((server) => server.weight > 0);
  const lost = active.filter((server) => (weights.get(serverKey(server)) ?? 0) === 0);
  const names = lost.map((server) => {
    const fate = weights.has(serverKey(server)) ? 'weight 0' : 'removed';
    return `${hostPort(server.address, server.port)} (${fate})`;
  });
  if (active.length > 0 && after.realServers.every((server) => server.weight === 0)) {
    const message = `loses its last active real server: ${listed(names)}`;
    const hint = 'keep or add an active one; a service that is no longer wanted is removed itself';
    return [{ code: 'last-server', severity: 'blocking', subject, message, hint }];
  }
  const small = active.length <= SMALL_POOL;
  const drop = small ? active.length > 0 && lost.length === active.length : lost.length > active.length * DROP_SHARE;
  const floor = weightFloor(before, after, drop ? new Set(lost.map(serverKey)) : new Set(), subject);
  if (!drop) return floor;
  const message = `${lost.length} of ${active.length} active real servers go at once: ${listed(names)}`;
  const hint = 'spread it over several applies';
  return [{ code: 'pool-drop', severity: 'blocking', subject, message, hint }, ...floor];
}

/** @param told servers whose going has a finding of its own; only the others are weighed then */
function weightFloor(
  before: VirtualService,
  after: VirtualService,
  told: ReadonlySet<string>,
  subject: string,
): Finding[] {
  const total = ({ realServers }: VirtualService): number =>
    realServers.filter((server) => !told.has(serverKey(server))).reduce((sum, server) => sum + server.weight, 0);
  const [from, to] = [total(before), total(after)];
  if (to >= from * WEIGHT_FLOOR) return [];
  const of = told.size === 0 ? 'its real servers' : 'its other real servers';
  const message = `the weights of ${of} fall from ${from} to ${to}, below half`;
  return [{ code: 'weight-floor', severity: 'blocking', subject, message, hint: 'lower them in several applies' }];
}

/** As many names as a line has room for. */
function listed(names: readonly string[]): string {
  const shown = 5;
  const more = names.length - shown;
  return `${names.slice(0, shown).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
