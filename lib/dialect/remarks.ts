/** What is said on stderr by somebody who does their job all the same: no refusal, and nobody's failure. */

const REMARKS = [
  // Rules of the other kind of iptables are worth a warning to it, and none to us.
  '# Warning: iptables-legacy',
  '# Warning: ip6tables-legacy',
  // A director that does not know its own name: sudo says so each time, and goes on.
  'sudo: unable to resolve host ',
];

/** For a shell's `case`: a text whose first line is a remark, or empty. */
export const REMARK_PATTERN = [...REMARKS.map((words) => `"${words}"*`), '"\n"*'].join(' | ');

/** The lines that are worth something. */
export function withoutRemarks(text: string): string {
  const isRemark = (line: string): boolean => REMARKS.some((words) => line.startsWith(words));
  return text
    .split('\n')
    .filter((line) => line !== '' && !isRemark(line))
    .join('\n');
}
