'use strict';
// The executable's first lines. Core reads its first line from stdout: whatever else prints must not do so there.
console.log = console.error;
const { main } = require('../providers/terraform/main.ts');

const write = (stream) => (text) => stream.write(text);
void main(process.argv.slice(2), { out: write(process.stdout), err: write(process.stderr) }).then((code) => {
  if (code !== undefined) process.exitCode = code;
});
