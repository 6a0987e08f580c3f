import type { Drift, DriftCause } from '../model';
import { MARKDOWN_LIMIT } from './markdown';
import { PLAIN, type Style } from './style';
import { count, errorWords, fieldLines } from './words';

/** `draining, 3 connections left`; nothing for what nobody knows. */
function causeWords(cause: DriftCause): string {
  switch (cause.kind) {
    case 'draining':
      return `draining, ${count(cause.connections, 'connection')} left`;
    case 'controller':
      return `${cause.programs.join(' and ')} runs there`;
    case 'operator-weight':
      return "an operator's weight";
    case 'unknown':
      return '';
  }
}

const SIGN = { create: 'is missing', update: 'differs', delete: 'is not declared any more' } as const;

/** One line per difference: where, what, and why where that is known. */
function linesOf({ directors }: Drift): { director: string; id: string; what: string; cause: string }[] {
  return directors.flatMap(({ director, drift, boot }) => [
    ...drift.map(({ change, cause }) => {
      const fields = change.action === 'update' ? fieldLines(change) : [];
      const values = fields.map(({ name, before, after }) => `${name} ${before}, declared ${after}`).join('; ');
      const id = change.id.startsWith(`${director}/`) ? change.id.slice(director.length + 1) : change.id;
      return { director, id, what: values === '' ? SIGN[change.action] : values, cause: causeWords(cause) };
    }),
    ...(boot ? [{ director, id: 'boot files', what: 'differ', cause: '' }] : []),
  ]);
}

function sumUp({ directors, failed, asked }: Drift): string {
  const unread = failed.length > 0 ? ` ${count(failed.length, 'director')} could not be read.` : '';
  if (directors.length === 0) return `No drift on ${count(asked - failed.length, 'director')}.${unread}`;
  return `Drift on ${directors.length} of ${count(asked, 'director')}.${unread}`;
}

/** For a terminal or a log. */
export function renderDriftText(drift: Drift, style: Style = PLAIN): string {
  const lines = linesOf(drift).map(
    ({ director, id, what, cause }) =>
      `${style.strong(director)}  ${id}: ${what}${cause === '' ? '' : style.faint(`  (${cause})`)}`,
  );
  const failed = drift.failed.map((entry) => `${entry.director}  ${style.error('error')}: ${errorWords(entry)}`);
  return `${[...lines, ...failed, style.strong(sumUp(drift))].join('\n')}\n`;
}

/** For an issue or a chat, never longer than `limit` characters. */
export function renderDriftMarkdown(drift: Drift, limit = MARKDOWN_LIMIT): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;').replaceAll('\n', '<br>');
  const rows = [
    ...drift.failed.map((entry) => `| ${cell(entry.director)} | | :x: ${cell(errorWords(entry))} | |`),
    ...linesOf(drift).map(({ director, id, what, cause }) => `| ${[director, `\`${id}\``, what, cause].map(cell).join(' | ')} |`),
  ]; // prettier-ignore
  const head = `### lvsform drift\n\n**${sumUp(drift)}**\n`;
  if (rows.length === 0) return head;
  let text = `${head}\n| director | entry | difference | cause |\n|---|---|---|---|\n`;
  for (const [at, row] of rows.entries()) {
    if (text.length + row.length > limit - 100)
      return `${text}\n_${count(rows.length - at, 'more line')} left out here. Run \`lvsform drift\` to see it all._\n`;
    text += `${row}\n`;
  }
  return text;
}
