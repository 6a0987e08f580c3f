import type { DirectorAccess } from '../../lib/apply';
import { executeSteps } from '../../lib/apply';
import type { DirectorTable, LiveDirector, Step } from '../../lib/model';
import { readLive, stepsTo, undo } from './steps';

/** A director under test. */
export interface Subject {
  access: DirectorAccess;
  /**
   * What the director's own tools print of its table, thresholds, timeouts, daemons and mark rules included.
   *
   * @param services how many virtual services the table should have
   */
  listAll: (services: number) => Promise<string>;
  /** Its table as last read; nothing else changes it, so that it need not be read twice. */
  live?: LiveDirector;
}

/**
 * The whole promise on one pair of tables: apply the first, nothing is left to do; apply the second, nothing is left to
 * do; take back the steps in reverse, and the listings are what they were, byte for byte.
 */
export async function roundTrip(first: DirectorTable, second: DirectorTable, subject: Subject): Promise<void> {
  const live = subject.live ?? (await readLive(subject.access));
  // When anything fails, the next case must not trust what this one believed.
  delete subject.live;
  const { reached } = await applyTable(first, live, subject);
  const services = reached.table.services.length;
  const listed = await subject.listAll(services);
  const { steps } = await applyTable(second, reached, subject);
  await undo(steps, subject.access);
  expect(await subject.listAll(services)).toBe(listed);
  subject.live = reached;
}

async function applyTable(
  table: DirectorTable,
  live: LiveDirector,
  { access }: Subject,
): Promise<{ steps: Step[]; reached: LiveDirector }> {
  const steps = stepsTo(table, live);
  const stop = await executeSteps(steps, access);
  if (stop !== undefined) throw new Error(`refused: ${JSON.stringify(stop, null, 1)}`);
  const reached = await readLive(access);
  expect(stepsTo(table, reached)).toEqual([]);
  return { steps, reached };
}
