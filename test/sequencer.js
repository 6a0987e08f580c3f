'use strict';
const { default: Sequencer } = require('@jest/test-sequencer');

/** The longest first, so that no worker is left alone with one at the end: random tables on the kernel, then the lab. */
const rank = ({ path }) =>
  path.endsWith('kernel.lab.test.ts')
    ? 0
    : path.endsWith('differential.lab.test.ts')
      ? 1
      : path.endsWith('.lab.test.ts')
        ? 2
        : 3;

module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => rank(a) - rank(b));
  }
};
