import { type Change, type FailedDirector, type Finding, formatCommand, isPlanned, type Plan } from '../model';
import { groupPlans, type PlanGroup } from './group';
import { PLAIN, type Style } from './style';
import { blockedLine, errorWords, fieldLines, findingWords, isBlocked, stepLines, summaryLine } from './words';

const SIGN = { create: '+', update: '~', delete: '-' } as const;

/** A plan for a terminal or a log: what differs, then the commands in order, then one line that sums it up. */
export function renderText(plan: Plan, style: Style = PLAIN): string {
  const planned = plan.directors.filter(isPlanned);
  const busy = groupPlans(planned.filter((entry) => entry.changes.length > 0 || entry.findings.length > 0));
  const failed = plan.directors.filter((entry): entry is FailedDirector => !isPlanned(entry));
  const blocks = [
    ...busy.map((group) => renderGroup(group, plan.stacks.length > 1, style)),
    ...failed.map((entry) => renderFailed(entry, style)),
    style.strong([summaryLine(plan), ...blockedLine(plan)].join('\n')),
  ];
  return `${blocks.join('\n\n')}\n`;
}

function renderFailed(entry: FailedDirector, style: Style): string {
  const indent = (text: string, by: string): string => text.replaceAll('\n', `\n${by}`);
  const { hint } = entry.error;
  return [
    style.strong(entry.director),
    `  ${style.error('error')}: ${indent(errorWords(entry), '    ')}`,
    ...(hint === undefined ? [] : [`    hint: ${indent(hint, '          ')}`]),
  ].join('\n');
}

function renderGroup({ directors, plan }: PlanGroup, nameStack: boolean, style: Style): string {
  const lines = [
    style.strong(`${directors.join(', ')}${nameStack ? ` (${plan.stack})` : ''}`),
    ...plan.changes.flatMap((change) => renderChange(change, style)),
    ...plan.findings.flatMap((finding) => renderFinding(finding, style)),
    ...(plan.steps.length === 0 ? [] : ['', `  ${style.faint('steps')}`]),
    ...plan.steps.flatMap((step) =>
      stepLines(step, ({ phase, command }) => `${phase.padEnd(7)} ${formatCommand(command)}`).map((line, at) =>
        style.faint(at === 0 ? `    ${line}` : `            ${line}`),
      ),
    ),
  ];
  return lines.join('\n');
}

function renderFinding(finding: Finding, style: Style): string[] {
  const word = isBlocked(finding) ? `${style.error('blocked')}: ` : finding.allowed === true ? 'allowed: ' : '';
  const { hint } = finding;
  return [`  ! ${word}${findingWords(finding)}`, ...(hint === undefined ? [] : [`      hint: ${hint}`])];
}

function renderChange(change: Change, style: Style): string[] {
  const source = change.source === undefined ? '' : style.faint(`  (${change.source})`);
  const head = `  ${style[change.action](`${SIGN[change.action]} ${change.id}`)}${source}`;
  const fields = fieldLines(change);
  if (fields.length === 0 || change.action === 'delete') return [head];
  if (change.action === 'create')
    return [head, `      ${fields.map(({ name, after }) => `${name} ${after}`).join(', ')}`];
  return [head, ...fields.map(({ name, before, after }) => `      ${name}: ${before} → ${after}`)];
}
