/** `*` and `?` as ssh_config(5) and sshd(8) mean them: any characters, `/` and `.` included. */
function toRegExp(pattern: string): RegExp {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 's');
}

/** A configuration has a block for each of hundreds of hosts, all plain names, and each host looks at all of them. */
const matches = (name: string, pattern: string): boolean =>
  isPattern(pattern) ? toRegExp(pattern).test(name) : name === pattern;

/** Whether any pattern matches the name and no negated one (`!pattern`) does. */
export function matchesPatterns(name: string, patterns: readonly string[]): boolean {
  let matched = false;
  for (const pattern of patterns) {
    const negated = pattern.startsWith('!');
    if (!matches(name, negated ? pattern.slice(1) : pattern)) continue;
    if (negated) return false;
    matched = true;
  }
  return matched;
}

/** Whether a pattern is more than a plain name. */
export function isPattern(text: string): boolean {
  return /[*?!]/.test(text);
}
