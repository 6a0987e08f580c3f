/** Changes with a net: executed with the undo in place, then confirmed or taken back. */
import {
  confirmInput,
  confirmScript,
  guardInput,
  guardScript,
  isAccepted,
  type GuardHeader,
  parseGuarded,
  parseSaid,
  parseUndo,
  rollbackScript,
  type Said,
  scriptInput,
  undoLines,
} from '../dialect';
import { type Ledger, type LiveDirector, LvsformError, type Step, TransportError, type UndoRecord } from '../model';
import { batchSteps, commandLines, undoCommands } from './batch';
import { type Refusal, timeoutMs } from './execute';
import { type DirectorAccess, liveFrom } from './fetch';
import { netError } from './net-error';

/** What became of steps. */
export interface Executed {
  /** Undefined when everything was accepted. */
  refusal: Refusal<Step> | undefined;
  /** The director right after them; undefined when it has to be read again: its table was changing. */
  left: LiveDirector | undefined;
}

/**
 * Runs steps in one remote execution like executeSteps, with the undo of `undone` placed before the first of them, and
 * reads the director after the last one.
 *
 * @param undone steps the undo takes back: these and those of the same apply before them
 * @throws ApplyError when the director would not begin: nothing is changed then
 * @throws TransportError when the connection is lost
 */
export async function executeGuarded(
  steps: readonly Step[],
  undone: readonly Step[],
  access: DirectorAccess,
  header: GuardHeader,
): Promise<Executed> {
  const batches = batchSteps(steps);
  const nonce = access.nonce();
  const lines = batches.map(({ items }) => commandLines(items.map(({ command }) => command)));
  const parts = batches.map(({ tool, pauseSeconds = 0 }, at) => ({
    tool,
    lines: lines[at]?.length ?? 0,
    pauseSeconds,
  }));
  const undo = undoLines(undoCommands(undone));
  const result = await access.runner.run(guardScript(parts, { nonce, sudo: access.sudo }), {
    stdin: guardInput(header, lines.flat(), undo, nonce),
    timeoutMs: timeoutMs(lines.flat().length),
  });
  const said = parseSaid(result.stdout, nonce);
  if (said !== undefined && said.word !== 'end' && said.word !== 'truncated') throw netError(access.name, said);
  const { outcomes, reading } = parseGuarded(result.stdout, nonce);
  if (outcomes === 'truncated')
    throw new TransportError('connection-lost', access.name, 'the connection ended while commands were being sent; none of them was run'); // prettier-ignore
  const last = outcomes.at(-1);
  const batch = batches[outcomes.length - 1];
  if (last === undefined || batch === undefined) throw new RangeError('a batch ran no part');
  const refusal = isAccepted(last) ? undefined : { batch, code: last.code, words: last.stderr };
  return { refusal, left: leftBehind(reading, nonce, access, header.chain) };
}

/** Whatever is wrong with a reading is told by the one that is made instead of it. */
function leftBehind(reading: string, nonce: string, access: DirectorAccess, chain: string): LiveDirector | undefined {
  try {
    return liveFrom(reading, nonce, access, chain);
  } catch (error) {
    if (error instanceof LvsformError) return undefined;
    throw error;
  }
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
  header: Pick<GuardHeader, 'token' | 'record'>,
  ledger: Ledger | null,
  entry: object,
): Promise<UndoRecord | undefined> {
  const said = await ask(access, confirmScript, (nonce) => confirmInput(header, ledger, entry, nonce));
  if (said.word === 'confirmed') return undefined;
  const undo = said.word === 'undone' ? parseUndo(said.rest) : undefined;
  if (undo === undefined) throw netError(access.name, said);
  return undo;
}

/**
 * Takes back the last apply of a stack, at once and under the lock.
 *
 * @returns undefined when there is nothing to take back
 */
export async function takeBack(
  access: DirectorAccess,
  { token, record }: Pick<GuardHeader, 'token' | 'record'>,
): Promise<UndoRecord | undefined> {
  const said = await ask(access, rollbackScript, (nonce) => scriptInput([`${token} ${record}`], nonce));
  if (said.word === 'nothing') return undefined;
  if (said.word !== 'done') throw netError(access.name, said);
  return parseUndo(said.rest);
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
