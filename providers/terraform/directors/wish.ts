/**
 * From single resources to the wish of a director. Terraform brings one resource at a time, and the core wants
 * everything a stack declares: what the stack's ledger says it made, and nobody is changing now, is declared as it is
 * found. So the plan has just the changes that were asked for, in the core's order and with the core's undo.
 */
import type { Entry } from '../../../lib/artefact';
import {
  type DesiredDirector,
  type Director,
  type Ledger,
  type LiveDirector,
  markRuleId,
  recordName,
  type ServicePolicy,
  serviceId,
} from '../../../lib/model';
import { providedMarks } from '../../../lib/plan';
import { idsIn, servicesById } from './by-id';

/** What shall become of one resource. */
export interface Intent {
  /** Entries it was, which go unless they are put again. */
  drop: readonly Entry[];
  put: readonly Entry[];
  policy?: ServicePolicy | undefined;
  /** How the entries that go are drained. */
  dropPolicy?: ServicePolicy | undefined;
}

export interface Wish {
  wish: DesiredDirector;
  /** The director as read, with everything that goes recorded as the stack's own. */
  live: LiveDirector;
}

/** Id of an entry below its director. */
export function entryId(entry: Entry): string {
  switch (entry.on) {
    case 'service':
      return serviceId(entry.service.key);
    case 'absent':
      return serviceId(entry.key);
    case 'mark':
      return markRuleId(entry.rule);
    case 'timeouts':
      return 'timeouts';
    case 'daemon':
      return `sync/${entry.daemon.role}`;
  }
}

export function wishOf(stack: string, director: Director, live: LiveDirector, intents: readonly Intent[]): Wish {
  const known = live.records.ledgers[recordName(stack)];
  const ledger = known === undefined || known === 'corrupt' ? emptyLedger(stack) : known;
  // That a service must not exist is not something to take back.
  const drops = intents.flatMap(({ drop }) => drop.filter(({ on }) => on !== 'absent'));
  const puts = intents.flatMap(({ put }) => put);
  const put = new Set(puts.map(entryId));
  const dropped = new Set(drops.map(entryId).filter((id) => !put.has(id)));
  const own = new Set(ledger.entries);
  const stays = (id: string): boolean => own.has(id) && !dropped.has(id) && !put.has(id);
  const services = live.table.services.filter(({ key }) => stays(serviceId(key)));
  const policies: Record<string, ServicePolicy> = {};
  for (const { key } of services) {
    const drain = ledger.drains[serviceId(key)];
    if (drain !== undefined) policies[serviceId(key)] = { drain: withoutUndefined(drain) };
  }
  for (const { put: entries, policy } of intents)
    for (const entry of entries) if (entry.on === 'service' && policy !== undefined) policies[entryId(entry)] = policy;
  const absent = puts.flatMap((entry) => (entry.on === 'absent' ? [entry.key] : []));
  const table: DesiredDirector['table'] = {
    services: [...services, ...puts.flatMap((entry) => (entry.on === 'service' ? [entry.service] : []))],
    marks: [
      ...live.table.marks.filter((rule) => !dropped.has(markRuleId(rule)) && !put.has(markRuleId(rule))),
      // Where somebody else's rule does the same, boot files hold ours.
      ...providedMarks(live, stays),
      ...puts.flatMap((entry) => (entry.on === 'mark' ? [entry.rule] : [])),
    ],
    daemons: [
      ...live.table.daemons.filter(({ role }) => stays(`sync/${role}`)),
      ...puts.flatMap((entry) => (entry.on === 'daemon' ? [entry.daemon] : [])),
    ],
    timeouts: {
      ...(stays('timeouts') ? live.table.timeouts : {}),
      ...Object.fromEntries(puts.flatMap((entry) => (entry.on === 'timeouts' ? Object.entries(entry.timeouts) : []))),
    },
  };
  // What the stack owns is decided by the resources Terraform knows, one by one, and never by what is left of the table.
  const { owns: _owns, persist = false, ...reached } = director;
  const isEmpty = puts.length === 0 && Object.values(table).every((entries) => Object.keys(entries).length === 0);
  return {
    wish: {
      // Terraform never says that a stack ends: it does when its last entry goes, and then a boot has nothing to restore.
      director: persist && !isEmpty ? { ...reached, persist } : reached,
      table,
      policies,
      sources: {},
      ...(absent.length > 0 ? { absent } : {}),
    },
    live: withRecorded(stack, live, ledger, dropped, intents),
  };
}

/** An imported entry that goes is ours to remove, recorded or not. */
function withRecorded(
  stack: string,
  live: LiveDirector,
  ledger: Ledger,
  dropped: ReadonlySet<string>,
  intents: readonly Intent[],
): LiveDirector {
  if (dropped.size === 0) return live;
  const drains = { ...ledger.drains };
  for (const { drop, dropPolicy } of intents)
    for (const id of drop.map(entryId))
      if (dropped.has(id) && dropPolicy?.drain !== undefined) drains[id] = dropPolicy.drain;
  const recorded: Ledger = { ...ledger, entries: [...new Set([...ledger.entries, ...dropped])].sort(), drains };
  const ledgers = { ...live.records.ledgers, [recordName(stack)]: recorded };
  return { ...live, records: { ...live.records, ledgers } };
}

function emptyLedger(stack: string): Ledger {
  return {
    format: 1,
    stack,
    tool: '',
    at: new Date(0).toISOString(),
    author: { by: '' },
    entries: [],
    plans: [],
    drains: {},
    persist: false,
  };
}

function withoutUndefined({
  timeoutSeconds,
  connections,
}: Ledger['drains'][string]): NonNullable<ServicePolicy['drain']> {
  return { timeoutSeconds, ...(connections === undefined ? {} : { connections }) };
}

/** The director without what the intents do not speak of: enough to judge them, however big the table is. */
export function onlyTouched(stack: string, live: LiveDirector, intents: readonly Intent[]): LiveDirector {
  const ids = [...new Set(intents.flatMap(({ drop, put }) => [...drop, ...put].map(entryId)))];
  const name = recordName(stack);
  const own = live.records.ledgers[name];
  const ledgers =
    own === undefined || own === 'corrupt'
      ? live.records.ledgers
      : { ...live.records.ledgers, [name]: { ...own, entries: ids.filter((id) => idsIn(own.entries).has(id)) } };
  return {
    ...live,
    table: { ...live.table, services: ids.flatMap((id) => servicesById(live.table.services).get(id) ?? []) },
    records: { ...live.records, ledgers },
  };
}
