import { resolve } from 'node:path';
import { type DesiredStack, hasWork, isPlanned, type Plan, type PlanFile } from '../../model';
import { planStacks } from '../../pipeline';
import { renderJson, renderMarkdown, renderText, renderWaves } from '../../report';
import { checkWritable } from '../atomic-file';
import { type AddCommand, EXIT, type ExitCode } from '../command';
import type { Io } from '../io';
import { type Journal, journaled, type JournalFlags, notePlan } from '../journal';
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
import { writePlanFile } from '../plan-file';
import { loadPolicies } from '../policy';
import { loadProject } from '../project';
import { type SelectionFlags, selectStacks } from '../selection';
import { judged } from '../safety';

export type Format = 'text' | 'json' | 'markdown';

interface PlanFlags extends ProjectFlags, DirectorFlags, SafetyFlags, JournalFlags {
  format: Format;
  detailedExitcode?: boolean;
  destroy?: boolean;
  out?: string;
}

export const addPlan: AddCommand = (program, io, exit) => {
  const command = program
    .command('plan')
    .description('show what apply would change, and change nothing')
    .argument('[stack...]', 'only these stacks')
    .option('--detailed-exitcode', 'exit with 2 when changes are pending')
    .option('--destroy', 'plan to remove everything the stacks declare')
    .option('--out <file>', 'write the plan to this file, for `lvsform apply FILE`')
    .addHelpText(
      'after',
      `
Reads the live table of every director over SSH, compares it with what the stacks declare, and prints each difference
and the commands in the order in which apply would run them. There is no state file: the kernel is the truth.

Exit codes: 0 nothing to do (or changes, without --detailed-exitcode), 2 changes pending, 1 error; also when one director
can't be reached.

With --out the plan is written to a file for review: \`lvsform show FILE\` prints it, \`lvsform apply FILE\` applies exactly
it, once. What --allow names is written into it. docs/plan-file.schema.json says what is in the file.

Examples:
  $ lvsform plan
  $ lvsform plan edge --director lb1 lb2
  $ lvsform plan --format json --detailed-exitcode > changes.json
  $ lvsform plan --out plan.json --format markdown > review.md`,
    );
  withJournal(withFormat(withSafety(withDirectors(withProject(command))))).action(
    async (names: string[], flags: PlanFlags) => {
      exit(await journaled('plan', flags, io, (journal) => run(names, flags, io, journal)));
    },
  );
};

async function run(names: string[], flags: PlanFlags, io: Io, journal: Journal): Promise<ExitCode> {
  if (flags.out !== undefined) checkWritable(resolve(io.cwd, flags.out));
  const judges = { allowed: flags.allow ?? [], policies: await loadPolicies(flags.policy ?? [], io) };
  const stacks = selectStacks(await loadProject(flags, io, names), names, flags);
  const destroy = flags.destroy ?? false;
  const open = await planStacks(stacks, {
    connect: await connector(flags, io),
    destroy,
    ...(flags.parallelism === undefined ? {} : { parallelism: flags.parallelism }),
  });
  await open.close();
  const plan = judged(open.plan, judges);
  notePlan(journal, plan);
  io.out(render(plan, stacks, flags.format, io));
  if (flags.out !== undefined) {
    const only = onlyOf(names, stacks, flags);
    const { id } = writePlanFile(flags.out, { plan, desired: stacks, destroy, only, allowed: judges.allowed }, io);
    journal.note('written', { file: flags.out, id });
    io.err(`Written to ${flags.out}. To apply it: lvsform apply ${flags.out}\n`);
  }
  return planExitCode(plan, flags.detailedExitcode ?? false);
}

/** What was asked for, so that it can be asked for again. */
function onlyOf(names: string[], stacks: readonly DesiredStack[], flags: SelectionFlags): PlanFile['only'] {
  const { director = [], tag = [], shard } = flags;
  const chosen = [...new Set(stacks.flatMap(({ directors }) => directors.map((wish) => wish.director.name)))];
  return {
    stacks: names,
    directors: tag.length > 0 || shard !== undefined ? chosen : [...director],
    ...(shard === undefined ? {} : { shard: `${shard.number}/${shard.of}` }),
  };
}

function render(plan: Plan, stacks: readonly DesiredStack[], format: Format, io: Io): string {
  if (format === 'json') return renderJson(plan, stacks);
  return format === 'markdown' ? renderMarkdown(plan, stacks) : `${renderText(plan, io.style)}${renderWaves(stacks)}`;
}

function planExitCode(plan: Plan, detailed: boolean): ExitCode {
  if (plan.directors.some((entry) => !isPlanned(entry))) return EXIT.error;
  return detailed && hasWork(plan) ? EXIT.changesPending : EXIT.done;
}
