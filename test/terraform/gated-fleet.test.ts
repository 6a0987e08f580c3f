/** A fleet of the constructs with `gates`, under real terraform: switched on and off, waves moved, and kept in order. */
import { loadStack } from '../../lib/artefact';
import { Director, Duration, Fleet, type IpvsStack, Listen, Rollout, SyncDaemon } from '../../lib/constructs';
import { planStacks } from '../../lib/pipeline';
import { type Sim, startSim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { synth } from '../constructs/program';
import { installNull, testCore, Workspace } from './support';

jest.setTimeout(240_000);

let sim: Sim;
let workspace: Workspace;

beforeAll(async () => {
  sim = await startSim({ directors: 3, interfaces: { lo: 65536, eth0: 1500 } });
});

beforeEach(() => {
  workspace = new Workspace();
  installNull(workspace);
});

afterEach(() => {
  workspace.remove();
  for (const director of sim.directors) director.reset();
});

afterAll(() => sim.close());

interface Options {
  gates?: boolean;
  weight?: number;
  port?: number;
  extra?: boolean;
  rollout?: (directors: Director[]) => Rollout;
}

/** Every kind of resource that a fleet holds. */
const artefact = ({ gates, weight = 1, port = 80, extra = true, rollout = canaryFirst }: Options): object =>
  synth((edge: IpvsStack) => {
    const directors = sim.directors.map(
      ({ name, host, port: ssh, user, identityFile, hostKey }) =>
        new Director(edge, name, { host, port: ssh, user, identityFile, hostKey, agent: false }),
    );
    const fleet = new Fleet(edge, 'table', {
      directors,
      rollout: rollout(directors),
      ...(gates === undefined ? {} : { gates }),
      timeouts: { udp: Duration.minutes(3) },
      syncDaemons: [SyncDaemon.master({ interface: 'eth0' })],
    });
    fleet
      .addService('web', { listen: Listen.tcp('192.0.2.10', 80).marked(12) })
      .addRealServer('rs1', { address: '10.0.0.11', weight });
    fleet
      .addService('plain', { listen: Listen.tcp('192.0.2.11', port) })
      .addRealServer('rs1', { address: '10.0.0.12' });
    if (extra) fleet.addService('extra', { listen: Listen.udp('192.0.2.12', 53) });
    fleet.absent(Listen.tcp('192.0.2.7', 80));
  }) as object;

const canaryFirst = ([, lb2]: Director[]): Rollout => Rollout.canary(lb2!).rest();
const write = (options: Options): void => {
  workspace.write('cdk.tf.json', artefact(options));
};
const nothingToDo = (): Promise<string> => workspace.ok('plan', '-input=false', '-detailed-exitcode');
const tables = (): string[] => sim.directors.map((director) => director.rules() + director.marks());
const has = (text: string): boolean[] => sim.directors.map((director) => director.rules().includes(text));

testCore('gates: on and off again, nothing of ours is created, destroyed or replaced', async () => {
  write({});
  await workspace.init();
  await workspace.apply();
  const before = tables();
  expect(before.every((table) => table.includes('192.0.2.10'))).toBe(true);

  write({ gates: true });
  await workspace.init();
  expect(await workspace.actions()).toEqual([expect.stringMatching(/^create null_resource\.table_gate-1_/)]);
  await workspace.ok('apply', '-input=false', 'plan.bin');
  await nothingToDo();

  // Other waves: no more than a gate that comes or goes.
  write({ gates: true, rollout: () => Rollout.batches(1) });
  expect(await workspace.actions()).toEqual([expect.stringMatching(/^create null_resource\.table_gate-2_/)]);
  write({ gates: true, rollout: ([lb1]) => Rollout.canary(lb1!).rest() });
  await nothingToDo();

  write({ gates: false });
  expect(await workspace.actions()).toEqual([expect.stringMatching(/^delete null_resource\.table_gate-1_/)]);
  await workspace.ok('apply', '-input=false', 'plan.bin');
  await nothingToDo();
  write({});
  await nothingToDo();
  expect(tables()).toEqual(before);
});

testCore('a gate that is not passed keeps later waves as they are; passed, it lets them go on', async () => {
  const rollout =
    (command: string) =>
    ([lb1, lb2]: Director[]): Rollout =>
      Rollout.canary(lb2!).then(lb1!).rest().check({ command });
  const check = 'test -e passed.txt && echo "checked" >> checks.txt';
  write({ gates: true, rollout: rollout(check) });
  await workspace.init();
  expect((await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color'])).code).toBe(1);
  expect(has('192.0.2.10')).toEqual([false, false, false]);
  expect(has('192.0.2.11:80')).toEqual([false, true, false]);
  workspace.write('passed.txt', '');
  await workspace.apply();
  expect(has('192.0.2.11:80')).toEqual([true, true, true]);

  // Both gates again for another weight, and once more not for the same.
  write({ gates: true, weight: 5, rollout: rollout(check) });
  await workspace.apply();
  expect(has('-w 5')).toEqual([true, true, true]);
  expect(workspace.read('checks.txt')).toBe('checked\n'.repeat(4));
  await nothingToDo();
});

testCore('a service that moves to another port is nowhere gone while the canary is tried', async () => {
  write({ gates: true });
  await workspace.init();
  await workspace.apply();
  const failing = {
    gates: true,
    port: 81,
    rollout: ([, lb2]: Director[]) => Rollout.canary(lb2!).rest().check({ command: 'false' }),
  };
  write(failing);
  expect((await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color'])).code).toBe(1);
  expect(has('192.0.2.11:81')).toEqual([false, true, false]);
  expect(has('192.0.2.11:80')).toEqual([true, true, true]);
  write({ gates: true, port: 81 });
  await workspace.apply();
  expect([has('192.0.2.11:81'), has('192.0.2.11:80')]).toEqual([
    [true, true, true],
    [false, false, false],
  ]);

  // Replaced by itself, it is there all the same.
  const [address = ''] = Object.keys((artefact({ gates: true, port: 81 }) as { resource: Record<string, object> }).resource['ipvs_virtual_service']!).filter((name) => name.startsWith('table_plain')); // prettier-ignore
  await workspace.apply(`-replace=ipvs_virtual_service.${address}`);
  expect(has('192.0.2.11:81')).toEqual([true, true, true]);
  await nothingToDo();

  // What is removed goes everywhere.
  write({ gates: true, port: 81, extra: false });
  await workspace.apply();
  expect(has('192.0.2.12:53')).toEqual([false, false, false]);
});

testCore('for lvsform both forms are one, plans included', async () => {
  const plans = await Promise.all(
    [{}, { gates: true }, { gates: false }].map(async (options) => {
      const open = await planStacks([loadStack('edge', artefact(options))], { connect: createSshConnector() });
      await open.close();
      return open.plan;
    }),
  );
  expect(plans[0]!.summary.create).toBeGreaterThan(0);
  expect(plans[1]).toEqual(plans[0]);
  expect(plans[2]).toEqual(plans[0]);
});
