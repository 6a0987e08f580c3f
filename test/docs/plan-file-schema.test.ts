import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import * as model from '../../lib/model';

/** What stands under a name of its own in the published schema. */
const NAMED = [
  'Author', 'Change', 'Command', 'DesiredDirector', 'DesiredStack', 'DirectorPlan', 'Finding', 'MarkRule', 'Persistence',
  'RealServer', 'ServiceConfig', 'ServiceKey', 'ServicePolicy', 'Step', 'SyncDaemon', 'Timeouts', 'Tunnel', 'VirtualService',
] as const; // prettier-ignore

test('docs/plan-file.schema.json is the schema that reads plan files', () => {
  for (const id of NAMED) z.globalRegistry.add(model[id], { id });
  const schema = {
    $comment: 'Made from lib/model/plan-file.ts by test/docs/plan-file-schema.test.ts (UPDATE_GOLDEN=1); do not edit.',
    title: 'Plan file of lvsform',
    ...z.toJSONSchema(model.PlanFile, { io: 'input' }),
  };
  const file = join(__dirname, '../../docs/plan-file.schema.json');
  const text = `${JSON.stringify(schema, null, 2)}\n`;
  if (process.env['UPDATE_GOLDEN'] !== undefined) writeFileSync(file, text);
  expect(readFileSync(file, 'utf8')).toBe(text);
  // Validators outside JavaScript know no classes of Unicode, and refuse to start with them.
  expect(text).not.toMatch(/\\\\[pP]\{/);
});
