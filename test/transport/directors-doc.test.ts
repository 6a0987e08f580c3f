import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BATCH_COMMAND, FETCH_PARTS } from '../../lib/dialect/script';
import { STATS_COMMAND } from '../../lib/dialect/stats-script';

const page = readFileSync(join(__dirname, '../../docs/directors.md'), 'utf8');
const allowed = [...page.matchAll(/^ {4}\/usr\/sbin\/(.*?)(?:, \\)?$/gm)].map((match) => match[1]);

test('the sudoers file of docs/directors.md allows what is run with sudo, and nothing else', () => {
  const read = FETCH_PARTS.filter((part) => part.privileged).map((part) => part.command);
  expect(allowed).toEqual([...read, STATS_COMMAND, ...Object.values(BATCH_COMMAND)]);
});
