import {
  isPlanned,
  LvsformError,
  type Moved,
  movedSince,
  parsePlanFile,
  type Plan,
  type PlanFile,
  PlanFileHead,
} from '../../model';
import { planStacks } from '../../pipeline';
import { renderMarkdown, renderText, renderWaves } from '../../report';
import { EXIT, type ExitCode } from '../command';
import type { Io } from '../io';
import { connector } from '../options';
import { movedWords, readPlanJson, standingOf } from '../plan-file';
import { VERSION } from '../version';
import type { ShowFlags } from './show';

/** Shows a plan file and whether it can still be applied; also one that can't be, and one of another version. */
export async function showPlanFile(name: string, flags: ShowFlags, io: Io): Promise<ExitCode> {
  const data = readPlanJson(name, io);
  let file: PlanFile;
  try {
    file = parsePlanFile(data, name);
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    return showHead(data, error, flags, io);
  }
  const standing = await standingOf(file, flags, io);
  const live = flags.live === true ? await compareLive(file, flags, io) : undefined;
  const reasons = [...standing.reasons, ...(live?.moved ?? []).map(movedWords)];
  if (flags.format === 'json') {
    const verdict = { applicable: reasons.length === 0, reasons, notes: standing.notes, ...live };
    io.out(`${JSON.stringify({ format: 1, ...verdict, file }, null, 2)}\n`);
    return EXIT.done;
  }
  const notes = [...standing.notes, ...(live?.unread ?? []).map((director) => `${director} could not be read`)];
  const lines = [
    ...headLines(file),
    ...(file.destroy ? ['removes what the stacks declare'] : []),
    ...(file.allowed.length > 0 ? [`allowed: ${file.allowed.join(', ')}`] : []),
    ...(reasons.length === 0
      ? [live === undefined ? 'can be applied, unless an entry it touches has moved (--live looks)' : 'can be applied']
      : reasons.map((reason) => `can't be applied: ${reason}`)),
    ...notes.map((note) => `note: ${note}`),
  ];
  printLines(lines, flags, io);
  const { plan, desired } = file;
  const text = (): string => `${renderText(plan, io.style)}${renderWaves(desired)}`;
  io.out(flags.format === 'markdown' ? renderMarkdown(plan, desired) : text());
  return EXIT.done;
}

function headLines(head: Pick<PlanFile, 'id' | 'createdAt' | 'tool' | 'commit' | 'job' | 'used'>): string[] {
  const { id, createdAt, tool, commit, job, used } = head;
  const from = commit === undefined ? '' : ` from commit ${commit}`;
  return [
    `plan ${id}`,
    `made ${createdAt} by lvsform ${tool}${from}`,
    ...(job === undefined ? [] : [`job ${job}`]),
    used === undefined
      ? 'not used yet'
      : `used ${used.at} by ${used.author.by}${used.author.job === undefined ? '' : ` (${used.author.job})`}`,
  ];
}

function printLines(lines: readonly string[], { format }: ShowFlags, io: Io): void {
  const text = format === 'markdown' ? lines.map((line) => `- ${line}`) : lines;
  io.out(`${text.join('\n')}\n\n`);
}

/** Another version's file, or a damaged one: what can be told of it, and why not more. @throws UsageError when it is no plan file at all */
function showHead(data: unknown, problem: LvsformError, flags: ShowFlags, io: Io): ExitCode {
  const head = PlanFileHead.safeParse(data);
  if (!head.success) throw problem;
  const reasons = [
    ...(head.data.tool === VERSION ? [] : [`it was made by lvsform ${head.data.tool}, and this is ${VERSION}`]),
    problem.message,
  ];
  if (flags.format === 'json')
    io.out(`${JSON.stringify({ format: 1, applicable: false, reasons, notes: [], file: data }, null, 2)}\n`);
  else printLines([...headLines(head.data), ...reasons.map((reason) => `can't be applied: ${reason}`)], flags, io);
  return EXIT.done;
}

interface LiveComparison {
  moved: Moved[];
  /** Directors that could not be read. */
  unread: string[];
}

async function compareLive(file: PlanFile, flags: ShowFlags, io: Io): Promise<LiveComparison> {
  const open = await planStacks(file.desired, {
    connect: await connector(flags, io),
    destroy: file.destroy,
    ...(flags.parallelism === undefined ? {} : { parallelism: flags.parallelism }),
  });
  await open.close();
  const unread = open.plan.directors.filter((entry) => !isPlanned(entry)).map(({ director }) => director);
  const read = (plan: Plan): Plan => ({
    ...plan,
    directors: plan.directors.filter(({ director }) => !unread.includes(director)),
  });
  return { moved: movedSince(read(file.plan), read(open.plan)), unread };
}
