/** Services that a provider block says are left alone: none is declared, and none is taken away. */
import type { Entry } from '../../../lib/artefact';
import { findConflicts, ignoredBy, type IgnorePattern, serviceId, UsageError } from '../../../lib/model';

/** @throws UsageError `ignored` in the words that a program gets */
export function refuseIgnored(director: string, patterns: readonly IgnorePattern[], put: readonly Entry[]): void {
  const services = put.filter((entry) => entry.on === 'service' || entry.on === 'absent');
  const declared = services.map((entry) => ({ ...entry, director, place: director, name: '' }));
  const [conflict] = findConflicts(declared, new Map([[director, patterns]]));
  if (conflict === undefined) return;
  const { message, hint } = conflict;
  throw new UsageError('ignored', message, hint === undefined ? {} : { hint });
}

/** Ids of what would go, were it not left alone. */
export function leftAlone(patterns: readonly IgnorePattern[], drop: readonly Entry[]): string[] {
  return drop.flatMap((entry) =>
    entry.on === 'service' && ignoredBy(patterns, entry.service.key) !== undefined
      ? [serviceId(entry.service.key)]
      : [],
  );
}
