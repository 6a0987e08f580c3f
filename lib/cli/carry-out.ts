/** Carries out an open plan while telling what happens: progress, gates, Ctrl-C, the outcome and its exit code. */
import {
  ApplyError,
  type DesiredStack,
  type Gate,
  isPlanned,
  type LvsformError,
  NotPlannedError,
  type Plan,
} from '../model';
import { applyPlan, type ApplyReport, type ApplySettings, DEFAULT_PARALLELISM, type OpenPlan, unplanned } from '../pipeline'; // prettier-ignore
import { count, renderJson } from '../report';
import { EXIT, type ExitCode, exitCodeOf } from './command';
import { formatError } from './errors';
import type { Io } from './io';
import { errorFields, type Journal } from './journal';
import { openProgress, type ProgressKind } from './progress';
import { checkWave } from './rollout-check';
import { runLoudly } from './shell';

export interface CarryOutOptions {
  /** Run the commands of gates. */
  allowExec: boolean;
  format: 'text' | 'json';
  progress: ProgressKind;
  journal: Journal;
  settings: ApplySettings;
}

/** Whether a director could not be planned, and no rollout puts up with that. */
export function isBroken(open: Pick<OpenPlan, 'plan' | 'stacks'>): boolean {
  return unplanned(open).length > 0;
}

/** Nothing to do, or nothing that can be done as a whole. */
export function endWithoutApply(plan: Plan, stacks: readonly DesiredStack[], text: boolean, io: Io): ExitCode {
  const broken = plan.directors.some((entry) => !isPlanned(entry));
  if (!text) io.out(renderJson(plan, stacks));
  else if (broken)
    io.err(
      `${io.style.error('error')}: nothing was changed anywhere, because ${count(plan.summary.unreachable, 'director')} could not be planned\n  hint: mend it, or choose directors with --director\n`,
    );
  return broken ? EXIT.error : EXIT.done;
}

/** @param plan what is printed as JSON: the open plan with the findings of policies */
export async function carryOut(open: OpenPlan, plan: Plan, options: CarryOutOptions, io: Io): Promise<ExitCode> {
  const { reports, stopped } = await applyWatched(open, options, io);
  return report(plan, open.stacks, reports, stopped, options.format === 'text', io);
}

/** Why a rollout ended early, where a director's own report does not say. */
interface Stopped {
  error?: LvsformError;
}

async function applyWatched(
  open: OpenPlan,
  { allowExec, journal, progress: kind, settings }: CarryOutOptions,
  io: Io,
): Promise<{ reports: ApplyReport[]; stopped: Stopped | undefined }> {
  const stop = new AbortController();
  const busy = open.plan.directors.filter(isPlanned).filter(({ steps, boot }) => steps.length > 0 || boot === true);
  const progress = openProgress(kind, busy.length, open.options.parallelism ?? DEFAULT_PARALLELISM, io);
  const done: ApplyReport[] = [];
  const onInterrupt = (): void => {
    if (stop.signal.aborted) {
      progress.end();
      leave(progress.inFlight(), done, settings.confirmSeconds ?? 0, io);
    }
    stop.abort();
    journal.note('interrupted');
    progress.say(stopping(progress.inFlight()));
  };
  process.on('SIGINT', onInterrupt);
  let stopped: Stopped | undefined;
  try {
    const reports = await applyPlan(open, settings, {
      signal: stop.signal,
      onEvent: (director, event) => {
        if (event.kind !== 'draining') journal.note(event.kind, { director });
        progress.director(director, event);
      },
      onFleet: (event) => {
        const { error, ...fields } = { error: undefined, ...event };
        if (event.kind !== 'begun')
          journal.note(event.kind, { ...fields, ...(error === undefined ? {} : { error: errorFields(error) }) });
        if (event.kind === 'stopped') stopped = event;
        progress.fleet(event);
      },
      onDirector: (one) => {
        const { stack, director, outcome, steps, error } = one;
        done.push(one);
        journal.note(outcome, {
          stack,
          director,
          steps,
          ...(error === undefined ? {} : { error: errorFields(error) }),
        });
        progress.report(one);
      },
      onGate: (gate) => {
        journal.note('gate', { address: gate.address, commands: gate.commands, run: allowExec });
        runGate(gate, allowExec, io);
        return Promise.resolve();
      },
      onCheck: (rollout, { number }, signal) => checkWave(rollout, number, io, signal),
    });
    return { reports, stopped };
  } finally {
    progress.end();
    process.off('SIGINT', onInterrupt);
  }
}

function stopping(inFlight: readonly string[]): string {
  if (inFlight.length === 0) return 'Stopping; no director is in the middle of a change.';
  const who = nameSome(inFlight);
  return `Stopping after ${who}: what is being changed is finished, what is drained stays quiescent. Ctrl-C again to leave at once.`;
}

/** Leaves at once, and says how each director stands as far as it is known. */
function leave(inFlight: readonly string[], done: readonly ApplyReport[], confirmSeconds: number, io: Io): never {
  const fate =
    confirmSeconds > 0
      ? `in the middle of a change; unless that was verified it puts itself back within ${confirmSeconds} s`
      : 'in the middle of a change; it finishes what it has been sent';
  for (const { director, outcome } of done) if (outcome !== 'unchanged') io.err(`${director}: ${outcome}\n`);
  for (const director of inFlight) io.err(`${director}: ${fate}\n`);
  io.err('All others are as they were. `lvsform plan` says how they stand.\n');
  process.exit(130);
}

/** A gate is a place in the order. Its commands run only when they are allowed to: the artefact may come from elsewhere. */
function runGate(gate: Gate, allowed: boolean, io: Io): void {
  for (const command of gate.commands) {
    if (!allowed) {
      io.err(`gate ${gate.address}: not run: ${command} (--allow-exec runs it)\n`);
      continue;
    }
    io.err(`gate ${gate.address}: ${command}\n`);
    const problem = runLoudly(command, { cwd: io.cwd }, (text) => {
      io.err(text);
    });
    if (problem !== undefined)
      throw new ApplyError('refused', `gate ${gate.address}`, `its command ${problem}: ${command}`);
  }
}

function report(
  plan: Plan,
  stacks: readonly DesiredStack[],
  reports: readonly ApplyReport[],
  stopped: Stopped | undefined,
  text: boolean,
  io: Io,
): ExitCode {
  if (!text) {
    const outcomes = reports.map(({ error, ...rest }) => ({
      ...rest,
      ...(error === undefined ? {} : { error: errorFields(error) }),
    }));
    io.out(renderJson(plan, stacks, outcomes));
  }
  if (stopped?.error !== undefined) io.err(formatError(stopped.error, io.style));
  for (const { error } of reports) if (error !== undefined) io.err(formatError(error, io.style));
  if (text) {
    const sentence = (outcome: ApplyReport['outcome'], words: (some: readonly ApplyReport[]) => string): string[] => {
      const some = reports.filter((one) => one.outcome === outcome);
      return some.length > 0 ? [words(some)] : [];
    };
    const names = (some: readonly ApplyReport[]): string => nameSome(some.map(({ director }) => director));
    const sentences = [
      ...sentence('applied', (some) => `Applied to ${count(some.length, 'director')}, read back and verified.`),
      ...sentence('rolled-back', (some) => `Failed and put back: ${names(some)}.`),
      ...sentence('failed', (some) => `Failed: ${names(some)}.`),
      ...sentence('skipped', (some) => `Left as they were: ${names(some)}.`),
    ];
    io.out(`\n${io.style.strong(sentences.join(' '))}\n`);
  }
  return applyExitCode(reports, stopped !== undefined);
}

/** So many names are listed; the others were told line by line. */
const LISTED = 20;

function nameSome(names: readonly string[]): string {
  const more = names.length > LISTED ? ` and ${names.length - LISTED} more` : '';
  return `${names.slice(0, LISTED).join(', ')}${more}`;
}

/** Errors after which the director is as it was, unless steps are in effect. */
const UNTOUCHED = ['stale', 'blocked', 'locked', 'no-net'];

/**
 * `partial` as soon as something of a run that did not succeed is in effect, or may be. Else every director is as it was
 * before, and the first error says why.
 */
export function applyExitCode(reports: readonly ApplyReport[], stopped = false): ExitCode {
  const unfinished = reports.filter(({ outcome }) => outcome !== 'applied' && outcome !== 'unchanged');
  if (unfinished.length === 0 && !stopped) return EXIT.done;
  const inEffect = ({ outcome, steps, error }: ApplyReport): boolean =>
    outcome === 'applied' ||
    (outcome === 'failed' &&
      (steps > 0 || !(error instanceof NotPlannedError || UNTOUCHED.includes(error?.code ?? ''))));
  if (reports.some(inEffect)) return EXIT.partial;
  const error = unfinished.find((one) => one.error !== undefined)?.error;
  // Nothing failed by itself: what was changed was put back because a check did.
  if (error === undefined && reports.some(({ outcome }) => outcome === 'rolled-back')) return EXIT.rolledBack;
  return exitCodeOf(error);
}
