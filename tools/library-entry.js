'use strict';
// A door for each entry of package.json's "exports", and one for the command. What is behind a door is loaded when it is
// opened, and only once: a program and the command that runs it have the same classes.
module.exports = {
  get index() {
    return require('../lib/index.ts');
  },
  get sim() {
    return require('../lib/sim/index.ts');
  },
  get providers() {
    return require('../providers/ipvs/index.ts');
  },
  get cli() {
    return require('../lib/cli/main.ts');
  },
};
