import { tmpdir } from 'node:os';
import { runLoudly } from '../../lib/cli/shell';

function run(command: string, cwd = tmpdir()): { problem: string | undefined; said: string } {
  let said = '';
  const problem = runLoudly(command, { cwd }, (text) => (said += text));
  return { problem, said };
}

test('a command may print as much as it likes', () => {
  const { problem, said } = run(`node -e "process.stdout.write('é'.repeat(1.5 * 2 ** 20 + 1)); console.error('end')"`);
  expect(problem).toBeUndefined();
  expect(said.length).toBe(1.5 * 2 ** 20 + 1 + 'end\n'.length);
  expect(said.replaceAll('é', '')).toBe('end\n');
});

test('what went wrong is named', () => {
  expect(run('echo no; exit 4')).toEqual({ problem: 'failed with exit code 4', said: 'no\n' });
  expect(run('kill -9 $$').problem).toBe('was ended by SIGKILL');
  expect(run('true', '/nowhere').problem).toMatch(/^could not be run: .*ENOENT/);
});
