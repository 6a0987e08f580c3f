/**
 * What differs between two tables, entry by entry and field by field. There are no options and nothing is guessed:
 * equal entries give nothing, every other pair gives exactly one change. Both tables are canonical, so `===` on ids and
 * a structural comparison of fields is all it takes.
 */
import {
  type Action,
  type Change,
  type DirectorTable,
  type MarkRule,
  markRuleId,
  type RealServer,
  serverKey,
  type ServerChange,
  type ServiceConfig,
  serviceConfig,
  serviceId,
  type VirtualService,
} from '../model';

interface Delta<T> {
  action: Action;
  before: T | null;
  after: T | null;
  fields: string[];
}

/**
 * Changes that lead from `live` to `desired`, in the canonical order of the entries.
 *
 * @param director prefix of the ids
 * @param sources construct path per entry id, without the director
 */
export function diffTables(
  director: string,
  live: DirectorTable,
  desired: DirectorTable,
  sources: Readonly<Record<string, string>> = {},
): Change[] {
  const named = (id: string): { id: string; source?: string } => {
    const source = sources[id];
    return { id: `${director}/${id}`, ...(source === undefined ? {} : { source }) };
  };
  return [
    ...diffServices(live.services, desired.services, named),
    ...pair(live.marks, desired.marks, markRuleId).flatMap(([id, before, after]): Change[] =>
      delta<MarkRule>(before, after).map((change) => ({ on: 'mark', ...named(id), ...change })),
    ),
    ...delta(live.timeouts, desired.timeouts).map((change): Change => ({
      on: 'timeouts',
      ...named('timeouts'),
      ...change,
    })),
    ...pair(live.daemons, desired.daemons, (daemon) => `sync/${daemon.role}`).flatMap(([id, before, after]) =>
      delta(before, after).map((change): Change => ({ on: 'daemon', ...named(id), ...change })),
    ),
  ];
}

function diffServices(
  live: readonly VirtualService[],
  desired: readonly VirtualService[],
  named: (id: string) => { id: string; source?: string },
): Change[] {
  return pair(live, desired, (service) => serviceId(service.key)).flatMap(([id, before, after]) => {
    const config = delta<ServiceConfig>(before && serviceConfig(before), after && serviceConfig(after));
    const service = (after ?? before)?.key;
    if (service === undefined) return [];
    const servers = pair(before?.realServers ?? [], after?.realServers ?? [], serverKey).flatMap(([key, from, to]) =>
      delta<RealServer>(from, to).map((change): ServerChange => ({
        on: 'server',
        ...named(`${id}/${key}`),
        service,
        ...change,
      })),
    );
    return [...config.map((change): Change => ({ on: 'service', ...named(id), ...change })), ...servers];
  });
}

/** Both sides by id, desired ones in their order and then those only live. */
function pair<T>(live: readonly T[], desired: readonly T[], id: (entry: T) => string): [string, T | null, T | null][] {
  const before = new Map(live.map((entry) => [id(entry), entry]));
  const after = new Map(desired.map((entry) => [id(entry), entry]));
  return [
    ...[...after].map(([key, entry]): [string, T | null, T | null] => [key, before.get(key) ?? null, entry]),
    ...[...before]
      .filter(([key]) => !after.has(key))
      .map(([key, entry]): [string, T | null, T | null] => [key, entry, null]),
  ];
}

/** No delta for equal entries, one otherwise. */
function delta<T extends object>(before: T | null, after: T | null): Delta<T>[] {
  if (before === null) return after === null ? [] : [{ action: 'create', before, after, fields: Object.keys(after) }];
  if (after === null) return [{ action: 'delete', before, after, fields: Object.keys(before) }];
  const fields = differingFields(before, after);
  return fields.length === 0 ? [] : [{ action: 'update', before, after, fields }];
}

/** Dotted paths of the leaves that differ: `weight`, `persistence.netmask`. A whole branch that comes or goes is one path. */
export function differingFields(before: object, after: object): string[] {
  const fields: string[] = [];
  for (const name of namesOf(before, after)) {
    const [from, to] = [valueOf(before, name), valueOf(after, name)];
    // Nearly every field of nearly every entry: the rest is worth its price only where something differs.
    if (from === to) continue;
    if (isRecord(from) && isRecord(to)) fields.push(...differingFields(from, to).map((field) => `${name}.${field}`));
    else if (JSON.stringify(from) !== JSON.stringify(to)) fields.push(name);
  }
  return fields;
}

/** Both sides nearly always have the same fields. */
function namesOf(before: object, after: object): string[] {
  const names = Object.keys(before);
  for (const name in after) if (!Object.hasOwn(before, name)) names.push(name);
  return names;
}

function valueOf(entry: object, name: string): unknown {
  return (entry as Record<string, unknown>)[name];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
