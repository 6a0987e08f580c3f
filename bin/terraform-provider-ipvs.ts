// What esbuild makes the executable of. Whatever prints must not do so on stdout: core reads its first line from there.
console.log = console.error;
import { main } from '../providers/terraform/main';

void main(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
}).then((code) => {
  if (code !== undefined) process.exitCode = code;
});
