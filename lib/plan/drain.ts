import {
  type DesiredDirector,
  type DrainPolicy,
  type LiveDirector,
  type MarkRule,
  type PlannedDrain,
  serviceId,
} from '../model';
import { knownLedger } from './ledgers';

/**
 * How services are drained on a director, by service id: as the stack declares it, and for services it no longer
 * declares as its ledger remembers. One-packet services have no connections to wait for.
 */
export function drainPolicies(stack: string, wish: DesiredDirector, live: LiveDirector): Record<string, PlannedDrain> {
  const declared = declaredDrains(wish);
  const known = new Set(wish.table.services.map(({ key }) => serviceId(key)));
  const remembered = Object.entries(knownLedger(stack, live)?.drains ?? {});
  const activeOnly = marksWithoutUdp([...wish.table.marks, ...live.table.marks, ...live.otherMarks]);
  const policies = { ...Object.fromEntries(remembered.filter(([id]) => !known.has(id))), ...declared };
  return Object.fromEntries(
    Object.entries(policies).map(([id, policy]) => [id, activeOnly.has(id) ? { ...policy, activeOnly: true } : policy]),
  );
}

/** Ids of services by mark whose rules, of which there are some, mark nothing but TCP and SCTP. */
function marksWithoutUdp(rules: readonly MarkRule[]): Set<string> {
  const idOf = ({ family, mark }: MarkRule): string => serviceId({ by: 'fwmark', family, mark });
  const mayBeUdp = rules.filter(({ protocol }) => protocol !== 'tcp' && protocol !== 'sctp').map(idOf);
  const ids = new Set(rules.map(idOf));
  for (const id of mayBeUdp) ids.delete(id);
  return ids;
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
