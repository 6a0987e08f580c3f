'use strict';
const { default: Sequencer } = require('@jest/test-sequencer');

/** The longest first, so that no worker is left alone with one at the end. */
const FIRST = [
  'safe/chaos.lab',
  'safe/foreign.lab',
  'terraform/life.lab',
  'pipeline/kernel.lab',
  'persist/reboot.lab',
  'sim/differential.lab',
  '.lab',
];

const rank = ({ path }) => {
  const found = FIRST.findIndex((name) => path.endsWith(`${name}.test.ts`));
  return found < 0 ? FIRST.length : found;
};

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
};
