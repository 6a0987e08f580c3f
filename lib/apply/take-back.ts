/** Takes an apply back with everything that belongs to it. */
import { renderBoot, renderUnboot } from '../dialect';
import {
  ApplyError,
  canonicalJson,
  chainName,
  type DesiredDirector,
  type DesiredTimeouts,
  type Ledger,
  LvsformError,
  recordName,
  serviceId,
  wordsOf,
} from '../model';
import { daemonId, knownLedger, providedMarks, tableAtBoot } from '../plan';
import { type DirectorAccess, fetchLive } from './fetch';
import { type AskedUndo, confirm, takeBack } from './guard';
import { netError } from './net-error';
import { persistTable, readBoot } from './persist';

/** What is taken back, and what the stack says of its director now. */
export interface TakenBack {
  stack: string;
  wish: DesiredDirector;
  /** Of the lock it is done under. */
  token: string;
  /** Of the lock the apply was done under; without it the last apply is taken back, whosever it was. */
  apply?: string;
  /** The timeouts in the boot files before, where that is known. */
  timeouts?: DesiredTimeouts | undefined;
}

/**
 * Takes the last apply of a stack back: the director's own undo brings table and ledger back, and then boot files are
 * written for what is there.
 *
 * @returns undefined when there is nothing to take back
 * @throws ApplyError `interrupted` when another apply came after, or when boot files could not follow
 */
export async function takeBackApply(access: DirectorAccess, what: Readonly<TakenBack>): Promise<AskedUndo | undefined> {
  const undo = await takeBack(access, { token: what.token, record: recordName(what.stack) }, what.apply);
  if (undo === undefined || undo.state === 'superseded') return undo;
  try {
    await settleBoot(access, what);
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    const why = wordsOf(access.name, error);
    throw new ApplyError('interrupted', access.name, `table and ledger are put back, its boot files are not: ${why}`, {
      cause: error,
      hint: error.hint ?? 'mend it, and run `lvsform rollback` again',
    });
  }
  return undo;
}

/** The ledgers before an apply and after it; null where there is none. */
export interface Recorded {
  before: Ledger | null;
  after: Ledger | null;
}

/**
 * Takes an apply back that changed no table: nothing but ledger and boot files.
 *
 * @throws ApplyError `interrupted` when another apply came after
 */
export async function takeBackRecords(
  access: DirectorAccess,
  what: Readonly<TakenBack>,
  { before, after }: Recorded,
  entry: object,
): Promise<void> {
  const record = recordName(what.stack);
  const { ledgers } = (await fetchLive(access, chainName(what.stack))).records;
  // A ledger says when it was written, and by whom: no two are alike.
  if (canonicalJson(ledgers[record] ?? null) !== canonicalJson(after))
    throw netError(access.name, { word: 'other', rest: '' });
  await confirm(access, { token: what.token, record }, before, entry);
  await settleBoot(access, what);
}

/** What boot files shall hold is what the ledger says the stack has, as it is live; where it persisted nothing, they go. */
async function settleBoot(access: DirectorAccess, { stack, wish, timeouts }: TakenBack): Promise<void> {
  const live = await fetchLive(access, chainName(stack));
  if (live.records.ledgers[recordName(stack)] === 'corrupt') return;
  const ledger = knownLedger(stack, live);
  const state = await readBoot(access, stack);
  if (ledger?.persist !== true) {
    await persistTable(access, renderUnboot(stack, state));
    return;
  }
  const { owns = 'declared' } = wish.director;
  const had = new Set(ledger.entries);
  const ids = [...live.table.services.map(({ key }) => serviceId(key)), ...live.table.daemons.map(daemonId)];
  const foreign = owns === 'table' ? [] : ids.filter((id) => !had.has(id));
  // The ledger knows that there were timeouts and not which; where nobody can say, all of them are as they are.
  const { timeouts: declared } = wish.table;
  const spoken = timeouts ?? (Object.keys(declared).length > 0 ? declared : live.table.timeouts);
  const marks = [...live.table.marks, ...providedMarks(live, (id) => had.has(id))];
  const then = { ...wish, table: { ...wish.table, marks, timeouts: had.has('timeouts') ? spoken : {} } };
  await persistTable(access, renderBoot(stack, state, tableAtBoot(then, live.table, foreign), owns));
}
