'use strict';
// Prints the counts on one line, and fails when a test was skipped or no kernel test ran.
const { readFileSync } = require('node:fs');

const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
  readFileSync(process.argv[2], 'utf8'),
);
const skipped = numPendingTests + numTodoTests;
const kernelFiles = testResults.filter(({ name }) => name.endsWith('.lab.test.ts')).length;
console.log(`${numPassedTests} passed, ${numFailedTests} failed, ${skipped} skipped`);
if (skipped > 0) {
  console.error('skipped tests are failures here');
  process.exitCode = 1;
}
if (kernelFiles === 0) {
  console.error('no kernel test ran');
  process.exitCode = 1;
}
