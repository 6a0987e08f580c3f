import { MarkRule } from '../../lib/constructs';
import { Director, Duration, Fleet, Forward, type IpvsStack, Listen, Scheduler } from '../../lib/constructs';
import { loadStack } from '../../lib/artefact';
import { planStacks } from '../../lib/pipeline';
import { createSshConnector } from '../../lib/transport';
import { type Sim, startSim } from '../../lib/sim';
import { synth } from '../constructs/program';
import { Workspace, testCore } from './support';

let sim: Sim;
let workspace: Workspace;

beforeEach(async () => {
  sim = await startSim({ directors: 2 });
  workspace = new Workspace();
});

afterEach(async () => {
  workspace.remove();
  await sim.close();
});

function program(edge: IpvsStack): void {
  const directors = sim.directors.map(
    ({ name, host, port, user, identityFile, hostKey }) =>
      new Director(edge, name, { host, port, user, identityFile, hostKey, agent: false }),
  );
  const fleet = new Fleet(edge, 'table', { directors });
  fleet
    .addService('web', {
      listen: Listen.tcp('192.0.2.10', 80, 443).marked(12),
      scheduler: Scheduler.sh({ port: true }),
      persistence: { timeout: Duration.minutes(6), netmask: 24 },
      drain: { timeout: Duration.seconds(1) },
    })
    .addRealServer('rs1', { address: '10.0.0.11', weight: 3 })
    .addRealServer('rs2', { address: '10.0.0.12' });
  fleet
    .addService('dns', { listen: Listen.udp('2001:DB8::1', 53), onePacket: true, forward: Forward.masquerading() })
    .addRealServer('ns1', { address: '2001:db8::11', port: 5353 });
  new MarkRule(fleet, 'extra', { mark: 13, protocol: 'udp', destination: '192.0.2.13' });
}

/** What the embedded engine would do for the same artefact. */
async function embedded(artefact: unknown): Promise<string[]> {
  const open = await planStacks([loadStack('edge', artefact)], { connect: createSshConnector() });
  await open.close();
  return open.plan.directors.flatMap((plan) =>
    'error' in plan ? [plan.error.message] : plan.changes.map(({ action, id }) => `${action} ${id}`),
  );
}

testCore('the artefact of the constructs runs as it is, and both engines agree on what is done', async () => {
  const artefact = synth(program);
  workspace.write('cdk.tf.json', artefact as object);
  await workspace.init();
  expect((await workspace.actions()).length).toBe(8);
  await workspace.apply();
  expect(await workspace.actions()).toEqual([]);
  expect(await embedded(artefact)).toEqual([]);

  // Terraform forgets, and is told again by ids: the names of real servers are all that can differ.
  const state = JSON.parse(await workspace.ok('show', '-json')) as {
    values: { root_module: { resources: { address: string; values: { id: string } }[] } };
  };
  const resources = state.values.root_module.resources;
  expect(resources).toHaveLength(8);
  const rules = sim.directors.map((director) => director.rules());
  for (const { address } of resources) await workspace.ok('state', 'rm', address);
  for (const { address, values } of resources) {
    if (address.includes('web-')) continue;
    await workspace.ok('import', '-input=false', address, values.id);
  }
  await workspace.apply();
  expect(await workspace.actions()).toEqual([]);
  expect(sim.directors.map((director) => director.rules())).toEqual(rules);
  expect(await embedded(artefact)).toEqual([]);

  await workspace.ok('destroy', '-auto-approve');
  expect(sim.directors.map((director) => director.rules())).toEqual(['', '']);
});
