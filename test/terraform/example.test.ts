import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { startSim } from '../../lib/sim';
import { makeWorkbench } from '../cli/support';
import { testCore, Workspace } from './support';

const NAME = 'cdktf-with-terraform';

testCore(`examples/${NAME}: the commands of its README`, async () => {
  const bench = makeWorkbench();
  const sim = await startSim({ directors: 2, user: 'lvsform' });
  const workspace = new Workspace({}, {}, 'elsewhere');
  try {
    const env = { LVSFORM_SSH_CONFIG: writeSshConfig(join(bench.path, 'ssh'), sim) };
    cpSync(join(__dirname, '../../examples', NAME), workspace.path, { recursive: true });
    cpSync(workspace.path, join(bench.path, NAME), { recursive: true });
    const lvsform = async (...args: string[]): Promise<void> => {
      const typed = await bench.run(args, { cwd: NAME, env });
      expect({ args, ...typed }).toMatchObject({ code: 0 });
    };
    const readme = readFileSync(workspace.file('README.md'), 'utf8');
    const commands = [...readme.matchAll(/^ {4}(?:npx )?((?:lvsform|terraform) [^#\n]+?) *(?:#.*)?$/gm)].map(([, line = '']) => line.split(' ')); // prettier-ignore
    expect(commands.map(([tool, command]) => `${tool ?? ''} ${command ?? ''}`)).toEqual([
      'lvsform provider',
      'lvsform synth',
      'terraform init',
      'terraform plan',
      'terraform apply',
      'lvsform plan',
    ]);
    const folder = `-chdir=${join(bench.path, NAME, 'cdktf.out/stacks/edge')}`;
    for (const [tool = '', ...args] of commands) {
      if (tool === 'lvsform') {
        await lvsform(...args, ...(args[0] === 'plan' ? ['--detailed-exitcode'] : []));
        continue;
      }
      const more = args[0] === 'apply' ? ['-auto-approve'] : [];
      const own = { HOME: bench.home, TF_CLI_CONFIG_FILE: '', ...env };
      const done = await workspace.run([folder, ...args, ...more, '-input=false', '-no-color'], undefined, own);
      expect({ args, ...done }).toMatchObject({ code: 0 });
    }
    for (const director of sim.directors) expect(director.rules()).toContain('-A -f 12 -s wrr -p 360');
  } finally {
    workspace.remove();
    await sim.close();
    bench.remove();
  }
});
