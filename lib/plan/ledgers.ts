/** What the ledgers on a director say about who made what. Nothing is ever deleted because a ledger is lost or corrupt. */
import {
  type DesiredDirector,
  type Ledger,
  type LiveDirector,
  markRuleId,
  type RealServer,
  recordName,
  serverKey,
  serviceId,
  type ServiceKey,
  type SyncDaemon,
  UsageError,
} from '../model';
import { missingMarks } from './marks';

export interface Ledgers {
  /** Of this stack's own. */
  state: 'read' | 'missing' | 'corrupt';
  /** Ids of the entries this stack made; empty without a ledger that can be read. */
  own: ReadonlySet<string>;
  /** Ids of real servers that this stack's applies made quiescent to drain them. */
  quiesced: ReadonlySet<string>;
  /** Entries that other stacks made: by id, the name of the stack. */
  others: ReadonlyMap<string, string>;
  /** Names of the records of other stacks that can't be read: what those made is not known. */
  unreadable: readonly string[];
}

export function readLedgers(stack: string, live: LiveDirector): Ledgers {
  const name = recordName(stack);
  const { ledgers } = live.records;
  const own = ledgers[name];
  const others = new Map<string, string>();
  const unreadable: string[] = [];
  for (const [record, ledger] of Object.entries(ledgers)) {
    if (record === name) continue;
    if (ledger === 'corrupt') unreadable.push(record);
    else for (const id of ledger.entries) others.set(id, ledger.stack);
  }
  return {
    state: own === undefined ? 'missing' : own === 'corrupt' ? 'corrupt' : 'read',
    own: new Set(own === undefined || own === 'corrupt' ? [] : own.entries),
    quiesced: new Set(own === undefined || own === 'corrupt' ? [] : own.quiesced),
    others,
    unreadable: unreadable.sort(),
  };
}

/** A stack's own ledger, where there is one that can be read. */
export function knownLedger(stack: string, live: LiveDirector): Ledger | undefined {
  const ledger = live.records.ledgers[recordName(stack)];
  return ledger === 'corrupt' ? undefined : ledger;
}

export function serverId(service: ServiceKey, server: Pick<RealServer, 'address' | 'port'>): string {
  return `${serviceId(service)}/${serverKey(server)}`;
}

export function daemonId({ role }: Pick<SyncDaemon, 'role'>): string {
  return `sync/${role}`;
}

/** Ids of what a stack declares where two stacks would be in each other's way. Mark rules are not: each stack has a chain of its own. */
export function contendedIds({ table }: DesiredDirector): string[] {
  return [
    ...table.services.map((service) => serviceId(service.key)),
    ...table.daemons.map(daemonId),
    ...(Object.keys(table.timeouts).length > 0 ? ['timeouts'] : []),
  ];
}

/** Two stacks that declare one entry would take it from each other at every apply. @throws UsageError `claimed`, with all such entries */
export function refuseClaimed(stack: string, wish: DesiredDirector, { others }: Ledgers): void {
  const claimed = contendedIds(wish).flatMap((id) => {
    const other = others.get(id);
    return other === undefined ? [] : [`${id} is declared by stack ${stack}, but it belongs to stack ${other}`];
  });
  if (claimed.length === 0) return;
  const { name } = wish.director;
  throw new UsageError('claimed', claimed.map((line) => `${name}: ${line}`).join('\n'), {
    hint: 'remove it from one of the two programs, and apply that one first; `lvsform adopt` takes it over',
  });
}

export interface OwnedOptions {
  /** The apply took away what the stack declares. */
  destroy?: boolean;
  /** Ids of recorded entries that are no longer declared and still live, because their removal waits for a drain. */
  pending?: readonly string[];
}

/**
 * The entries a stack's ledger shall hold after an apply, sorted: what the stack declares, also where it was there
 * before, and what still waits to be removed. A mark rule that somebody else's rule provides is not ours, unless our boot
 * files hold it.
 */
export function ownedEntries(wish: DesiredDirector, live: LiveDirector, options: OwnedOptions = {}): string[] {
  const persists = wish.director.persist === true;
  const marks = persists ? wish.table.marks : missingMarks(wish.table.marks, live.otherMarks);
  const declared = options.destroy === true ? [] : [...contendedIds(wish), ...marks.map(markRuleId)];
  return [...new Set([...declared, ...(options.pending ?? [])])].sort();
}
