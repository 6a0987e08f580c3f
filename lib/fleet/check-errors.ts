/** What a check after a wave found, as errors. */
import { ApplyError, LvsformError } from '../model';

/** So many directors are named; of more, their number tells more. */
const LISTED = 8;

/** @throws ApplyError `check-failed` when there are problems */
export function refuseLosses(fleet: string, number: number, problems: readonly string[]): void {
  if (problems.length === 0) return;
  const more = problems.length > LISTED ? [`${problems.length - LISTED} more directors alike`] : [];
  const list = [...problems.slice(0, LISTED), ...more].map((problem) => `\n    ${problem}`).join('');
  throw new ApplyError('check-failed', fleet, `the check after wave ${number} failed:${list}`, {
    hint: 'look where they are lost, then apply again: what is left is planned anew',
  });
}

/** Everything that is wrong, in one error. @throws what is no error of ours */
export function joinErrors(fleet: string, errors: readonly unknown[]): LvsformError | undefined {
  const ours = errors.map((error) => {
    if (error instanceof LvsformError) return error;
    throw error;
  });
  const [first] = ours;
  if (first === undefined || ours.length === 1) return first;
  const prefix = `${fleet}: `;
  const words = ours.map(({ message }) => (message.startsWith(prefix) ? message.slice(prefix.length) : message));
  return new ApplyError('check-failed', fleet, words.join('\n'), first.hint === undefined ? {} : { hint: first.hint });
}
