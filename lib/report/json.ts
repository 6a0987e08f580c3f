import { type DesiredStack, formatCommand, isPlanned, type Plan } from '../model';

/**
 * A plan for scripts: one document, `format` 1. Also when a director could not be planned: its entry has an `error`.
 *
 * @param stacks what it was made from: their rollouts are part of what is approved
 * @param outcomes what an apply did, one per director
 */
export function renderJson(plan: Plan, stacks: readonly DesiredStack[], outcomes?: readonly object[]): string {
  const directors = plan.directors.map((entry) =>
    isPlanned(entry)
      ? { ...entry, steps: entry.steps.map((step) => ({ ...step, text: formatCommand(step.command) })) }
      : { ...entry, changes: [], steps: [], findings: [], foreign: 0 },
  );
  const rollouts = stacks.flatMap(({ stack, rollouts: some = [] }) => some.map((rollout) => ({ stack, ...rollout })));
  return `${JSON.stringify({ ...plan, rollouts, directors, ...(outcomes === undefined ? {} : { outcomes }) }, null, 2)}\n`;
}
