/** What a stack's ledger on a director shall say. */
import {
  type Author,
  type Change,
  type DesiredDirector,
  type Ledger,
  type LiveDirector,
  REMEMBERED_PLANS,
} from '../model';
import { declaredDrains } from './drain';
import { knownLedger, ownedEntries, serverId } from './ledgers';

/** What is to be known about an apply to write it down. */
export interface LedgerEntry {
  /** Version of lvsform. */
  tool: string;
  author: Author;
  /** When, in ISO 8601. */
  at: string;
  /** Id of the plan file that is applied. */
  planId?: string;
  /** The apply takes away what the stack declares. */
  destroy: boolean;
  /** What is left to do: removals that wait for a drain. */
  left: readonly Change[];
  /** Ids of the real servers it takes new connections from; see {@link quiescedBy}. */
  quiesced: readonly string[];
  /** No boot files are left, or none were to be. */
  unpersisted: boolean;
}

/** @returns null when nothing is left to remember */
export function ledgerOf(
  stack: string,
  wish: DesiredDirector,
  live: LiveDirector,
  { destroy, left, quiesced, tool, author, at, planId, unpersisted }: LedgerEntry,
): Ledger | null {
  const known = knownLedger(stack, live);
  const prefix = `${wish.director.name}/`;
  const waiting = new Set(left.flatMap(({ id, action }) => (action === 'delete' ? [id.slice(prefix.length)] : [])));
  const pending = (known?.entries ?? []).filter((id) => waiting.has(id));
  const entries = ownedEntries(wish, live, { destroy, pending });
  const persist = (wish.director.persist === true && !destroy) || (known?.persist === true && !unpersisted);
  if (entries.length === 0 && !persist) return null;
  const plans = [...(known?.plans ?? []), ...(planId === undefined ? [] : [planId])].slice(-REMEMBERED_PLANS);
  const remembered = Object.entries(known?.drains ?? {}).filter(([id]) => pending.includes(id));
  const drains = { ...Object.fromEntries(remembered), ...(destroy ? {} : declaredDrains(wish)) };
  const waits = stillQuiescent(live, [...(known?.quiesced ?? []), ...quiesced]);
  const resting = waits.length > 0 ? { quiesced: waits } : {};
  return { format: 1, stack, tool, at, author, entries, plans, drains, ...resting, persist };
}

/** Real servers that changes remove and that have a weight until then: what an apply makes quiescent, if it drains them. */
export function quiescedBy(changes: readonly Change[]): string[] {
  return changes.flatMap((change) =>
    change.on === 'server' && change.action === 'delete' && change.before !== null && change.before.weight > 0
      ? [serverId(change.service, change.before)]
      : [],
  );
}

/** Those of them that are there and have no weight: whoever gave one its weight back has taken it over. */
function stillQuiescent({ table }: LiveDirector, ids: readonly string[]): string[] {
  const quiescent = new Set(
    table.services.flatMap(({ key, realServers }) =>
      realServers.filter(({ weight }) => weight === 0).map((server) => serverId(key, server)),
    ),
  );
  return [...new Set(ids)].filter((id) => quiescent.has(id)).sort();
}

/** Whether a ledger says something else than it shall. One that is lost or corrupt is written anew by `lvsform adopt`. */
export function isOutdated(stack: string, live: LiveDirector, wanted: Ledger | null): boolean {
  const known = knownLedger(stack, live);
  return known !== undefined && gist(known) !== gist(wanted);
}

/** All of a ledger that decides anything. */
function gist(ledger: Ledger | null): string {
  if (ledger === null) return '';
  const drains = Object.entries(ledger.drains).sort(([a], [b]) => (a < b ? -1 : 1));
  const policies = drains.map(([id, { timeoutSeconds, connections = 0 }]) => [id, timeoutSeconds, connections]);
  return JSON.stringify([ledger.entries, policies, ledger.quiesced ?? [], ledger.persist]);
}
