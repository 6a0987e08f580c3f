/** What counts as a refusal: for the shell on the director, and for those who read its report. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { batchScript, isAccepted, parseBatch, scriptInput } from '../../lib/dialect';

const NONCE = '0123abcd';
const SUDO = 'sudo: unable to resolve host lb1: Name or service not known';
const LEGACY = '# Warning: iptables-legacy tables present, use iptables-legacy-save to see them';
const LEGACY6 = LEGACY.replaceAll('iptables', 'ip6tables');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lvsform-remarks-'));
  // Instead of ipvsadm: says what it is fed, and ends as it is told.
  writeFileSync(join(folder, 'ipvsadm'), '#!/bin/sh\ncat >&2\nexit "$CODE"\n', { mode: 0o755 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** How many of two runs of a tool there were: the second follows only what was accepted. */
function runs(said: readonly string[], code: number) {
  const lines = said.length === 0 ? [''] : said;
  const parts = [lines, lines].map(({ length }) => ({ tool: 'ipvsadm' as const, lines: length }));
  const stdout = execFileSync('sh', ['-c', batchScript(parts, { nonce: NONCE, sudo: false })], {
    input: scriptInput([...lines, ...lines], NONCE),
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, CODE: String(code) },
    encoding: 'utf8',
  });
  const outcomes = parseBatch(stdout, NONCE);
  if (outcomes === 'truncated') throw new Error('truncated');
  return outcomes;
}

test.each([
  ['nothing', [], 0, true],
  ['the remark of sudo', [SUDO], 0, true],
  ['the warning of iptables', [LEGACY], 0, true],
  ['the remark before the warnings', [SUDO, LEGACY, LEGACY6], 0, true],
  ['the remark after the warning', [LEGACY6, SUDO], 0, true],
  ['blank lines between remarks', ['', SUDO, '', LEGACY], 0, true],
  ['the remark and a failure', [SUDO], 1, false],
  ['a refusal', ['No such service'], 0, false],
  ['a refusal after the remark', [SUDO, 'No such service'], 0, false],
  ['a refusal after the warning', [LEGACY, 'No such service'], 0, false],
  ['a refusal before the remark', ['No such service', SUDO], 0, false],
  ['something else sudo says', ['sudo: a password is required'], 0, false],
  ['a word that merely holds the remark', [`ipvsadm: ${SUDO}`], 0, false],
  ['a pattern', ['*'], 0, false],
])('%s', (_what, said, code, accepted) => {
  const outcomes = runs(said, code);
  expect(outcomes).toHaveLength(accepted ? 2 : 1);
  expect(outcomes.map(isAccepted)).toEqual(accepted ? [true, true] : [false]);
  expect(outcomes[0]).toEqual({ code, stderr: said.join('\n').trim() });
});
