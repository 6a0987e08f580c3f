/** The files of a new project, by name. They plan and apply against `lvsform sim` as they are. */
export function projectFiles(name: string, version: string): Record<string, string> {
  const packageName =
    name
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-')
      .replace(/^[._-]+/, '') || 'lvs';
  return {
    'package.json': `${JSON.stringify(
      {
        name: packageName,
        private: true,
        scripts: { plan: 'lvsform plan', apply: 'lvsform apply', check: 'tsc --noEmit' },
        dependencies: { cdktf: '0.21.0', constructs: '^10.7.2', lvsform: `^${version}` },
        devDependencies: { '@types/node': '^20.0.0', typescript: '~6.0.3' },
      },
      null,
      2,
    )}\n`,
    'cdktf.json': `${JSON.stringify({ language: 'typescript', app: 'npx tsx main.ts', output: 'cdktf.out' }, null, 2)}\n`,
    'tsconfig.json': `${JSON.stringify(
      {
        compilerOptions: {
          target: 'ES2022',
          module: 'node16',
          moduleResolution: 'node16',
          types: ['node'],
          strict: true,
          noEmit: true,
          skipLibCheck: true,
        },
        include: ['*.ts'],
      },
      null,
      2,
    )}\n`,
    '.gitignore': 'node_modules/\ncdktf.out/\n.lvsform-sim/\n*.tfstate*\n',
    'main.ts': MAIN,
    'README.md': README.replace('NAME', name),
  };
}

const MAIN = `import { App } from 'cdktf';
import { Director, Duration, Fleet, Forward, IpvsStack, Listen, Scheduler } from 'lvsform';

const app = new App();
const edge = new IpvsStack(app, 'edge');

// A host here is a name in ~/.ssh/config, or in the file given with --ssh-config.
const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
const lb2 = new Director(edge, 'lb2', { host: 'lb2' });

const fleet = new Fleet(edge, 'table', { directors: [lb1, lb2] });

fleet
  .addService('web', {
    listen: Listen.tcp('192.0.2.10', 80, 443),
    scheduler: Scheduler.wrr(),
    persistence: Duration.minutes(5),
    forward: Forward.gatewaying(),
  })
  .addRealServer('rs1', { address: '10.0.0.11', weight: 3 })
  .addRealServer('rs2', { address: '10.0.0.12', weight: 1 });

app.synth();
`;

const README = `# NAME

Linux Virtual Server directors as code, with lvsform.

\`main.ts\` declares what the directors shall serve.

    lvsform plan       what would change, and in which order
    lvsform apply      change it, after asking
    lvsform show       what the directors serve now

To try it without a director, start simulated ones in another terminal with \`lvsform sim\`, and add
\`--ssh-config .lvsform-sim/ssh_config\` to the commands above.
`;
