import {
  type Change,
  type DesiredDirector,
  type DirectorTable,
  type DrainPolicy,
  type LiveDirector,
  type ServerChange,
  serviceId,
  type ServiceId,
} from '../../model';
import type { Ledgers } from '../ledgers';

/** Everything the findings are judged by. */
export interface Review {
  stack: string;
  wish: DesiredDirector;
  live: LiveDirector;
  ledgers: Ledgers;
  /** By service id, also of services that are no longer declared. */
  drains: Readonly<Record<ServiceId, DrainPolicy>>;
  /** The complete table the plan leads to. */
  desired: DirectorTable;
  changes: readonly Change[];
  /** Undeclared entries that stay only because another stack's ledger holds them, or may hold them. */
  spared: readonly string[];
  /** The plan takes away what the stack declares. */
  destroy: boolean;
}

/** Ids of services that are removed with all they hold. */
export function removedServices(changes: readonly Change[]): Set<ServiceId> {
  return new Set(
    changes.flatMap((change) =>
      change.on === 'service' && change.action === 'delete' && change.before !== null
        ? [serviceId(change.before.key)]
        : [],
    ),
  );
}

/** Real servers that are removed, alone or with their service. */
export function removedServers(changes: readonly Change[]): ServerChange[] {
  return changes.filter((change): change is ServerChange => change.on === 'server' && change.action === 'delete');
}
