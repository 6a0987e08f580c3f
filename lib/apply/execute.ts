import { scriptInput, batchScript, isAccepted, parseBatch } from '../dialect';
import { type Command, type Step, TransportError } from '../model';
import { type Batch, batchCommands, batchSteps, commandLines } from './batch';
import type { DirectorAccess } from './fetch';

/** A batch the director did not carry out in full. */
export interface Refusal<T> {
  batch: Batch<T>;
  /** Exit code of the tool; 0 also when `ipvsadm -R` met a refusal on a line that was not its last. */
  code: number;
  /** The tool's own words. */
  words: string;
}

/**
 * Runs steps in one remote execution, phase by phase; the director stops at the first phase it does not accept in full.
 * Everything is sent before anything starts, and what has started gets done also when the connection is lost.
 *
 * @returns undefined when everything was accepted
 * @throws TransportError when the connection is lost; the table has to be read again to know what happened
 */
export async function executeSteps(steps: readonly Step[], access: DirectorAccess): Promise<Refusal<Step> | undefined> {
  return runBatches(batchSteps(steps), ({ command }) => command, access);
}

/** Runs commands in their order, e.g. an undo; stops at the first refusal. */
export async function executeCommands(
  commands: readonly Command[],
  access: DirectorAccess,
): Promise<Refusal<Command> | undefined> {
  return runBatches(batchCommands(commands), (command) => command, access);
}

/** Time for a slow director: ipvsadm takes half a millisecond a line, iptables and sudo some more. */
export const timeoutMs = (lines: number): number => 120_000 + lines * 5;

async function runBatches<T>(
  batches: readonly Batch<T>[],
  commandOf: (item: T) => Command,
  access: DirectorAccess,
): Promise<Refusal<T> | undefined> {
  if (batches.length === 0) return undefined;
  const nonce = access.nonce();
  const lines = batches.map(({ items }) => commandLines(items.map(commandOf)));
  const parts = batches.map(({ tool, pauseSeconds = 0 }, at) => ({
    tool,
    lines: lines[at]?.length ?? 0,
    pauseSeconds,
  }));
  const all = lines.flat();
  const result = await access.runner.run(batchScript(parts, { nonce, sudo: access.sudo }), {
    stdin: scriptInput(all, nonce),
    timeoutMs: timeoutMs(all.length),
  });
  const outcomes = parseBatch(result.stdout, nonce);
  if (outcomes === 'truncated') {
    throw new TransportError(
      'connection-lost',
      access.name,
      'the connection ended while commands were being sent; none of them was run',
    );
  }
  const [last] = outcomes.slice(-1);
  const batch = batches[outcomes.length - 1];
  if (last === undefined || batch === undefined) throw new RangeError('a batch ran no part');
  return isAccepted(last) ? undefined : { batch, code: last.code, words: last.stderr };
}
