/** Plan files: what was reviewed is what runs, once, and nothing else does. */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../../lib/cli/version';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { Director, type IpvsStack, Listen, Scheduler } from '../../lib/constructs';
import { desiredDigest, PlanFile, reviewDigest } from '../../lib/model';
import { type Sim, type SimDirector, startSim } from '../../lib/sim';
import { synth } from '../constructs/program';
import { expectGolden } from '../support/golden';
import { typeHere } from './fake-io';
import { makeWorkbench, type Typed, type Workbench } from './support';

let bench: Workbench;
let sim: Sim;
let lb1: SimDirector;
let sshConfig: string;

beforeAll(async () => {
  bench = makeWorkbench();
  sim = await startSim({ directors: ['lb1', 'lb2'], rules: { lb1: `${WEB}${SHOP}${FOREIGN}` } });
  lb1 = sim.directors[0]!;
  sshConfig = writeSshConfig(join(bench.path, 'ssh'), sim);
});

beforeEach(() => {
  for (const director of sim.directors) director.reset();
  rmSync(file(), { force: true });
  write(3);
});

afterAll(async () => {
  await sim.close();
  bench.remove();
});

const WEB = '-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n';
const SHOP = '-A -t 192.0.2.2:80 -s wrr\n-a -t 192.0.2.2:80 -r 10.0.0.2:80 -g -w 1\n';
const FOREIGN = '-A -u 192.0.2.99:53 -s rr\n-a -u 192.0.2.99:53 -r 10.9.9.9:53 -g -w 1\n';

const file = (): string => join(bench.path, 'plan.json');
const content = (): PlanFile => PlanFile.parse(JSON.parse(readFileSync(file(), 'utf8')));

/** `web` gets another weight and `shop` is as it is on the director. */
function write(weight: number, more: (edge: IpvsStack) => unknown = () => undefined): void {
  const artefact = synth((edge) => {
    const director = new Director(edge, 'lb1', { host: 'lb1', identityFile: join(bench.path, 'ssh', 'id') });
    const scheduler = Scheduler.wrr();
    const web = director.addService('web', { listen: Listen.tcp('192.0.2.1', 80), scheduler });
    if (weight >= 0) web.addRealServer('rs1', { address: '10.0.0.1', weight });
    director
      .addService('shop', { listen: Listen.tcp('192.0.2.2', 80), scheduler })
      .addRealServer('rs1', { address: '10.0.0.2' });
    more(edge);
  });
  writeFileSync(join(bench.path, 'edge.tf.json'), JSON.stringify(artefact));
}

const type = (args: string, cwd = bench.path): Promise<Typed> => typeHere(args.split(' '), { cwd, sshConfig });
const plan = (more = ''): Promise<Typed> => type(`plan --from edge.tf.json --out plan.json${more}`);
const edit = (...argv: string[]): void => {
  expect(lb1.exec(['ipvsadm', ...argv]).code).toBe(0);
};

/** Without what differs from run to run. */
const normal = (text: string): string =>
  bench
    .normalise(text)
    .replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/ by \S+@\S+/g, ' by WHO')
    .replaceAll(VERSION, 'VERSION');

function change(edited: Partial<PlanFile>): void {
  writeFileSync(file(), JSON.stringify({ ...content(), ...edited }));
}

const mendDigest = (): void => {
  change({ reviewDigest: reviewDigest(content()) });
};

test('is written for its owner alone, whole, and says what was reviewed', async () => {
  const outcome = await plan();
  expect(outcome).toMatchObject({ code: 0 });
  expect(outcome.stderr).toBe('Written to plan.json. To apply it: lvsform apply plan.json\n');
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  expect(readdirSync(bench.path).filter((name) => name.includes('plan.json'))).toEqual(['plan.json']);
  const { desired, desiredDigest: digest, plan: planned, ...rest } = content();
  expect(rest).toMatchObject({ format: 1, kind: 'lvsform-plan', tool: VERSION, destroy: false, allowed: [] });
  expect(digest).toBe(desiredDigest(desired));
  expect(planned.directors.map(({ director, steps }) => [director, steps.length])).toEqual([['lb1', 1]]);
  expect(Object.keys(planned.directors[0]!.fingerprints)).toHaveLength(1);
});

test('holds no private key: not that of the login, and not one that was put into the program by mistake', async () => {
  const key = readFileSync(join(bench.path, 'ssh', 'id'), 'utf8');
  expect(key).toContain('PRIVATE KEY');
  await plan();
  const text = readFileSync(file(), 'utf8');
  expect(text).toContain('/ssh/id"');
  const lines = key.split('\n').filter((line) => line !== '');
  expect(lines.filter((line) => text.includes(line))).toEqual([]);
  rmSync(file());
  write(3, (edge) => new Director(edge, 'lb2', { host: 'lb2', tags: { key } }));
  const refused = await plan();
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('it would hold a private key: desired.0.directors.1.director.tags.key');
  expect(() => statSync(file())).toThrow();
});

describe('show', () => {
  test.each(['text', 'markdown'])('%s', async (format) => {
    await plan();
    const { code, stdout } = await type(`show plan.json --format ${format}`);
    expect(code).toBe(0);
    expectGolden(`plan-file/show.${format}.txt`, normal(stdout));
  });

  test('json, with the directors read: what moved', async () => {
    await plan();
    const show = async (): Promise<unknown> => JSON.parse((await type('show plan.json --live --format json')).stdout);
    expect(await show()).toMatchObject({ applicable: true, reasons: [], moved: [], file: { kind: 'lvsform-plan' } });
    edit('-e', '-t', '192.0.2.1:80', '-r', '10.0.0.1:80', '-g', '-w', '2');
    expect(await show()).toMatchObject({
      applicable: false,
      reasons: ['lb1: tcp/192.0.2.1:80 moved'],
      moved: [{ stack: 'edge', director: 'lb1', id: 'tcp/192.0.2.1:80' }],
    });
  });

  test('says what became of it: used, of another version, edited, of another program', async () => {
    await plan();
    const author = { by: 'ada@build-7', job: 'https://ci.example.net/7' };
    change({ tool: '0.0.1', used: { at: '2026-01-02T03:04:05.000Z', author }, desiredDigest: '0'.repeat(64) });
    write(4);
    const { code, stdout } = await type('show plan.json --from edge.tf.json');
    expect(code).toBe(0);
    expectGolden('plan-file/show-stale.txt', normal(stdout));
  });

  test('also a file of a format to come, as far as it can be read', async () => {
    await plan();
    writeFileSync(file(), JSON.stringify({ ...content(), format: 2, tool: '9.0.0', plan: 'elsewhere' }));
    const { code, stdout } = await type('show plan.json');
    expect(code).toBe(0);
    expect(stdout).toContain('made ');
    expect(stdout).toContain("can't be applied: it was made by lvsform 9.0.0");
    expect(stdout).toContain('plan.json has format 2, and this version of lvsform reads format 1');
  });
});

describe('apply refuses, and changes nothing', () => {
  const refused = async (code: number, args = 'apply plan.json'): Promise<string> => {
    const before = lb1.rules();
    const outcome = await type(args);
    expect(lb1.rules()).toBe(before);
    expect(outcome).toMatchObject({ code });
    return normal(outcome.stderr);
  };

  test('an entry it touches moved', async () => {
    await plan();
    edit('-e', '-t', '192.0.2.1:80', '-r', '10.0.0.1:80', '-g', '-w', '2');
    expectGolden('plan-file/moved.txt', await refused(3));
  });

  test('an entry it touches is gone, and so is one it would have left alone', async () => {
    await plan();
    edit('-D', '-t', '192.0.2.1:80');
    edit('-D', '-t', '192.0.2.2:80');
    expect(await refused(3)).toContain('    lb1: tcp/192.0.2.1:80 moved\n    lb1: tcp/192.0.2.2:80 moved\n');
  });

  test('it is used: nothing was to do, and that was done', async () => {
    write(1);
    await plan();
    expect(await type('apply plan.json')).toMatchObject({ code: 0, stderr: '' });
    expect(content().used).toMatchObject({ author: { by: expect.stringContaining('@') as string } });
    expect(statSync(file()).mode & 0o777).toBe(0o600);
    expect(await refused(3)).toContain('it was applied already, TIME by WHO');
  });

  test('every reason at once', async () => {
    await plan();
    change({ tool: '0.0.1', used: { at: '2026-01-02T03:04:05.000Z', author: { by: 'ada@build-7' } } });
    write(4);
    expectGolden('plan-file/reasons.txt', await refused(3, 'apply plan.json --from edge.tf.json'));
  });

  test('the program says something else, or can not be read', async () => {
    await plan();
    write(3, (edge) => new Director(edge, 'lb2', { host: 'lb2' }));
    expect(await refused(3, 'apply plan.json --from edge.tf.json')).toContain('says something else');
    expect(await refused(3, 'apply plan.json --from nowhere')).toContain(
      "can't be compared: TMP/nowhere does not exist",
    );
  });

  test('it was edited', async () => {
    await plan();
    const { desired } = content();
    desired[0]!.directors[0]!.table.services[0]!.realServers[0]!.weight = 100;
    change({ desired });
    expect(await refused(1)).toContain('it was edited: its digest is not that of what it holds');
    // Whoever mends the digest too is found out by the steps.
    change({ desired, desiredDigest: desiredDigest(desired) });
    expect(await refused(3)).toContain('lb1: tcp/192.0.2.1:80/10.0.0.1:80 moved');
  });

  test('steps that were edited are not run', async () => {
    await plan();
    const { plan: planned } = content();
    const [step] = planned.directors[0]!.steps;
    step!.command = { tool: 'ipvsadm', args: ['-D', '-u', '192.0.2.99:53'] };
    change({ plan: planned });
    expect(await refused(1)).toContain('it was edited: its digest is not that of what it holds');
    // Whoever mends the digest too is found out by the steps.
    mendDigest();
    expect(await refused(3)).toContain('lb1: other steps would be needed now');
  });

  test('a director was cut out of what a reviewer sees', async () => {
    write(3, (edge) =>
      new Director(edge, 'lb2', { host: 'lb2' }).addService('dns', { listen: Listen.udp('192.0.2.3', 53) }),
    );
    await plan();
    const { plan: planned } = content();
    change({ plan: { ...planned, directors: planned.directors.filter(({ director }) => director !== 'lb2') } });
    expect(await refused(1)).toContain('it was edited: its digest is not that of what it holds');
    mendDigest();
    expect(await refused(1)).toContain('it was edited: it wants something of edge/lb2, and has no plan for that');
    change({
      plan: planned,
      desired: content().desired.map((stack) => ({ ...stack, directors: stack.directors.slice(0, 1) })),
    });
    expect(await refused(1)).toContain('it was edited: it plans for edge/lb2, and wants nothing of that');
    expect(sim.directors[1]!.rules()).toBe('');
  });

  test('what it allows was edited', async () => {
    await plan();
    change({ allowed: ['last-server'] });
    expect(await refused(1)).toContain('it was edited');
  });

  test('a choice that stands in the file', async () => {
    await plan();
    expect(await refused(1, 'apply plan.json --allow last-server --director lb1')).toContain(
      "--director and --allow can't be given with a plan file",
    );
  });
});

test('files that are no plan files, or not whole', async () => {
  await plan();
  const good = content();
  const bad: [string, string][] = [
    ['not JSON', '{ "format": 1, '],
    ['a plan for scripts', '{ "format": 1, "stacks": [] }'],
    ['a format to come', JSON.stringify({ ...good, format: 2 })],
    ['no format', JSON.stringify({ ...good, format: undefined })],
    ['fields nobody knows, and fields that are missing', JSON.stringify({ ...good, extra: 1, desired: undefined })],
    ['a word that is two', JSON.stringify(good).replaceAll('"scheduler":"wrr"', '"scheduler":"wrr\\n-C"')],
    ['a weight that is none', JSON.stringify(good).replaceAll('"weight":3', '"weight":-3')],
  ];
  const told: string[] = [];
  for (const [name, text] of bad) {
    writeFileSync(file(), text);
    const { code, stdout, stderr } = await type('apply plan.json');
    expect({ name, code, stdout }).toEqual({ name, code: 1, stdout: '' });
    told.push(`# ${name}\n${stderr}`);
  }
  rmSync(file());
  told.push(`# no file\n${(await type('apply plan.json')).stderr}`);
  expectGolden('plan-file/not-a-plan-file.txt', normal(told.join('\n')));
});

describe('nothing is written', () => {
  test.each([
    ['to a folder that does not exist', 'nowhere/plan.json'],
    ['over a folder', 'ssh'],
  ])('%s', async (_, path) => {
    const outcome = await type(`plan --from edge.tf.json --out ${path}`);
    expect(outcome).toMatchObject({ code: 1, stdout: '' });
    expect(outcome.stderr).toMatch(/^error: \S+ can't be written: /);
  });

  test('when a director could not be planned', async () => {
    write(3, (edge) => new Director(edge, 'gone', { host: '127.0.0.2', port: 1 }));
    const outcome = await plan();
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toContain('Plan: 0 to create, 1 to update');
    expect(outcome.stderr).toContain('no plan file is written, because gone could not be planned');
    expect(() => statSync(file())).toThrow();
  });
});

describe('a plan with a blocking finding', () => {
  test('is refused until it is allowed when it is written', async () => {
    write(-1);
    expect(await plan()).toMatchObject({ code: 0 });
    const refused = await type('apply plan.json');
    expect(refused.code).toBe(4);
    expectGolden('plan-file/blocked.txt', normal(refused.stderr));
    const allowed = await plan(' --allow last-server');
    expect(allowed).toMatchObject({ code: 0 });
    expect(allowed.stdout).toContain('! allowed: tcp/192.0.2.1:80: loses its last active real server');
    expect(content()).toMatchObject({ allowed: ['last-server'] });
    const [finding] = content().plan.directors[0]!.findings.filter(({ severity }) => severity === 'blocking');
    expect(finding).toMatchObject({ code: 'last-server', allowed: true });
    expect((await type('show plan.json')).stdout).toContain('allowed: last-server\n');
  });

  test('without a file: exit code 4, also as JSON, and no question', async () => {
    write(-1);
    const before = lb1.rules();
    const apply = 'apply --from edge.tf.json --auto-approve';
    expect((await type(apply)).code).toBe(4);
    const { code, stdout } = await type(`${apply} --format json`);
    expect(code).toBe(4);
    const blocking = expect.objectContaining({ code: 'last-server', severity: 'blocking' }) as unknown;
    expect(JSON.parse(stdout)).toMatchObject({
      directors: [{ findings: expect.arrayContaining([blocking]) as unknown }],
    });
    expect((await type(`${apply} --allow lost-server`)).stderr).toContain("'lost-server'");
    expect(lb1.rules()).toBe(before);
  });
});

describe('applied', () => {
  test('exactly once, whatever else changed meanwhile', async () => {
    await plan();
    edit('-D', '-u', '192.0.2.99:53');
    edit('-A', '-t', '192.0.2.77:80');
    const outcome = await type('apply plan.json --from edge.tf.json');
    expect({ code: outcome.code, stderr: outcome.stderr }).toMatchObject({ code: 0 });
    expect(lb1.rules()).toContain('-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3');
    expect(content().used).toBeDefined();
    expect((await type('apply plan.json')).code).toBe(3);
  });

  test('also a copy of it is found out by what the director remembers', async () => {
    await plan();
    const copy = readFileSync(file(), 'utf8');
    expect((await type('apply plan.json')).code).toBe(0);
    edit('-e', '-t', '192.0.2.1:80', '-r', '10.0.0.1:80', '-g', '-w', '1');
    writeFileSync(file(), copy);
    const outcome = await type('apply plan.json');
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toContain('it was applied already on lb1');
  });

  test('a plan to destroy', async () => {
    write(1);
    await plan(' --destroy');
    expect((await type('apply plan.json')).code).toBe(0);
    expect(lb1.rules()).toBe(FOREIGN);
  });
});
