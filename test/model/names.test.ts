/** Names of a stack's chain and files. */
import { chainName, recordName } from '../../lib/model';

test.each([
  ['edge', 'edge'],
  ['reading-dc1', 'reading-dc1'],
  ['.hidden', '_hidden-'],
  ['-rf', '_rf-'],
  ['a b', 'a_b-'],
])('the files of stack %s can be seen, and none of them looks like an option', (stack, name) => {
  expect(recordName(stack)).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/);
  expect(recordName(stack).startsWith(name)).toBe(true);
  expect(chainName(stack)).toBe(`LVSFORM-${recordName(stack)}`);
});

test('names that are alike but for what is replaced, or are cut, stay apart, and iptables takes them', () => {
  const stacks = ['a b', 'a_b', 'a.b', '.b', '-b', '_b', `${'long'.repeat(9)}1`, `${'long'.repeat(9)}2`];
  const names = stacks.map(chainName);
  expect(new Set(names).size).toBe(stacks.length);
  // XT_EXTENSION_MAXNAMELEN - 1
  for (const name of names) expect(name.length).toBeLessThanOrEqual(28);
});
