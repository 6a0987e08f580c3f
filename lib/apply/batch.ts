import type { Command, Step, Tool } from '../model';

/** What goes to one run of a tool. */
export interface Batch<T> {
  tool: Tool;
  items: T[];
  /** Whole seconds to wait before it. */
  pauseSeconds?: number;
}

/** Time that requests under way get to finish before what they use is removed. Longer ones need a drain. */
const SETTLE_SECONDS = 1;

/** After these, new connections no longer go to what is about to be removed. */
const LEADS_AWAY: readonly Step['verb'][] = ['quiesce-server', 'steer'];

/**
 * Groups steps, which are in order, by phase and tool. A phase never shares a batch with another one: `ipvsadm -R` goes
 * on after a refusal, and what a later phase does may only be safe once the earlier one is complete.
 */
export function batchSteps(steps: readonly Step[]): Batch<Step>[] {
  const ledAway = steps.some((step) => LEADS_AWAY.includes(step.verb));
  return group(
    steps,
    (step) => step.command.tool,
    (a, b) => a.phase === b.phase,
  ).map((batch) =>
    ledAway && batch.items[0]?.phase === 'remove' ? { ...batch, pauseSeconds: SETTLE_SECONDS } : batch,
  );
}

/** Groups commands that follow each other by tool. */
export function batchCommands(commands: readonly Command[]): Batch<Command>[] {
  return group(
    commands,
    (command) => command.tool,
    () => true,
  );
}

function group<T>(items: readonly T[], toolOf: (item: T) => Tool, together: (a: T, b: T) => boolean): Batch<T>[] {
  const batches: Batch<T>[] = [];
  for (const item of items) {
    const last = batches.at(-1);
    const before = last?.items.at(-1);
    // A restore is one transaction of its own; ipvsadm takes as many lines as there are.
    if (
      last !== undefined &&
      before !== undefined &&
      last.tool === 'ipvsadm' &&
      toolOf(item) === 'ipvsadm' &&
      together(before, item)
    )
      last.items.push(item);
    else batches.push({ tool: toolOf(item), items: [item] });
  }
  return batches;
}

/** The lines a batch is fed: one command a line for `ipvsadm -R`, the rules for `…-restore`. */
export function commandLines(commands: readonly Command[]): string[] {
  return commands.flatMap((command) =>
    command.input === undefined ? [command.args.join(' ')] : command.input.trimEnd().split('\n'),
  );
}

/** The commands that take steps back, in the order to run them: the last step first. */
export function undoCommands(steps: readonly Step[]): Command[] {
  return [...steps].reverse().flatMap((step) => step.undo);
}
