import {
  hasWork,
  isPlanned,
  type Moved,
  movedSince,
  parsePlanFile,
  type Plan,
  type PlanFile,
  UsageError,
} from '../../model';
import { planStacks } from '../../pipeline';
import { renderText, renderWaves } from '../../report';
import { carryOut, endWithoutApply, isBroken } from '../carry-out';
import { EXIT, type ExitCode } from '../command';
import { formatError } from '../errors';
import type { Io } from '../io';
import { type Journal, notePlan } from '../journal';
import { settingsOf } from '../net';
import { connector } from '../options';
import { markUsed, readPlanJson, refuseMoved, refuseRemembered, refuseStale, standingOf } from '../plan-file';
import { loadPolicies } from '../policy';
import { refuseUnchecked } from '../rollout-check';
import { judged, refuseBlocked } from '../safety';
import type { ApplyFlags } from './apply';

/** Applies a plan file, or says everything that speaks against it. Nobody is asked: the file was reviewed. */
export async function applyFile(name: string, flags: ApplyFlags, io: Io, journal: Journal): Promise<ExitCode> {
  refuseChoices(name, flags);
  const file = parsePlanFile(readPlanJson(name, io), name);
  journal.note('plan-file', { id: file.id, createdAt: file.createdAt });
  const standing = await standingOf(file, flags, io);
  refuseStale(name, standing);
  for (const note of standing.notes) io.err(`note: ${note}\n`);
  const policies = await loadPolicies(flags.policy ?? [], io);
  const open = await planStacks(file.desired, {
    connect: await connector(flags, io),
    destroy: file.destroy,
    ...(flags.parallelism === undefined ? {} : { parallelism: flags.parallelism }),
  });
  try {
    const plan = judged(open.plan, { allowed: file.allowed, policies });
    notePlan(journal, plan);
    const text = flags.format === 'text';
    if (text) io.out(`${renderText(plan, io.style)}${renderWaves(file.desired)}`);
    if (isBroken(open)) return endWithoutApply(plan, file.desired, text, io);
    const resume = flags.resume ?? false;
    refuseMoved(name, leftOf(movedSince(file.plan, open.plan), open.plan, resume));
    // A director that is done remembers the file, and is not asked again.
    if (!resume) refuseRemembered(name, file, open);
    refuseUnchecked(file.desired, flags.allowExec ?? false);
    const hint = (codes: string): string =>
      `to let it pass: lvsform plan --allow ${[...file.allowed, codes].join(' ')} --out ${name}, and review the new plan`;
    refuseBlocked(plan, file.allowed, { hint, json: text ? undefined : file.desired }, io);
    const code = !hasWork(plan)
      ? endWithoutApply(plan, file.desired, text, io)
      : await carryOut(
          open,
          plan,
          {
            allowExec: flags.allowExec ?? false,
            format: flags.format,
            progress: flags.progress,
            journal,
            settings: settingsOf(flags, io, file.allowed, file.id),
          },
          io,
        );
    if (code === EXIT.done) rememberUse(name, file, io);
    return code;
  } finally {
    await open.close();
  }
}

/** What a file says can't be said again on the command line. */
function refuseChoices(name: string, flags: ApplyFlags): void {
  const given = (['director', 'tag', 'shard', 'allow'] as const)
    .filter((flag) => flags[flag] !== undefined)
    .map((flag) => `--${flag}`);
  if (given.length === 0) return;
  throw new UsageError(
    'plan-file-choice',
    `${given.join(' and ')} can't be given with a plan file: it was reviewed as it is`,
    {
      hint: `lvsform plan ${given.map((option) => `${option} …`).join(' ')} --out ${name}`,
    },
  );
}

/** What moved and matters. A run that goes on finds those directors changed that it has finished. */
function leftOf(moved: Moved[], now: Plan, resume: boolean): Moved[] {
  if (!resume) return moved;
  const done = new Set(
    now.directors
      .filter(isPlanned)
      .filter(({ steps, boot }) => steps.length === 0 && boot !== true)
      .map(({ stack, director }) => `${stack}/${director}`),
  );
  return moved.filter(({ stack, director }) => !done.has(`${stack}/${director}`));
}

/** The directors are changed by now: a file that can't be written is no reason to call that a failure. */
function rememberUse(name: string, file: PlanFile, io: Io): void {
  try {
    markUsed(name, file, io);
  } catch (error) {
    io.err(formatError(error, io.style).replace(/^\S*error\S*:/, 'warning: the plan was applied, but'));
  }
}
