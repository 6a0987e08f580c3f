import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { renderTerraformDocs } from './terraform';

test.each(Object.entries(renderTerraformDocs()))('docs/%s is what the schemas say', (name, text) => {
  const file = join(__dirname, '../../docs', name);
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(readFileSync(file, 'utf8')).toBe(text);
});
