/**
 * Everything that can't be done as asked: the exact words, and that no director changed. Every case is one file in
 * test/golden/bad-input, to be read like a user reads it; UPDATE_GOLDEN=1 rewrites them.
 */
import { newKeyPair } from '../../lib/sim/keys';
import { type Sim, startSim } from '../../lib/sim';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectGolden } from '../support/golden';
import { type BadCase, DIRECTORS, type Directors, GOOD, HEAD } from './bad-input/case';
import { COMMAND_LINES } from './bad-input/command-lines';
import { UNUSABLE } from './bad-input/directors';
import { PROGRAMS } from './bad-input/programs';
import { makeWorkbench, pooled, type Typed, type Workbench } from './support';

const CASES = [...PROGRAMS, ...UNUSABLE, ...COMMAND_LINES];

const FOREIGN = '-A -t 192.0.2.99:80 -s rr\n-a -t 192.0.2.99:80 -r 10.9.9.9:80 -g -w 1\n';
const RULES = { lb1: FOREIGN, lb2: FOREIGN };

let bench: Workbench;
const sims = new Map<Directors, Sim>();
/** Tables of all directors before anything was typed. */
const before = new Map<Sim, string[]>();
/** Written once: a case must not find the key another one is just writing. */
const configs = new Map<Sim, string>();
let outcomes: Map<string, Promise<Typed>>;

beforeAll(async () => {
  bench = makeWorkbench();
  bench.write('home/.ssh/id_ed25519', newKeyPair().private);
  for (const [name, options] of Object.entries(DIRECTORS) as [Directors, object][]) {
    const installed = name === 'no module' || name === 'no ipvsadm' ? {} : { rules: RULES };
    const sim = await startSim({ directors: ['lb1', 'lb2'], ...installed, ...options });
    sims.set(name, sim);
    before.set(sim, tableOf(sim));
    configs.set(sim, readFileSync(writeSshConfig(join(bench.path, 'ssh', name), sim), 'utf8'));
  }
  const results = pooled(CASES, 3, type);
  outcomes = new Map(CASES.map(({ name }, at) => [name, results[at] ?? Promise.reject(new Error(name))]));
});

afterAll(async () => {
  await Promise.all([...sims.values()].map((sim) => sim.close()));
  bench.remove();
});

function simOf({ directors = 'well' }: BadCase): Sim {
  const sim = sims.get(directors);
  if (sim === undefined) throw new RangeError(directors);
  return sim;
}

const argsOf = ({ args = ['apply', '--auto-approve'] }: BadCase): readonly string[] => args;

const programOf = ({ program = GOOD, tail = '\napp.synth();\n' }: BadCase): string => `${HEAD}${program}\n${tail}`;

async function type(bad: BadCase): Promise<Typed> {
  const folder = `case/${bad.name}`;
  const sim = simOf(bad);
  const port = String(sim.directors[0]?.port);
  const fill = (text: string): string =>
    text.replaceAll('HOME', bench.home).replaceAll('TMP/CASE', join(bench.path, folder)).replaceAll('PORT', port);
  const files = Object.fromEntries(Object.entries(bad.files ?? {}).map(([name, text]) => [name, fill(text)]));
  if (bad.bare === undefined) bench.project(folder, programOf(bad), files);
  else for (const [name, text] of Object.entries({ '.keep': '', ...files })) bench.write(join(folder, name), text);
  const ssh = bench.write(`ssh/${bad.name}.config`, `${fill(bad.ssh ?? '')}\n${configs.get(sim) ?? ''}`);
  return bench.run(argsOf(bad).map(fill), {
    cwd: folder,
    env: { LVSFORM_SSH_CONFIG: ssh },
    ...(bad.stdin === undefined ? {} : { stdin: bad.stdin }),
  });
}

/** What the user did and what was said to that. */
function document(bad: BadCase, { code, stdout, stderr }: Typed): string {
  const skipped = HEAD.split('\n').length;
  const program =
    bad.program === undefined || bad.program === ''
      ? []
      : bad.program.split('\n').map((line, at) => `main.ts:${skipped + at}: ${line}`);
  const files = Object.entries(bad.files ?? {}).map(([name, text]) => `--- ${name}\n${text.trimEnd()}`);
  const heading = [
    ...program,
    ...files,
    ...(bad.stdin === undefined ? [] : [`--- stdin\n${bad.stdin.trimEnd()}`]),
    ...(bad.directors === undefined ? [] : [`--- directors: ${bad.directors}`]),
    ...(bad.ssh === undefined ? [] : [`--- ssh_config\n${bad.ssh.trimEnd()}`]),
    `$ lvsform ${argsOf(bad).join(' ')}`,
    `exit code ${code}`,
  ];
  const streams = [
    ...(stdout === '' ? [] : [`--- stdout\n${stdout.trimEnd()}`]),
    ...(stderr === '' ? [] : [`--- stderr\n${stderr.trimEnd()}`]),
  ];
  return bench.normalise(`${[...heading, ...streams].join('\n')}\n`);
}

const tableOf = (sim: Sim): string[] => sim.directors.map((director) => director.rules() + director.marks());

test.each(CASES.map((bad) => [bad.name, bad] as const))(
  '%s',
  async (name, bad) => {
    const outcome = await outcomes.get(name);
    if (outcome === undefined) throw new RangeError(name);
    expect(outcome.code).toBe(1);
    expect(outcome.stdout + outcome.stderr).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
    expectGolden(`bad-input/${name}.txt`, document(bad, outcome));
    expect(tableOf(simOf(bad))).toEqual(before.get(simOf(bad)));
  },
  120_000,
);

test('every golden file belongs to one case', () => {
  const names = CASES.map(({ name }) => `${name}.txt`).sort();
  expect(readdirSync(join(__dirname, '../golden/bad-input')).sort()).toEqual(names);
});
