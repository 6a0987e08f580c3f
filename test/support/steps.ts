import { executeCommands, fetchLive, type DirectorAccess, undoCommands } from '../../lib/apply';
import { renderMove } from '../../lib/dialect';
import { chainName, type DesiredDirector, type DirectorTable, type LiveDirector, type Step } from '../../lib/model';
import { planTable } from '../../lib/plan';
import { asWish } from './as-live';

export const STACK = 'edge';

export function readLive(access: DirectorAccess): Promise<LiveDirector> {
  return fetchLive(access, chainName(STACK));
}

/** Steps from the live table to this one; everything else goes. */
export function stepsTo(table: DirectorTable, live: LiveDirector): Step[] {
  const wish: DesiredDirector = asWish(table);
  return planTable(STACK, wish, live).moves.map(renderMove);
}

export async function undo(steps: readonly Step[], access: DirectorAccess): Promise<void> {
  const refused = await executeCommands(undoCommands(steps), access);
  if (refused !== undefined) throw new Error(`undo refused: ${JSON.stringify(refused, null, 1)}`);
}
