/** The CI examples are YAML, and every command line in them is one that lvsform takes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { main } from '../../lib/cli/main';
import { quietIo } from '../support/quiet-io';

async function help(command: string): Promise<string> {
  let text = '';
  const hear = (more: string): void => void (text += more);
  expect(await main([command, '--help'], quietIo('/', { out: hear, err: hear }))).toBe(0);
  return text;
}

test.each(['github.yml', 'gitlab.yml'])('docs/ci/%s', async (name) => {
  const text = readFileSync(join(__dirname, '../../docs/ci', name), 'utf8');
  expect(typeof parse(text)).toBe('object');
  const lines = [...text.matchAll(/npx lvsform (\w+)(.*)$/gm)].map(([, command = '', rest = '']) => ({
    command,
    rest,
  }));
  expect(lines.map(({ command }) => command)).toEqual(['plan', 'apply', 'drift']);
  for (const { command, rest } of lines) {
    const known = await help(command);
    for (const [option] of rest.matchAll(/--[a-z-]+/g)) expect(known).toContain(option);
  }
});
