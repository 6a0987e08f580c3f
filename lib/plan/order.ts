/**
 * Make before break. Changes become moves in seven phases (see PHASES in the model), so that
 *
 * - a service that has an active real server before and after is never without one in between: servers are added and
 *   weights raised (build, adjust) before any weight goes down or any server goes (lower, remove);
 * - mark rules never steer packets to a mark without a service: services are there before (build) and go after (remove)
 *   the rules are swapped (steer), and the swap itself is atomic per family;
 * - a sync daemon and a real server of another family than its service exclude each other in the kernel
 *   (ip_vs_ctl.c): daemons stop first and start last.
 *
 * Raising before lowering matters: the other way round, a pool that moves its weight from one server to another would
 * be dark for a moment. Undo is the same moves taken back in reverse, and passes through the same tables.
 *
 * The outcome depends on the tables only, not on the order the changes come in.
 */
import {
  type Change,
  type DirectorTable,
  type Family,
  type LiveDirector,
  losesPort,
  type MarkChange,
  type Move,
  PHASES,
  type Phase,
  type ServerChange,
  serviceId,
  type ServiceId,
  type VirtualService,
} from '../model';

/**
 * @param live what the moves start from: what a removed service held, and the state of our chain
 * @param desired the complete table they lead to
 * @param chain name of the stack's chain of mark rules
 * @param drained services whose connections are waited for when they go: their real servers become quiescent first
 */
export function orderChanges(
  changes: readonly Change[],
  live: LiveDirector,
  desired: DirectorTable,
  chain: string,
  drained: ReadonlySet<ServiceId> = new Set(),
): Move[] {
  const services = new Map(live.table.services.map((service) => [serviceId(service.key), service]));
  const goneServices = new Set(
    changes.flatMap((change) =>
      change.on === 'service' && change.action === 'delete' && change.before ? [serviceId(change.before.key)] : [],
    ),
  );
  const moves = changes.flatMap((change) => movesOf(change, services, goneServices, drained));
  const marks = changes.filter((change): change is MarkChange => change.on === 'mark');
  const steering = (['inet', 'inet6'] as const).flatMap((family) => steer(family, marks, live, desired, chain));
  return [...moves, ...steering]
    .map((move, at) => ({ move, at, rank: rank(move) }))
    .sort((a, b) => a.rank - b.rank || a.at - b.at)
    .map(({ move }) => move);
}

function movesOf(
  change: Change,
  services: ReadonlyMap<ServiceId, VirtualService>,
  gone: ReadonlySet<ServiceId>,
  drained: ReadonlySet<ServiceId>,
): Move[] {
  switch (change.on) {
    case 'service': {
      if (change.action === 'create') return [{ phase: 'build', verb: 'add-service', change }];
      if (change.action === 'update') return [{ phase: 'adjust', verb: 'edit-service', change }];
      const before = change.before === null ? undefined : services.get(serviceId(change.before.key));
      return before === undefined ? [] : [{ phase: 'remove', verb: 'remove-service', change, before }];
    }
    case 'server':
      return serverMoves(change, gone, drained);
    case 'timeouts':
      return [{ phase: 'settle', verb: 'set-timeouts', change }];
    case 'daemon': {
      // The kernel can't edit a daemon: it stops and starts again.
      const stop: Move[] = change.action === 'create' ? [] : [{ phase: 'free', verb: 'stop-daemon', change }];
      const start: Move[] = change.action === 'delete' ? [] : [{ phase: 'settle', verb: 'start-daemon', change }];
      return [...stop, ...start];
    }
    case 'mark':
      return [];
  }
}

function serverMoves(change: ServerChange, gone: ReadonlySet<ServiceId>, drained: ReadonlySet<ServiceId>): Move[] {
  if (change.action === 'create') return [{ phase: 'build', verb: 'add-server', change }];
  if (change.action === 'delete') {
    const service = serviceId(change.service);
    // One that is removed while requests are under way to it cuts them off: it gets no new ones first. Where ipvsadm
    // would take its port for the service's, that would be another one.
    const { before } = change;
    const active = before !== null && before.weight > 0 && !losesPort(change.service, before);
    const quiesce: Move[] = active ? [{ phase: 'lower', verb: 'quiesce-server', change }] : [];
    // The kernel removes a service's real servers with it, in one step.
    if (gone.has(service)) return drained.has(service) ? quiesce : [];
    return [...quiesce, { phase: 'remove', verb: 'remove-server', change }];
  }
  const lowers = (change.after?.weight ?? 0) < (change.before?.weight ?? 0);
  return [{ phase: lowers ? 'lower' : 'adjust', verb: 'edit-server', change }];
}

function steer(
  family: Family,
  marks: readonly MarkChange[],
  live: LiveDirector,
  desired: DirectorTable,
  chain: string,
): Move[] {
  const changes = marks.filter((change) => (change.after ?? change.before)?.family === family);
  if (changes.length === 0) return [];
  const before = live.table.marks.filter((rule) => rule.family === family);
  const after = desired.marks.filter((rule) => rule.family === family);
  return [
    { phase: 'steer', verb: 'steer', changes, steering: { family, chain, before, after, live: live.chain[family] } },
  ];
}

const WITHIN_PHASE: Readonly<Record<Move['verb'], number>> = {
  'stop-daemon': 0,
  'add-service': 0,
  'add-server': 1,
  'edit-service': 0,
  'edit-server': 1,
  'quiesce-server': 2,
  steer: 0,
  'remove-server': 0,
  'remove-service': 1,
  'set-timeouts': 0,
  'start-daemon': 1,
};

function rank(move: Move): number {
  const phase: Phase = move.phase;
  return PHASES.indexOf(phase) * 10 + WITHIN_PHASE[move.verb];
}
