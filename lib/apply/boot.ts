/** What a director does at boot, next to a plan: what is to be known about it, and what an apply writes. */
import { type BootRequest, isIdle, renderBoot, renderUnboot } from '../dialect';
import type { BootState, DesiredDirector, DesiredTimeouts, DirectorTable, Finding } from '../model';
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
  /** Whether no boot files of the stack are left once they are written. */
  isLast: boolean;
  /** Timeouts in the stack's own file, where there is one. */
  timeouts: DesiredTimeouts | undefined;
  /** Writes the boot files for the table as it is now. */
  write: (access: DirectorAccess, now: Standing) => Promise<void>;
}

export interface BootOptions {
  /** The plan takes away what the stack declares. */
  destroy: boolean;
  /** The director may have boot files of this stack. */
  persisted: boolean;
}

/** @returns undefined for directors that do not persist and did not before. @throws TransportError, ParseError */
export async function planBoot(
  stack: string,
  wish: DesiredDirector,
  desired: Standing,
  access: DirectorAccess,
  { destroy, persisted }: BootOptions,
): Promise<BootPlan | undefined> {
  const { name, owns = 'declared', persist = false } = wish.director;
  if (!persist && !persisted) return undefined;
  const isLast = destroy || !persist;
  const state: BootState = await readBoot(access, stack);
  const request = ({ table, foreign }: Standing): BootRequest =>
    isLast ? renderUnboot(stack, state) : renderBoot(stack, state, tableAtBoot(wish, table, foreign), owns);
  const isPending = !isIdle(request(desired));
  const drift = (): Finding[] => {
    const wanted = tableAtBoot(wish, desired.table, desired.foreign);
    return bootFindings(name, state, bootDrift(name, state, wanted, owns), owns);
  };
  const gone: Finding = { code: 'boot-files-go', severity: 'info', message: "`persist` is no longer declared: the boot files of this stack are removed, a boot doesn't restore it" }; // prettier-ignore
  return {
    findings: !isLast ? drift() : isPending && !destroy ? [gone] : [],
    isPending,
    isLast,
    timeouts: state.own === null || state.own === 'corrupt' ? undefined : state.own.timeouts,
    write: async (to, now) => {
      await persistTable(to, request(now));
    },
  };
}
