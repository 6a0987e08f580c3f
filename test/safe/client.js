'use strict';
// A client to be killed: applies the stack it is given on stdin, and tells each event on a line. Bundled before it is run.
const { readFileSync } = require('node:fs');
const { applyPlan, planStacks } = require('../../lib/pipeline');
const { createSshConnector } = require('../../lib/transport');

const { stack, settings } = JSON.parse(readFileSync(0, 'utf8'));
const tell = (word) => process.stdout.write(`${word}\n`);

async function main() {
  const open = await planStacks([stack], { connect: createSshConnector({ env: { HOME: '/nonexistent' } }) });
  tell('start');
  const reports = await applyPlan(open, settings, { onEvent: (_, { kind }) => tell(kind) });
  await open.close();
  tell(`end ${JSON.stringify(reports.map(({ outcome, error }) => ({ outcome, error: error?.message })))}`);
}

void main();
