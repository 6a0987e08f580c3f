import { ApplyError, type Change, type DirectorTable, formatCommand, type Step } from '../model';
import { effectsIn } from '../plan';
import type { Refusal } from './execute';

const SCHEDULER_MISSING = 'Scheduler or persistence engine not found';

/** Which steps of a stopped apply can be seen in the table, and which can't. */
export interface StoppedApply {
  done: Step[];
  /** Steps of the refused batch that had no effect: among them is the refused command. */
  refused: Step[];
  /** Steps of later phases, never sent. */
  pending: Step[];
  /** Number of the first step without effect, from 1; undefined when all had their effect. */
  failedAt: number | undefined;
  /** Id of the entry it is about. */
  entry: string | undefined;
}

/** What an interrupted apply did, judged by the table as it is now and not by what was sent. */
export function judgeSteps(
  steps: readonly Step[],
  changes: readonly Change[],
  now: DirectorTable,
  refusal?: Refusal<Step>,
): StoppedApply {
  const byId = new Map(changes.map((change) => [change.id, change]));
  const tookEffect = effectsIn(now);
  const isEffective = (step: Step): boolean =>
    step.changes.every((id) => {
      const change = byId.get(id);
      // A daemon that was stopped for an edit is neither as before nor as wished; seen from this step it is gone.
      if (change !== undefined && step.verb === 'stop-daemon') return tookEffect({ ...change, after: null });
      // A server that was quiesced before its removal still has its weight to show, or is gone.
      if (change?.on === 'server' && change.before !== null && step.verb === 'quiesce-server') {
        const quiesced = { ...change, after: { ...change.before, weight: 0 } };
        return tookEffect(quiesced) || tookEffect(change);
      }
      return change !== undefined && tookEffect(change);
    });
  const effective = steps.map(isEffective);
  const inBatch = new Set(refusal?.batch.items);
  const lastSent = steps.reduce((last, step, at) => (inBatch.has(step) ? at : last), -1);
  const first = effective.indexOf(false);
  return {
    failedAt: first < 0 ? undefined : first + 1,
    entry: steps[first]?.changes[0],
    done: steps.filter((_, at) => effective[at] === true),
    refused: steps.filter((step, at) => inBatch.has(step) && effective[at] === false),
    pending: steps.filter((step, at) => !inBatch.has(step) && at > lastSent && effective[at] === false),
  };
}

/** The error that says what an apply did before its connection was lost. */
export function interruptedError(director: string, stopped: StoppedApply, cause: unknown): ApplyError {
  const message = [
    'the connection was lost during the apply; the director was read again',
    ...(stopped.done.length > 0 ? list('in effect', stopped.done) : ['  in effect: nothing']),
    ...list('not in effect', stopped.pending),
  ].join('\n');
  const hint = 'run `lvsform apply` again to finish';
  return new ApplyError('interrupted', director, message, { cause, hint, ...failedAt(stopped) });
}

const failedAt = ({ failedAt: at, entry }: StoppedApply): { failedAt?: number; entry?: string } => ({
  ...(at === undefined ? {} : { failedAt: at }),
  ...(entry === undefined ? {} : { entry }),
});

function list(heading: string, steps: readonly Step[]): string[] {
  if (steps.length === 0) return [];
  return [`  ${heading} (${steps.length}):`, ...steps.map((step) => `    ${formatCommand(step.command)}`)];
}

/** The error that says exactly where an apply was refused. */
export function refusalError(director: string, refusal: Refusal<Step>, stopped: StoppedApply): ApplyError {
  const phase = refusal.batch.items[0]?.phase ?? 'build';
  const words = refusal.words.replaceAll('\n', '; ') || `exit code ${refusal.code}`;
  const message = [
    `stopped in phase ${phase}: ${refusal.batch.tool} said: ${words}`,
    ...list('without effect', stopped.refused),
    ...(stopped.done.length > 0 ? list('had taken effect', stopped.done) : ['  had taken effect: nothing']),
    ...list('never sent', stopped.pending),
  ].join('\n');
  if (refusal.words.includes(SCHEDULER_MISSING)) {
    return new ApplyError('scheduler-missing', director, message, {
      hint: 'the kernel of this director has no module for that scheduler or persistence engine: try `modprobe ip_vs_NAME` there, or choose another',
      ...failedAt(stopped),
    });
  }
  return new ApplyError('refused', director, message, {
    ...failedAt(stopped),
    hint: 'mend what it was refused for, and apply again',
  });
}
