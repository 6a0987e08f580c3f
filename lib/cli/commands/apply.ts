import { type Command, Option } from 'commander';
import { ApplyError, hasWork, movedSince, UsageError } from '../../model';
import { type OpenPlan, planStacks } from '../../pipeline';
import { renderText, renderWaves } from '../../report';
import { carryOut, endWithoutApply, isBroken } from '../carry-out';
import { type AddCommand, EXIT, type ExitCode } from '../command';
import type { Io } from '../io';
import { type Journal, journaled, type JournalFlags, notePlan } from '../journal';
import { type NetFlags, settingsOf, withNet } from '../net';
import {
  connector,
  type DirectorFlags,
  type ProjectFlags,
  type SafetyFlags,
  withDirectors,
  withFormat,
  withJournal,
  withProject,
  withSafety,
} from '../options';
import { movedWords, planFileArgument } from '../plan-file';
import { loadPolicies } from '../policy';
import { PROGRESS_KINDS, type ProgressKind } from '../progress';
import { loadProject } from '../project';
import { selectStacks } from '../selection';
import { refuseUnchecked } from '../rollout-check';
import { judged, type Judges, refuseBlocked } from '../safety';
import { applyFile } from './apply-file';

export interface ApplyFlags extends ProjectFlags, DirectorFlags, SafetyFlags, JournalFlags, NetFlags {
  format: 'text' | 'json';
  autoApprove?: boolean;
  allowExec?: boolean;
  progress: ProgressKind;
  resume?: boolean;
}

export const addApply: AddCommand = (program, io, exit) => {
  const command = program
    .command('apply')
    .description('plan, ask, and change the directors; or apply the plan in a file')
    .argument('[stack...]', 'only these stacks; or one plan file')
    .addHelpText(
      'after',
      `
Every step is make-before-break: new services and real servers first, raised weights next, then mark rules, and only then
what goes down or away. A phase the director does not accept in full stops the run, and the error says exactly which
steps are in effect. Afterwards the table is read again: a difference that is left is an error too.

Directors are changed one after the other, or in the waves of their fleet's rollout; the first failure (of a rollout: more
than its maxFailures) leaves the rest as they are. docs/rollouts.md says more.
Ctrl-C lets the directors that are being changed finish, then stops, or puts them back if their rollout says so. A second
Ctrl-C leaves at once: what is not verified by then puts itself back.

When the only argument names a file, it is a plan that \`lvsform plan --out FILE\` wrote, and exactly that is applied,
without a question: not when the program says something else by now, when an entry it touches was changed since, or when
it was applied before. What changed elsewhere on a director does not matter.

A blocking finding stops the apply unless --allow names its code; in a plan file, \`plan --allow\` did.

Exit codes: 0 done, 1 error with nothing in effect, 3 the plan is stale, 4 blocked by a finding, 5 locked by somebody
else, 6 failed and rolled back, 7 stopped part-way.

Examples:
  $ lvsform apply
  $ lvsform apply edge --director lb1 --auto-approve
  $ lvsform plan --out plan.json && lvsform apply plan.json`,
    );
  addApplyOptions(command).action(async (names: string[], flags: ApplyFlags) => {
    const code = await journaled('apply', flags, io, (journal) => {
      const file = planFileArgument(names, io);
      return file === undefined
        ? applyStacks(names, flags, io, { destroy: false, journal })
        : applyFile(file, flags, io, journal);
    });
    exit(code);
  });
};

export const addDestroy: AddCommand = (program, io, exit) => {
  const command = program
    .command('destroy')
    .description('remove everything the stacks declare from the directors')
    .argument('[stack...]', 'only these stacks')
    .addHelpText(
      'after',
      '\nForeign services stay, and timeouts keep their values: they have no "before" to go back to.',
    );
  addApplyOptions(command).action(async (names: string[], flags: ApplyFlags) => {
    exit(await journaled('destroy', flags, io, (journal) => applyStacks(names, flags, io, { destroy: true, journal })));
  });
};

function addApplyOptions(command: Command): Command {
  command
    .option('--auto-approve', 'do not ask')
    .option('--allow-exec', 'run the local-exec commands of gates and of rollout checks on this machine')
    .addOption(
      new Option(
        '--progress <kind>',
        'auto: live lines on a terminal, plain ones elsewhere; json: one object per event on stderr',
      )
        .choices(PROGRESS_KINDS)
        .default('auto'),
    )
    .option('--resume', 'go on where a run stopped: directors that are as wished already are left out');
  return withJournal(withFormat(withNet(withSafety(withDirectors(withProject(command)))), ['text', 'json']));
}

interface Run {
  destroy: boolean;
  journal: Journal;
}

async function applyStacks(
  names: readonly string[],
  flags: ApplyFlags,
  io: Io,
  { destroy, journal }: Run,
): Promise<ExitCode> {
  if (flags.autoApprove !== true && !io.interactive) {
    throw new UsageError('not-approved', 'there is no terminal to ask on, so nothing is changed', {
      hint: 'review with `lvsform plan`, then add --auto-approve',
    });
  }
  const judges: Judges = { allowed: flags.allow ?? [], policies: await loadPolicies(flags.policy ?? [], io) };
  const stacks = selectStacks(await loadProject(flags, io, names), names, flags);
  const options = {
    connect: await connector(flags, io),
    destroy,
    ...(flags.parallelism === undefined ? {} : { parallelism: flags.parallelism }),
  };
  const open = await planStacks(stacks, options);
  try {
    const plan = judged(open.plan, judges);
    notePlan(journal, plan);
    const text = flags.format === 'text';
    if (text) io.out(`${renderText(plan, io.style)}${renderWaves(stacks)}`);
    if (isBroken(open) || !hasWork(plan)) return endWithoutApply(plan, stacks, text, io);
    refuseUnchecked(stacks, flags.allowExec ?? false);
    const hint = (codes: string): string => `--allow ${codes} lets it pass`;
    refuseBlocked(plan, judges.allowed, { hint, json: text ? undefined : stacks }, io);
    if (flags.autoApprove !== true) {
      if (!(await approved(io, destroy))) return EXIT.error;
      await refuseChanged(open, judges, hint, io);
    }
    const settings = settingsOf(flags, io, judges.allowed);
    return await carryOut(
      open,
      plan,
      { allowExec: flags.allowExec ?? false, format: flags.format, progress: flags.progress, journal, settings },
      io,
    );
  } finally {
    await open.close();
  }
}

async function approved(io: Io, destroy: boolean): Promise<boolean> {
  const answer = await io.ask(
    `\n${destroy ? 'Remove all this' : 'Apply these changes'}? Only 'yes' is taken for a yes: `,
  );
  if (answer.trim() === 'yes') return true;
  io.err('Not approved; nothing was changed.\n');
  return false;
}

/** Makes sure that what was approved is still what there is to do. @throws ApplyError `stale`, UsageError `blocked` */
async function refuseChanged(open: OpenPlan, judges: Judges, hint: (codes: string) => string, io: Io): Promise<void> {
  const again = await planStacks(open.stacks, open.options);
  await again.close();
  const moved = movedSince(open.plan, again.plan);
  if (moved.length > 0) {
    throw new ApplyError(
      'stale',
      again.plan.stacks.join(', '),
      `a director changed while you were reading the plan, so nothing is applied:\n${moved.map((one) => `    ${movedWords(one)}`).join('\n')}`,
      { hint: 'run `lvsform apply` again and review the new plan' },
    );
  }
  // Connections come and go: what was harmless may not be any more.
  refuseBlocked(judged(again.plan, judges), judges.allowed, { hint, json: undefined }, io);
}
