import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { testCore, Workspace } from '../terraform/support';
import { EXAMPLE, EXAMPLES, renderTerraformDocs } from './terraform';

test.each(Object.entries(renderTerraformDocs()))('docs/%s is what the schemas say', (name, text) => {
  const file = join(__dirname, '../../docs', name);
  if (process.env['UPDATE_GOLDEN'] !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  expect(readFileSync(file, 'utf8')).toBe(text);
});

testCore('the examples are what terraform takes', async () => {
  const provider = EXAMPLE.slice(0, EXAMPLE.indexOf('\nresource '));
  const workspace = new Workspace({ 'main.tf': `${provider}\n${Object.values(EXAMPLES).join('\n')}\n` });
  try {
    await workspace.init();
    await workspace.ok('validate', '-no-color');
    // A page without an example would have an empty one.
    expect(Object.values(renderTerraformDocs()).filter((page) => page.includes('```terraform\n\n```'))).toEqual([]);
  } finally {
    workspace.remove();
  }
});
