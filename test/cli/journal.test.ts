import { mkdtempSync, readFileSync, rmSync, unlinkSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { journaled } from '../../lib/cli/journal';
import { quietIo } from '../support/quiet-io';

const cwd = mkdtempSync(join(tmpdir(), 'lvsform-journal-'));
let said = '';
const io = quietIo(cwd, { err: (text) => void (said += text) });

beforeEach(() => (said = ''));
afterAll(() => {
  rmSync(cwd, { recursive: true });
});

test('a journal that can not be gone on with is told once, and the run goes on', async () => {
  const file = join(cwd, 'log.jsonl');
  let done = false;
  const code = await journaled('apply', { log: 'log.jsonl' }, io, (journal) => {
    journal.note('planned');
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
    // What no process can append to, whoever runs it.
    unlinkSync(file);
    mkdirSync(file);
    journal.note('locked');
    journal.note('applied');
    done = true;
    return Promise.resolve(7);
  });
  expect([code, done]).toEqual([7, true]);
  expect(said).toMatch(
    /^warning: the journal \S+log\.jsonl can't be written: .*EISDIR.*; the run goes on without it\n$/,
  );
});

test('one that can not be begun keeps the command from running', async () => {
  const run = jest.fn();
  await expect(journaled('apply', { log: 'nowhere/log' }, io, run)).rejects.toMatchObject({ code: 'not-writable' });
  expect(run).not.toHaveBeenCalled();
});
