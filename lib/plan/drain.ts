import { type DesiredDirector, type DrainPolicy, type LiveDirector, serviceId } from '../model';
import { knownLedger } from './ledgers';

/**
 * How services are drained on a director, by service id: as the stack declares it, and for services it no longer
 * declares as its ledger remembers. One-packet services have no connections to wait for.
 */
export function drainPolicies(stack: string, wish: DesiredDirector, live: LiveDirector): Record<string, DrainPolicy> {
  const declared = declaredDrains(wish);
  const known = new Set(wish.table.services.map(({ key }) => serviceId(key)));
  const remembered = Object.entries(knownLedger(stack, live)?.drains ?? {});
  return { ...Object.fromEntries(remembered.filter(([id]) => !known.has(id))), ...declared };
}

/** Drains of the services a stack declares, for its ledger. */
export function declaredDrains({ table, policies }: DesiredDirector): Record<string, DrainPolicy> {
  const onePacket = new Set(table.services.filter((service) => service.onePacket).map(({ key }) => serviceId(key)));
  return Object.fromEntries(
    Object.entries(policies).flatMap(([id, { drain }]) =>
      drain === undefined || onePacket.has(id) ? [] : [[id, drain]],
    ),
  );
}
