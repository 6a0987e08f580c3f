import {
  chainName,
  type Change,
  type DesiredDirector,
  type DirectorTable,
  type Finding,
  type LiveDirector,
  type Move,
} from '../model';
import { diffTables } from './diff';
import { drainPolicies } from './drain';
import { findNotable } from './findings';
import { fingerprints } from './fingerprint';
import { keepForeign, withoutDeclared } from './keep';
import { readLedgers, refuseClaimed } from './ledgers';
import { reachedMarks } from './marks';
import { orderChanges } from './order';

export interface TablePlan {
  changes: Change[];
  moves: Move[];
  findings: Finding[];
  /** Ids of live entries that nobody declared and that stay. */
  foreign: string[];
  /** The complete table the moves lead to. */
  desired: DirectorTable;
  /** What the touched entries are like on the director, by entry id without the director. */
  fingerprints: Record<string, string>;
}

/**
 * From a stack's wish and the live director to ordered moves: keep, diff, order. `destroy` takes away what is declared
 * and what the stack's ledger holds.
 *
 * @throws UsageError `claimed` when another stack's ledger holds what this stack declares
 */
export function planTable(
  stack: string,
  wish: DesiredDirector,
  live: LiveDirector,
  options: { destroy?: boolean } = {},
): TablePlan {
  const { destroy = false } = options;
  const ledgers = readLedgers(stack, live);
  refuseClaimed(stack, wish, ledgers);
  const { desired, foreign, spared } = (destroy ? withoutDeclared : keepForeign)(wish, live, ledgers);
  const drains = drainPolicies(stack, wish, live);
  const changes = diffTables(wish.director.name, effectiveTable(live), desired, wish.sources);
  return {
    changes,
    moves: orderChanges(changes, live, desired, chainName(stack), new Set(Object.keys(drains))),
    findings: findNotable({ stack, wish, live, ledgers, drains, desired, changes, spared, destroy }),
    foreign,
    desired,
    fingerprints: fingerprints(changes, live, wish),
  };
}

/** The live table as packets see it. */
function effectiveTable(live: LiveDirector): DirectorTable {
  return { ...live.table, marks: reachedMarks(live) };
}
