/** Every example from plan to an empty table again, on simulated directors. */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { type Sim, startSim } from '../../lib/sim';
import { makeWorkbench, type Workbench } from './support';

const EXAMPLES = join(__dirname, '../../examples');
const names = readdirSync(EXAMPLES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(EXAMPLES, entry.name, 'main.ts')))
  .map(({ name }) => name);

/** What the simulator is not: it has one login, no jump host, no agent, no traffic, and a kernel without twos. */
const ADAPTED: readonly (readonly [RegExp, string])[] = [
  [/ {2}(?:port: 2222|identityFile: .*|agent: false|hostKey: .*|jump: .*),\n/g, ''],
  [/, agent: true/g, ''],
  [/\.check\([^]*?\}\)/g, ''],
  [/Scheduler\.twos\(\)/g, 'Scheduler.rr()'],
];

let bench: Workbench;
let sim: Sim;
let env: Record<string, string>;

beforeAll(async () => {
  bench = makeWorkbench();
  const interfaces = { lo: 65536, eth0: 1500, eth1: 1500, eth2: 1500 };
  const directors = ['lb1', 'lb2', 'lab', 'slow', 'ns-lb1', 'ns-lb2'];
  sim = await startSim({ directors, user: 'lvsform', interfaces });
  const config = writeSshConfig(join(bench.path, 'ssh'), sim);
  env = { LVSFORM_SSH_CONFIG: config };
});

beforeEach(() => {
  for (const director of sim.directors) director.reset();
});

afterAll(async () => {
  await sim.close();
  bench.remove();
});

const tables = (): string => sim.directors.map((director) => director.rules() + director.marks()).join('');

test('there are examples', () => {
  expect(names).toEqual(
    expect.arrayContaining([
      'single-director',
      'fwmark-http-https',
      'dual-stack-dns',
      'everything',
      'maintenance',
      'terraform-waves',
    ]),
  );
});

test.each(names)(
  '%s',
  async (name) => {
    cpSync(join(EXAMPLES, name), join(bench.path, name), {
      recursive: true,
      filter: (path) => !/node_modules|cdktf\.out/.test(path),
    });
    const main = join(bench.path, name, 'main.ts');
    const adapted = ADAPTED.reduce((text, [from, to]) => text.replace(from, to), readFileSync(main, 'utf8'));
    // A director that needs sudo for the simulator's login says so.
    writeFileSync(main, adapted.replace(/(host: (?:`[^`]+`|'[^']+'))(?!,[^}]*sudo)/g, '$1, sudo: true'));
    const type = async (args: string) => {
      const outcome = await bench.run(args.split(' '), { cwd: name, env });
      return { args, ...outcome };
    };
    expect(await type('synth')).toMatchObject({ code: 0 });
    expect(await type('plan --from cdktf.out --detailed-exitcode')).toMatchObject({ code: 2 });
    expect(tables()).not.toContain('-A -');
    expect(await type('apply --from cdktf.out --auto-approve')).toMatchObject({ code: 0 });
    expect(tables()).toContain('-A -');
    expect(await type('plan --from cdktf.out --detailed-exitcode')).toMatchObject({ code: 0 });
    expect(await type('destroy --from cdktf.out --auto-approve')).toMatchObject({ code: 0 });
    expect(sim.directors.map((director) => director.rules())).toEqual(sim.directors.map(() => ''));
    expect(tables()).not.toContain('MARK');
  },
  60_000,
);

test('maintenance: the commands of its README', async () => {
  const name = 'maintenance';
  cpSync(join(EXAMPLES, name), join(bench.path, 'walk'), { recursive: true });
  const readme = readFileSync(join(EXAMPLES, name, 'README.md'), 'utf8');
  const lines = [...readme.matchAll(/^ {4}(?:MAINTENANCE=(\w+) )?npx lvsform ([^#\n]+?) *(?:#.*)?$/gm)];
  expect(lines.map(([, , args = '']) => args.split(' ')[0])).toEqual([
    'apply',
    'plan',
    'show',
    'apply',
    'apply',
    'rollback',
  ]);
  const pools: number[] = [];
  for (const [, MAINTENANCE, args = ''] of lines) {
    // What asks on a terminal is approved.
    const approved = /^(?:apply|rollback)$/.test(args) ? `${args} --auto-approve` : args;
    const typed = await bench.run(approved.split(' '), {
      cwd: 'walk',
      env: { ...env, ...(MAINTENANCE === undefined ? {} : { MAINTENANCE }) },
    });
    expect({ args, ...typed }).toMatchObject({ code: 0 });
    expect(typed.stdout).not.toContain("can't be applied");
    pools.push((sim.directors[0]?.rules() ?? '').split('\n').filter((line) => line.startsWith('-a -t')).length);
  }
  expect(pools).toEqual([3, 3, 3, 2, 3, 2]);
}, 60_000);
