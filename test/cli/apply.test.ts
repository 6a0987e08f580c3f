/** Applies that are asked about, that stop half-way, and that meet others at work: exactly what is in effect. */
import { NullProvider } from '@cdktf/provider-null/lib/provider';
import { Resource as NullResource } from '@cdktf/provider-null/lib/resource';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { Director, Forward, type IpvsStack, Listen, Scheduler } from '../../lib/constructs';
import { type Sim, type SimDirector, type SimOptions, startSim } from '../../lib/sim';
import { synth } from '../constructs/program';
import { expectGolden } from '../support/golden';
import { typeHere } from './fake-io';
import { makeWorkbench, type Typed, type Workbench } from './support';

let bench: Workbench;
let sim: Sim | undefined;

beforeAll(() => {
  bench = makeWorkbench();
});

afterEach(async () => {
  await sim?.close();
  sim = undefined;
});

afterAll(() => {
  bench.remove();
});

async function start(options: SimOptions = {}): Promise<SimDirector> {
  // Handed on as it is, so that a test can mend what it broke.
  sim = await startSim(Object.assign(options, { directors: ['lb1', 'lb2'] }));
  const [first] = sim.directors;
  if (first === undefined) throw new RangeError('no director');
  return first;
}

const apply = ['apply', '--from', 'edge.tf.json'];
const approved = [...apply, '--auto-approve'];

function type(args: readonly string[], answer?: (question: string) => string): Promise<Typed> {
  if (sim === undefined) throw new RangeError('no simulator');
  const sshConfig = writeSshConfig(join(bench.path, 'ssh'), sim);
  return typeHere(args, { cwd: bench.path, sshConfig, ...(answer === undefined ? {} : { answer }) });
}

function write(build: (edge: IpvsStack) => void): void {
  rmSync(join(bench.path, 'edge.tf.json'), { force: true });
  writeFileSync(join(bench.path, 'edge.tf.json'), JSON.stringify(synth(build)));
}

/** Two services with a server each. */
function twoServices(edge: IpvsStack, second = Scheduler.rr()): Director {
  const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
  lb1
    .addService('web', { listen: Listen.tcp('192.0.2.1', 80), scheduler: Scheduler.wrr() })
    .addRealServer('rs1', { address: '10.0.0.1', weight: 3 });
  lb1
    .addService('shop', { listen: Listen.tcp('192.0.2.2', 80), scheduler: second, forward: Forward.masquerading() })
    .addRealServer('rs1', { address: '10.0.0.2', port: 8080 });
  return lb1;
}

const bothServices = [
  '-A -t 192.0.2.1:80 -s wrr',
  '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3 --tun-type ipip',
  '-A -t 192.0.2.2:80 -s rr',
  '-a -t 192.0.2.2:80 -r 10.0.0.2:8080 -m -w 1',
].map((line) => line.replace(' --tun-type ipip', ''));

const rulesOf = (director: SimDirector): string[] =>
  director
    .rules()
    .trim()
    .split('\n')
    .filter((line) => line !== '');

/** What was said, and what is really there. */
function golden(name: string, { code, stdout, stderr }: Typed, director: SimDirector): void {
  const text = `exit code ${code}\n--- stdout\n${stdout}--- stderr\n${stderr}--- ipvsadm -Sn\n${director.rules()}`;
  expectGolden(`apply/${name}.txt`, bench.normalise(text));
}

test('a scheduler without its module: the director is put back as it was', async () => {
  const lb1 = await start();
  write((edge) => void twoServices(edge, Scheduler.twos()));
  const outcome = await type(approved);
  expect(outcome.code).toBe(6);
  expect(lb1.rules()).toBe('');
  golden('scheduler-missing', outcome, lb1);
  write((edge) => void twoServices(edge));
  expect((await type(approved)).code).toBe(0);
  expect(rulesOf(lb1).sort()).toEqual([...bothServices].sort());
});

test('a command that the kernel refuses stops the run before the next phase, and what was done is taken back', async () => {
  const lb1 = await start({
    refuseNth: 2,
    rules: { lb1: '-A -t 192.0.2.1:80 -s wrr -p 60\n-a -t 192.0.2.1:80 -r 10.0.0.9:80 -g -w 1' },
  });
  const before = lb1.rules();
  write((edge) => void twoServices(edge));
  const outcome = await type([...approved, '--allow', 'pool-drop']);
  expect(outcome.code).toBe(6);
  expect(lb1.rules()).toBe(before);
  golden('refused', outcome, lb1);
});

test('a connection that is lost in the middle: put back, reported, and done by the next apply', async () => {
  const options: SimOptions = { dropAfter: 2 };
  const lb1 = await start(options);
  write((edge) => void twoServices(edge));
  const outcome = await type(approved);
  expect(outcome.code).toBe(6);
  expect(lb1.rules()).toBe('');
  golden('connection-lost', outcome, lb1);
  delete options.dropAfter;
  expect((await type(approved)).stdout).toContain('Plan: ');
  expect(rulesOf(lb1).sort()).toEqual([...bothServices].sort());
  expect((await type(['plan', '--from', 'edge.tf.json', '--detailed-exitcode'])).code).toBe(0);
});

test('somebody who changes it back is told from a refusal', async () => {
  const lb1 = await start({
    beforeCommand: (director) => {
      // As soon as it is there, which is before the read that verifies.
      if (director.rules().includes('-r 10.0.0.1:80 -g -w 3'))
        director.exec(['ipvsadm', '-e', '-t', '192.0.2.1:80', '-r', '10.0.0.1:80', '-g', '-w', '0']);
    },
  });
  write((edge) => void twoServices(edge));
  const outcome = await type(approved);
  expect(outcome.code).toBe(6);
  golden('not-converged', outcome, lb1);
});

test('clients that come while earlier directors are changed stop a later one, unless --allow names it', async () => {
  const options: SimOptions = {};
  const lb1 = await start(options);
  const lb2 = sim!.directors[1]!;
  const servers = (...names: string[]): void => {
    write((edge) => {
      for (const host of ['lb1', 'lb2']) {
        const service = new Director(edge, host, { host }).addService('web', { listen: Listen.tcp('192.0.2.1', 80) });
        for (const name of names) service.addRealServer(name, { address: name.replace('rs', '10.0.0.') });
      }
    });
  };
  servers('rs1', 'rs2');
  expect((await type(approved)).code).toBe(0);
  const clientsCome = (): void => {
    if (!lb1.rules().includes('10.0.0.2')) lb2.setConnections('10.0.0.2:80', { active: 7 });
  };
  options.beforeCommand = clientsCome;
  servers('rs1');
  const refused = await type(approved);
  expect([refused.code, refused.stderr]).toEqual([7, expect.stringContaining('10.0.0.2:80: is removed with 7 active connections [active-connections]')]); // prettier-ignore
  expect(lb2.rules()).toContain('10.0.0.2');

  delete options.beforeCommand;
  lb2.setConnections('10.0.0.2:80', { active: 0 });
  servers('rs1', 'rs2');
  expect((await type(approved)).code).toBe(0);
  options.beforeCommand = clientsCome;
  servers('rs1');
  expect((await type([...approved, '--allow', 'active-connections'])).code).toBe(0);
  expect(lb2.rules()).not.toContain('10.0.0.2');
});

/** A service of packets with mark 12, and the rule that gives it to them. */
function marked(edge: IpvsStack): void {
  new Director(edge, 'lb1', { host: 'lb1' })
    .addService('web', { listen: Listen.tcp('192.0.2.1', 80).marked(12) })
    .addRealServer('rs1', { address: '10.0.0.1' });
}

test('somebody else’s rule inside our chain is an error, and stays', async () => {
  const lb1 = await start();
  write(marked);
  expect((await type(approved)).code).toBe(0);
  expect(lb1.exec('iptables -t mangle -A LVSFORM-edge -s 10.0.0.0/8 -j RETURN'.split(' ')).code).toBe(0);
  const before = lb1.rules() + lb1.marks();
  const outcome = await type(approved);
  golden('foreign-rule-in-our-chain', outcome, lb1);
  expect(outcome.code).toBe(1);
  expect(lb1.rules() + lb1.marks()).toBe(before);
});

test('a plan for a pull request', async () => {
  await start();
  write(marked);
  const { code, stdout } = await type(['plan', '--from', 'edge.tf.json', '--format', 'markdown']);
  expect(code).toBe(0);
  expect(stdout).toContain(
    '### lvsform plan: edge\n\n**Plan: 3 to create, 0 to update, 0 to delete on 1 director.**\n',
  );
  expect(stdout).toContain('| create | mark | `mark/12/inet/tcp/192.0.2.1/32:80` |');
});

describe('on a terminal', () => {
  test('only yes is a yes', async () => {
    const lb1 = await start();
    write((edge) => void twoServices(edge));
    const outcome = await type(apply, () => 'y');
    expect(outcome.code).toBe(1);
    expect(outcome.stderr).toBe('Not approved; nothing was changed.\n');
    expect(lb1.rules()).toBe('');
  });

  test('yes applies', async () => {
    const lb1 = await start();
    write((edge) => void twoServices(edge));
    const outcome = await type(apply, () => 'yes');
    expect(outcome.code).toBe(0);
    golden('approved', outcome, lb1);
  });

  test('a director that changed while the plan was read is left alone', async () => {
    const lb1 = await start();
    write((edge) => void twoServices(edge));
    const outcome = await type(apply, () => {
      lb1.exec(['ipvsadm', '-A', '-t', '192.0.2.1:80', '-s', 'lc']);
      return 'yes';
    });
    expect(outcome.code).toBe(3);
    expect(outcome.stderr).toBe(
      'error: edge: a director changed while you were reading the plan, so nothing is applied:\n' +
        '    lb1: tcp/192.0.2.1:80 moved\n' +
        '  hint: run `lvsform apply` again and review the new plan\n',
    );
    expect(lb1.rules()).toBe('-A -t 192.0.2.1:80 -s lc\n');
  });

  test('destroy asks in other words', async () => {
    const lb1 = await start();
    write((edge) => void twoServices(edge));
    await type(approved);
    const outcome = await type(['destroy', '--from', 'edge.tf.json'], () => 'yes');
    expect(outcome.stdout).toContain("Remove all this? Only 'yes' is taken for a yes: ");
    expect(lb1.rules()).toBe('');
  });
});

describe('gates between directors', () => {
  /** lb2 waits for a gate that waits for lb1, although lb2 is declared first. */
  const gated = (command: string) => (edge: IpvsStack) => {
    const [lb2, lb1] = ['lb2', 'lb1'].map((name) => new Director(edge, name, { host: name }));
    const [second, first] = [lb2, lb1].map((director) =>
      director
        ?.addService('web', { listen: Listen.tcp('192.0.2.1', 80) })
        .addRealServer('rs1', { address: '10.0.0.1' }),
    );
    new NullProvider(edge, 'null');
    const gate = new NullResource(edge, 'healthy');
    gate.addOverride('provisioner', [{ 'local-exec': { command } }]);
    if (first !== undefined) gate.node.addDependency(first);
    second?.node.addDependency(gate);
  };

  test('its command runs only when it is allowed to', async () => {
    await start();
    write(gated('echo checked'));
    const outcome = await type(approved);
    expect(outcome).toMatchObject({ code: 0 });
    expect(outcome.stderr).toBe(
      'lb1: applied, 2 steps in effect\n' +
        'gate null_resource.healthy: not run: echo checked (--allow-exec runs it)\n' +
        'lb2: applied, 2 steps in effect\n',
    );
  });

  test('its command runs between the directors it is between', async () => {
    await start();
    write(gated('echo checked'));
    expect((await type([...approved, '--allow-exec'])).stderr).toBe(
      'lb1: applied, 2 steps in effect\ngate null_resource.healthy: echo checked\nchecked\nlb2: applied, 2 steps in effect\n',
    );
  });

  test('a command that fails leaves the directors behind it as they were', async () => {
    await start();
    write(gated('echo "no answer"; exit 4'));
    const outcome = await type([...approved, '--allow-exec']);
    expect(outcome.code).toBe(7);
    expect(outcome.stderr).toContain('its command failed with exit code 4');
    expect(outcome.stdout).toContain('Applied to 1 director, read back and verified. Left as they were: lb2.');
    expect(sim?.directors.map((director) => director.rules() === '')).toEqual([false, true]);
  });
});

test('what an apply did, for scripts', async () => {
  await start({ refuseNth: 2 });
  write((edge) => {
    twoServices(edge);
    new Director(edge, 'lb2', { host: 'lb2' });
  });
  const outcome = await type([...approved, '--format', 'json']);
  expect(outcome.code).toBe(6);
  const document: unknown = JSON.parse(outcome.stdout);
  expect(document).toMatchObject({
    format: 1,
    outcomes: [
      { director: 'lb1', outcome: 'rolled-back', error: { code: 'rolled-back' } },
      { director: 'lb2', outcome: 'skipped', steps: 0 },
    ],
  });
});
