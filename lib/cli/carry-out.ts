/** Carries out an open plan while telling what happens: progress, gates, Ctrl-C, the outcome and its exit code. */
import { spawnSync } from 'node:child_process';
import { ApplyError, type Gate, isPlanned, NotPlannedError, type Plan } from '../model';
import { applyPlan, type ApplyReport, type ApplySettings, type OpenPlan, unplanned } from '../pipeline';
import { count, renderJson } from '../report';
import { EXIT, type ExitCode, exitCodeOf } from './command';
import { formatError } from './errors';
import type { Io } from './io';
import { errorFields, type Journal } from './journal';
import { describeEvent } from './net';

export interface CarryOutOptions {
  /** Run the commands of gates. */
  allowExec: boolean;
  format: 'text' | 'json';
  journal: Journal;
  settings: ApplySettings;
}

/** Whether a director could not be planned, and no rollout puts up with that. */
export function isBroken(open: Pick<OpenPlan, 'plan' | 'stacks'>): boolean {
  return unplanned(open).length > 0;
}

/** Nothing to do, or nothing that can be done as a whole. */
export function endWithoutApply(plan: Plan, text: boolean, io: Io): ExitCode {
  const broken = plan.directors.some((entry) => !isPlanned(entry));
  if (!text) io.out(renderJson(plan));
  else if (broken)
    io.err(
      `${io.style.error('error')}: nothing was changed anywhere, because ${count(plan.summary.unreachable, 'director')} could not be planned\n  hint: mend it, or choose directors with --director\n`,
    );
  return broken ? EXIT.error : EXIT.done;
}

/** @param plan what is printed as JSON: the open plan with the findings of policies */
export async function carryOut(open: OpenPlan, plan: Plan, options: CarryOutOptions, io: Io): Promise<ExitCode> {
  const reports = await applyWatched(open, options, io);
  return report(plan, reports, options.format === 'text', io);
}

async function applyWatched(
  open: OpenPlan,
  { allowExec, journal, settings }: CarryOutOptions,
  io: Io,
): Promise<ApplyReport[]> {
  const stop = new AbortController();
  const onInterrupt = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
    journal.note('interrupted');
    io.err('\nStopping after this director; Ctrl-C again to leave at once (it finishes what it has been sent).\n');
  };
  process.on('SIGINT', onInterrupt);
  try {
    let told: string | undefined;
    return await applyPlan(open, settings, {
      signal: stop.signal,
      onEvent: (director, event) => {
        if (event.kind !== 'draining') journal.note(event.kind, { director });
        const line = describeEvent(director, event);
        if (line !== undefined && line !== told) io.err(`${line}\n`);
        told = line;
      },
      onDirector: ({ stack, director, outcome, steps, error }) => {
        journal.note(outcome, {
          stack,
          director,
          steps,
          ...(error === undefined ? {} : { error: errorFields(error) }),
        });
        if (outcome !== 'unchanged') io.err(`${director}: ${outcome}, ${count(steps, 'step')} in effect\n`);
      },
      onGate: (gate) => {
        journal.note('gate', { address: gate.address, commands: gate.commands, run: allowExec });
        runGate(gate, allowExec, io);
        return Promise.resolve();
      },
    });
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}

/** A gate is a place in the order. Its commands run only when they are allowed to: the artefact may come from elsewhere. */
function runGate(gate: Gate, allowed: boolean, io: Io): void {
  for (const command of gate.commands) {
    if (!allowed) {
      io.err(`gate ${gate.address}: not run: ${command} (--allow-exec runs it)\n`);
      continue;
    }
    const result = spawnSync(command, {
      shell: true,
      cwd: io.cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    io.err(`gate ${gate.address}: ${command}\n${result.stdout}${result.stderr}`);
    if (result.status !== 0)
      throw new ApplyError(
        'refused',
        `gate ${gate.address}`,
        `its command failed with exit code ${String(result.status)}: ${command}`,
      );
  }
}

function report(plan: Plan, reports: readonly ApplyReport[], text: boolean, io: Io): ExitCode {
  if (!text) {
    const outcomes = reports.map(({ error, ...rest }) => ({
      ...rest,
      ...(error === undefined ? {} : { error: errorFields(error) }),
    }));
    io.out(renderJson(plan, outcomes));
  }
  for (const { error } of reports) if (error !== undefined) io.err(formatError(error, io.style));
  if (text) {
    const sentence = (outcome: ApplyReport['outcome'], words: (some: readonly ApplyReport[]) => string): string[] => {
      const some = reports.filter((one) => one.outcome === outcome);
      return some.length > 0 ? [words(some)] : [];
    };
    const names = (some: readonly ApplyReport[]): string => some.map(({ director }) => director).join(', ');
    const sentences = [
      ...sentence('applied', (some) => `Applied to ${count(some.length, 'director')}, read back and verified.`),
      ...sentence('rolled-back', (some) => `Failed and put back: ${names(some)}.`),
      ...sentence('failed', (some) => `Failed: ${names(some)}.`),
      ...sentence('skipped', (some) => `Left as they were: ${names(some)}.`),
    ];
    io.out(`\n${io.style.strong(sentences.join(' '))}\n`);
  }
  return applyExitCode(reports);
}

/** Errors after which the director is as it was. */
const UNTOUCHED = ['stale', 'blocked', 'locked', 'no-net'];

/**
 * `partial` as soon as something of a run that did not succeed is in effect, or may be. Else every director is as it was
 * before, and the first error says why.
 */
export function applyExitCode(reports: readonly ApplyReport[]): ExitCode {
  const stopped = reports.filter(({ outcome }) => outcome !== 'applied' && outcome !== 'unchanged');
  if (stopped.length === 0) return EXIT.done;
  const inEffect = ({ outcome, error }: ApplyReport): boolean =>
    outcome === 'applied' ||
    (outcome === 'failed' && !(error instanceof NotPlannedError) && !UNTOUCHED.includes(error?.code ?? ''));
  if (reports.some(inEffect)) return EXIT.partial;
  return exitCodeOf(stopped.find(({ error }) => error !== undefined)?.error);
}
