/** Two projects: `unit` runs anywhere; `lab` needs the kernel lab, which its global setup boots (see test/lab). */
const transform = {
  '^.+\\.tsx?$': [
    '@swc/jest',
    { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' }, module: { type: 'commonjs' } },
  ],
};
const common = {
  rootDir: __dirname,
  testEnvironment: 'node',
  transform,
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^lvsform$': '<rootDir>/lib/index.ts',
    '^lvsform/sim$': '<rootDir>/lib/sim/index.ts',
    '^lvsform/providers/ipvs$': '<rootDir>/providers/ipvs/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/examples/[^/]+/(node_modules|cdktf.out)/'],
};

/** @type {import('jest').Config} */
module.exports = {
  // Tests of the lab wait more than they work: every core gets a worker.
  maxWorkers: '100%',
  // Tests that start processes need patience on a busy machine; none of them asserts on time. Jest looks for it here, and
  // not in a project.
  testTimeout: 60_000,
  testSequencer: '<rootDir>/test/sequencer.js',
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/**/*.test.ts'],
      testPathIgnorePatterns: ['\\.lab\\.test\\.ts$'],
    },
    {
      ...common,
      displayName: 'lab',
      testMatch: ['<rootDir>/test/**/*.lab.test.ts'],
      globalSetup: '<rootDir>/test/lab/global-setup.ts',
      globalTeardown: '<rootDir>/test/lab/global-teardown.ts',
    },
  ],
};
