import {
  type Change,
  type DesiredStack,
  type FailedDirector,
  type Finding,
  formatCommand,
  isPlanned,
  type Plan,
} from '../model';
import { groupPlans, type PlanGroup } from './group';
import { type RolloutWords, rolloutWords } from './waves';
import {
  blockedLine,
  count,
  errorWords,
  fieldLines,
  findingWords,
  isBlocked,
  LISTED,
  stepLines,
  summaryLine,
} from './words';

/** What GitHub takes for a comment is 65,536 characters; some room is left for what stands around the plan. */
export const MARKDOWN_LIMIT = 60000;

/** Room for the lines that say what was left out. */
const NOTES = 400;

/**
 * A plan for a pull request: summary and risk first, details folded, never longer than `limit` characters.
 *
 * @param stacks what it was made from: their rollouts are part of what is approved
 */
export function renderMarkdown(plan: Plan, stacks: readonly DesiredStack[] = [], limit = MARKDOWN_LIMIT): string {
  const planned = plan.directors.filter(isPlanned);
  const groups = groupPlans(planned.filter((entry) => entry.changes.length > 0 || entry.findings.length > 0));
  const failed = plan.directors.filter((entry): entry is FailedDirector => !isPlanned(entry));
  const risks = [
    ...failed.map((entry) => `- :x: **${escape(entry.director)}**: ${escape(errorWords(entry))}`),
    ...groups
      .flatMap(({ directors, plan: { findings } }) => findings.map((finding) => ({ directors, finding })))
      .sort((a, b) => rank(a.finding) - rank(b.finding))
      .map(({ directors, finding }) => `- ${sign(finding)} ${escape(`${names(directors)}: ${findingWords(finding)}`)}`),
  ];
  // Half of the room at most, so that some of the changes can be seen as well.
  const [told, untold] = fit(risks, limit / 2);
  let text = [
    `### lvsform plan: ${plan.stacks.join(', ')}`,
    '',
    `**${summaryLine(plan)}**`,
    ...blockedLine(plan).map((line) => `\n**${line}**`),
    ...(told.length > 0 ? ['', ...told] : []),
    ...(untold > 0 ? ['', `_${untold} more problems are left out here. ${ALL}_`] : []),
  ].join('\n');
  // A fleet of a thousand may go one by one: room is left for what is changed.
  const rollouts = rolloutWords(stacks);
  for (const [at, rollout] of rollouts.entries()) {
    const block = renderRollout(rollout, limit / 4 / rollouts.length);
    if (block === undefined) {
      text += `\n\n_${count(rollouts.length - at, 'more rollout')} left out here. ${ALL}_`;
      break;
    }
    text += `\n\n${block}`;
  }
  const changed = groups.filter(({ plan: { changes } }) => changes.length > 0);
  for (const [at, group] of changed.entries()) {
    const block = renderGroup(group, limit - text.length - NOTES);
    if (block === undefined) {
      text += `\n\n_${count(changed.length - at, 'more group')} of directors left out here. ${ALL}_`;
      break;
    }
    text += `\n\n${block}`;
  }
  return `${text}\n`;
}

const ALL = 'Run `lvsform plan` to see it all.';

function sign(finding: Finding): string {
  if (isBlocked(finding)) return ':no_entry: **blocked**';
  if (finding.allowed === true) return ':warning: allowed';
  return finding.severity === 'info' ? ':information_source:' : ':warning:';
}

/** The greatest risk first. */
function rank(finding: Finding): number {
  if (isBlocked(finding)) return 0;
  return finding.severity === 'info' ? 2 : 1;
}

/** As many of the first lines as have room, and how many are left. */
function fit(lines: readonly string[], room: number): [fitting: readonly string[], left: number] {
  let used = 0;
  const end = lines.findIndex((line) => (used += line.length + 1) > room);
  return end < 0 ? [lines, 0] : [lines.slice(0, end), lines.length - end];
}

/** @returns undefined when there is not even room for the first wave */
function renderRollout({ title, waves }: RolloutWords, room: number): string | undefined {
  const head = [`<details><summary>${escapeHtml(title)}</summary>`, '', '| wave | directors |', '|---|---|'];
  const rows = waves.map((wave, at) => `| ${at + 1} | ${escape(wave)} |`);
  const [told, untold] = fit(rows, room - head.join('\n').length);
  if (told.length === 0 && untold > 0) return undefined;
  const more = untold > 0 ? ['', `_${count(untold, 'more wave')} left out here. ${ALL}_`] : [];
  return [...head, ...told, ...more, '', '</details>'].join('\n');
}

/** @returns undefined when there is not even room for the first change */
function renderGroup({ directors, plan }: PlanGroup, room: number): string | undefined {
  const title = `${escapeHtml(names(directors))}: ${count(plan.changes.length, 'change')}, ${count(plan.steps.length, 'step')}`;
  const head = [`<details><summary>${title}</summary>`, '', '| | | id | |', '|---|---|---|---|'];
  const left = room - head.join('\n').length;
  const [rows, lostRows] = fit(plan.changes.map(renderRow), left);
  if (rows.length === 0 && lostRows > 0) return undefined;
  const commands = plan.steps.flatMap((step) =>
    stepLines(step, ({ phase, command }) => `${phase.padEnd(7)} ${formatCommand(command)}`),
  );
  const [lines, lostLines] = fit(commands, left - rows.join('\n').length);
  const lost = [
    ...(lostRows > 0 ? [count(lostRows, 'more change')] : []),
    ...(lostLines > 0 ? [count(lostLines, 'more line', 'more lines of commands')] : []),
  ];
  return [
    ...head,
    ...rows,
    ...(lines.length > 0 ? ['', '```', ...lines, '```'] : []),
    ...(lost.length > 0 ? ['', `_${lost.join(' and ')} left out here. ${ALL}_`] : []),
    '',
    '</details>',
  ].join('\n');
}

function renderRow(change: Change): string {
  const details = fieldLines(change).map(({ name, before, after }) => {
    if (change.action === 'update') return `${name}: ${before} → ${after}`;
    return `${name} ${change.action === 'create' ? after : before}`;
  });
  return `| ${change.action} | ${change.on} | \`${change.id}\` | ${escape(details.join(', '))} |`;
}

/** A fleet of a thousand would leave no room for what happens to it. */
function names(directors: readonly string[]): string {
  const more = directors.length - LISTED;
  return `${directors.slice(0, LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** In a summary, which is no Markdown, a backslash would be seen. */
function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('\n', '<br>');
}

function escape(text: string): string {
  return escapeHtml(text).replaceAll('|', '\\|');
}
