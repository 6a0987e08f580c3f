/** Changes with a net: executed with the undo in place, then confirmed or taken back. */
import {
  confirmInput,
  confirmScript,
  guardInput,
  guardScript,
  isAccepted,
  type GuardHeader,
  parseBatch,
  parseSaid,
  parseUndo,
  type RecordHeader,
  renderUndo,
  rollbackInput,
  rollbackScript,
  type Said,
} from '../dialect';
import { type Ledger, type Step, TransportError, type UndoRecord } from '../model';
import { batchSteps, commandLines, undoCommands } from './batch';
import { type Refusal, timeoutMs } from './execute';
import type { DirectorAccess } from './fetch';
import { netError } from './net-error';

/**
 * Runs steps in one remote execution like executeSteps, with the undo of `undone` placed before the first of them.
 *
 * @param undone steps the undo takes back: these and those of the same apply before them
 * @returns undefined when everything was accepted
 * @throws ApplyError when the director would not begin: nothing is changed then
 * @throws TransportError when the connection is lost
 */
export async function executeGuarded(
  steps: readonly Step[],
  undone: readonly Step[],
  access: DirectorAccess,
  header: GuardHeader,
): Promise<Refusal<Step> | undefined> {
  const batches = batchSteps(steps);
  const nonce = access.nonce();
  const lines = batches.map(({ items }) => commandLines(items.map(({ command }) => command)));
  const parts = batches.map(({ tool, pauseSeconds = 0 }, at) => ({
    tool,
    lines: lines[at]?.length ?? 0,
    pauseSeconds,
  }));
  const undo = renderUndo(undoCommands(undone));
  const result = await access.runner.run(guardScript(parts, { nonce, sudo: access.sudo }), {
    stdin: guardInput(header, lines.flat(), undo, nonce),
    timeoutMs: timeoutMs(lines.flat().length),
  });
  const said = parseSaid(result.stdout, nonce);
  if (said !== undefined && said.word !== 'end' && said.word !== 'truncated') throw netError(access.name, said);
  const outcomes = parseBatch(result.stdout, nonce);
  if (outcomes === 'truncated')
    throw new TransportError('connection-lost', access.name, 'the connection ended while commands were being sent; none of them was run'); // prettier-ignore
  const last = outcomes.at(-1);
  const batch = batches[outcomes.length - 1];
  if (last === undefined || batch === undefined) throw new RangeError('a batch ran no part');
  return isAccepted(last) ? undefined : { batch, code: last.code, words: last.stderr };
}

/**
 * Records what the stack owns and disarms the switch.
 *
 * @param ledger null removes it
 * @returns what became of the apply when the director was faster and put itself back; undefined when all is well
 * @throws ApplyError when it can't be recorded
 */
export async function confirm(
  access: DirectorAccess,
  header: RecordHeader,
  ledger: Ledger | null,
  entry: object,
): Promise<UndoRecord | undefined> {
  const said = await ask(access, confirmScript, (nonce) => confirmInput(header, ledger, entry, nonce));
  if (said.word === 'confirmed') return undefined;
  const undo = said.word === 'undone' ? parseUndo(said.rest) : undefined;
  if (undo === undefined) throw netError(access.name, said);
  return undo;
}

/** An undo that was asked for. */
export interface AskedUndo extends UndoRecord {
  /** It was undone before, or there is a later apply that has none: nothing was left to do. */
  already: boolean;
}

/**
 * Takes back the last apply of a stack, at once and under the lock.
 *
 * @param apply token of the lock it was done under: another one stays as it is
 * @returns undefined when there is nothing to take back
 * @throws ApplyError `interrupted` when another apply came after that one
 */
export async function takeBack(
  access: DirectorAccess,
  { token, record }: Pick<GuardHeader, 'token' | 'record'>,
  apply?: string,
): Promise<AskedUndo | undefined> {
  const said = await ask(access, rollbackScript, (nonce) => rollbackInput(token, record, nonce, apply));
  if (said.word === 'nothing') return undefined;
  if (said.word !== 'done' && said.word !== 'already') throw netError(access.name, said);
  const undo = parseUndo(said.rest);
  return undo && { ...undo, already: said.word === 'already' };
}

async function ask(
  access: DirectorAccess,
  build: typeof confirmScript,
  input: (nonce: string) => string,
): Promise<Said> {
  const nonce = access.nonce();
  const result = await access.runner.run(build({ nonce, sudo: access.sudo }), { stdin: input(nonce) });
  const said = parseSaid(result.stdout, nonce);
  if (said !== undefined) return said;
  const words = (result.stderr || result.stdout).trim();
  throw new TransportError('command-failed', access.name, `the director did not answer as expected: ${words}`);
}
