import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyExitCode } from '../../lib/cli/carry-out';
import { EXIT, exitCodeOf } from '../../lib/cli/command';
import { ApplyError, UsageError } from '../../lib/model';
import type { ApplyReport } from '../../lib/pipeline';

test('docs/exit-codes.md lists every code', () => {
  const text = readFileSync(join(__dirname, '../../docs/exit-codes.md'), 'utf8');
  const listed = [...text.matchAll(/^\| (\d) \|/gm)].map(([, code]) => Number(code));
  expect(listed).toEqual(Object.values(EXIT));
});

const report = (outcome: ApplyReport['outcome'], code?: ConstructorParameters<typeof ApplyError>[0]): ApplyReport => ({
  stack: 'edge',
  director: 'lb1',
  outcome,
  steps: 0,
  ...(code === undefined ? {} : { error: new ApplyError(code, 'lb1', 'no') }),
});

test.each<[string, ApplyReport[], number]>([
  ['nothing to do', [report('unchanged')], EXIT.done],
  ['all applied', [report('applied'), report('unchanged')], EXIT.done],
  ['locked', [report('failed', 'locked'), report('skipped')], EXIT.locked],
  ['stale', [report('failed', 'stale')], EXIT.stale],
  ['put back', [report('rolled-back', 'rolled-back'), report('skipped')], EXIT.rolledBack],
  ['no folder for records', [report('failed', 'no-net')], EXIT.error],
  ['refused without a net', [report('failed', 'refused')], EXIT.partial],
  ['lost from sight', [report('failed', 'interrupted')], EXIT.partial],
  ['put back behind one that is done', [report('applied'), report('rolled-back', 'rolled-back')], EXIT.partial],
  ['without a net after a part of it', [{ ...report('failed', 'no-net'), steps: 2 }], EXIT.partial],
  ['stopped by Ctrl-C', [report('applied'), report('skipped')], EXIT.partial],
])('an apply: %s', (_, reports, code) => {
  expect(applyExitCode(reports)).toBe(code);
});

test('an error that ends a command', () => {
  expect(exitCodeOf(new UsageError('blocked', 'no'))).toBe(EXIT.blocked);
  expect(exitCodeOf(new UsageError('no-file', 'no'))).toBe(EXIT.error);
  expect(exitCodeOf(new TypeError('no'))).toBe(EXIT.error);
});
