import { type Change, familyOf, type PlannedDrain, type ServerChange, serverKey, serviceFamily, serviceId, type Step } from '../model'; // prettier-ignore
import type { Drain } from './drain';

/** Steps that are executed, verified and recorded together, once the drains before them are over. */
export interface Stage {
  drains: Drain[];
  steps: Step[];
}

/**
 * What is drained is removed in a second stage: everything else, including weights to 0, is done and verified before
 * the waiting starts.
 *
 * @param drains by service id
 */
export function stagesOf(
  steps: readonly Step[],
  changes: readonly Change[],
  drains: Readonly<Record<string, PlannedDrain>>,
): Stage[] {
  const byId = new Map(changes.map((change) => [change.id, change]));
  const isRemoved = (change: Change | undefined): change is ServerChange =>
    change?.on === 'server' && change.action === 'delete' && drains[serviceId(change.service)] !== undefined;
  const removed = (step: Step): ServerChange[] => {
    if (step.verb !== 'remove-server' && step.verb !== 'remove-service') return [];
    return step.changes.flatMap((id) => {
      const change = byId.get(id);
      const key = change?.on === 'service' ? change.before?.key : undefined;
      // A service goes with all its real servers.
      if (key === undefined) return isRemoved(change) ? [change] : [];
      return changes.filter(isRemoved).filter(({ service }) => serviceId(service) === serviceId(key));
    });
  };
  const drained = steps.filter((step) => removed(step).length > 0);
  if (drained.length === 0) return [{ drains: [], steps: [...steps] }];
  // The kernel has no sync daemon beside a real server of another family than its service.
  const holdsUpDaemons = drained.flatMap(removed).some(({ service, before }) => before !== null && familyOf(before.address) !== serviceFamily(service)); // prettier-ignore
  const heldUp = holdsUpDaemons ? steps.filter(({ verb }) => verb === 'start-daemon') : [];
  const waiting = steps.filter((step) => drained.includes(step) || heldUp.includes(step));
  const byService = new Map<string, Drain>();
  for (const { service, before } of drained.flatMap(removed)) {
    const id = serviceId(service);
    const policy = drains[id];
    if (policy === undefined || before === null) continue;
    const drain = byService.get(id) ?? { ...policy, service, servers: [] };
    byService.set(id, { ...drain, servers: [...drain.servers, serverKey(before)] });
  }
  const first = steps.filter((step) => !waiting.includes(step));
  return [
    ...(first.length > 0 ? [{ drains: [], steps: first }] : []),
    { drains: [...byService.values()], steps: waiting },
  ];
}
