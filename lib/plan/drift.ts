import { type Change, type DriftCause, type LiveDirector, serverKey, serviceId } from '../model';

/**
 * Why a director differs from the program, as far as its table and the programs running there tell. A guess that a person
 * can check, never the base of a decision.
 *
 * @param live connections there, by service and real server
 * @param controllers programs there that are known to write IPVS tables
 */
export function driftCause(
  change: Change,
  live: LiveDirector['connections'],
  controllers: readonly string[],
): DriftCause {
  if (change.on === 'server' && change.before?.weight === 0) {
    const { active = 0, inactive = 0 } = live[serviceId(change.service)]?.[serverKey(change.before)] ?? {};
    if (change.action === 'delete' || active + inactive > 0)
      return { kind: 'draining', connections: active + inactive };
  }
  if (controllers.length > 0 && change.on !== 'mark') return { kind: 'controller', programs: [...controllers] };
  if (change.on === 'server' && change.action === 'update' && change.fields.join() === 'weight')
    return { kind: 'operator-weight' };
  return { kind: 'unknown' };
}
