/** What a director does at boot, next to a plan: what is to be known about it, and what an apply writes. */
import { type BootRequest, isIdle, renderBoot, renderUnboot } from '../dialect';
import type { BootState, DesiredDirector, DirectorTable, Finding } from '../model';
import { bootDrift, bootFindings, tableAtBoot } from '../plan';
import type { DirectorAccess } from './fetch';
import { persistTable, readBoot } from './persist';

/** The table a director has or shall have, and which of its entries are not the stack's. */
export interface Standing {
  table: DirectorTable;
  /** Ids of services and daemons of others. */
  foreign: readonly string[];
}

export interface BootPlan {
  findings: Finding[];
  /** Whether an apply writes anything. */
  isPending: boolean;
  /** Writes the boot files for the table as it is now. */
  write: (access: DirectorAccess, now: Standing) => Promise<void>;
}

/** @returns undefined for directors that do not persist. @throws TransportError, ParseError */
export async function planBoot(
  stack: string,
  wish: DesiredDirector,
  desired: Standing,
  access: DirectorAccess,
  destroy: boolean,
): Promise<BootPlan | undefined> {
  const { name, owns = 'declared', persist = false } = wish.director;
  if (!persist) return undefined;
  const state: BootState = await readBoot(access, stack);
  const request = ({ table, foreign }: Standing): BootRequest =>
    destroy ? renderUnboot(stack, state) : renderBoot(stack, state, tableAtBoot(wish, table, foreign), owns);
  const wanted = tableAtBoot(wish, desired.table, desired.foreign);
  return {
    findings: destroy ? [] : bootFindings(name, state, bootDrift(name, state, wanted, owns), owns),
    isPending: !isIdle(request(desired)),
    write: async (to, now) => {
      await persistTable(to, request(now));
    },
  };
}
