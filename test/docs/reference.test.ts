import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderReference } from './reference';

test('docs/reference.md is what the schemas say', () => {
  const file = join(__dirname, '../../docs/reference.md');
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, renderReference());
  expect(readFileSync(file, 'utf8')).toBe(renderReference());
});
