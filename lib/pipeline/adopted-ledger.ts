import type { Author, DesiredDirector, Ledger, LiveDirector } from '../model';
import { knownLedger, ledgerOf } from '../plan';

export interface Adoption {
  /** Ids of all that is on the director. */
  there: ReadonlySet<string>;
  /** Ids that were asked for besides. */
  wanted: readonly string[];
  /** Version of lvsform. */
  tool: string;
  author: Author;
  at: string;
}

/**
 * The ledger of a stack that takes on what it declares and the director has: as an apply would write it that had nothing
 * to change. What the stack owned before, and what is wanted besides, is its own too.
 */
export function adoptedLedger(
  stack: string,
  wish: DesiredDirector,
  live: LiveDirector,
  { there, wanted, ...signed }: Adoption,
): Ledger {
  const before = knownLedger(stack, live);
  const made = ledgerOf(stack, wish, live, { ...signed, destroy: false, left: [], quiesced: [], unpersisted: false });
  const declared = new Set(made?.entries.filter((id) => there.has(id)));
  // What is owned still and declared no more goes the way that was declared for it.
  const kept = Object.entries(before?.drains ?? {}).filter(([id]) => !declared.has(id));
  return {
    format: 1,
    stack,
    ...signed,
    entries: [...new Set([...(before?.entries ?? []), ...declared, ...wanted])].sort(),
    plans: before?.plans ?? [],
    drains: { ...Object.fromEntries(kept), ...made?.drains },
    ...(made?.quiesced === undefined ? {} : { quiesced: made.quiesced }),
    persist: made?.persist ?? false,
  };
}
