import { type Sim, startSim } from '../../lib/sim';
import { actionsOf, installNull, providerBlock, Workspace, testCore } from './support';

let sim: Sim;
let workspace: Workspace;

beforeEach(async () => {
  sim = await startSim({ directors: 2 });
  workspace = new Workspace({ 'provider.tf.json': providerBlock(sim.directors) });
  installNull(workspace);
});

afterEach(async () => {
  workspace.remove();
  await sim.close();
});

const service = (name: string, head: string, director: string, needs = ''): string => `
resource "ipvs_virtual_service" "${name}" {
  ${head}
  director     = ${director}
  protocol     = "tcp"
  address      = "192.0.2.10"
  port         = 80
  real_servers = { a = { address = "10.0.0.1" } }
  ${needs}
}`;

const fleet = service('web', 'for_each = toset(["lb1", "lb2"])', 'each.key');
const gated = (gate: string): string => `
${service('web_lb1', '', '"lb1"')}
${gate}
${service('web_lb2', '', '"lb2"', `depends_on = [${/"(\w+)" "gate"/.exec(gate)?.[1] ?? ''}.gate]`)}`;
const gate = (type: string): string => `
resource "${type}" "gate" {
  depends_on = [ipvs_virtual_service.web_lb1]
  provisioner "local-exec" { command = "echo passed >> passed.txt" }
}`;
const moved = (from: string, to: string): string => `
moved {
  from = ipvs_virtual_service.${from}
  to   = ipvs_virtual_service.${to}
}`;

testCore('a fleet by for_each becomes one with gates, and back, without a destroy', async () => {
  workspace.write('main.tf', fleet);
  await workspace.init();
  await workspace.apply();
  const rules = sim.directors.map((director) => director.rules());

  const there = ['lb1', 'lb2'].map((name) => moved(`web["${name}"]`, `web_${name}`)).join('');
  workspace.write('main.tf', gated(gate('null_resource')) + there);
  await workspace.init();
  const gating = await workspace.plan();
  expect(actionsOf(gating)).toEqual(['create null_resource.gate']);
  await workspace.ok('apply', '-input=false', 'plan.bin');
  expect(await workspace.actions()).toEqual([]);

  const back = ['lb1', 'lb2'].map((name) => moved(`web_${name}`, `web["${name}"]`)).join('');
  workspace.write('main.tf', fleet + back);
  expect(await workspace.actions()).toEqual(['delete null_resource.gate']);
  await workspace.apply();
  expect(sim.directors.map((director) => director.rules())).toEqual(rules);
});

testCore('a gate of terraform_data that fails keeps the next wave as it was', async () => {
  workspace.write('main.tf', gated(gate('terraform_data').replace('echo passed', 'false && echo passed')));
  await workspace.init();
  const { code } = await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color']);
  expect(code).toBe(1);
  expect(sim.directors.map((director) => director.rules() === '')).toEqual([false, true]);
  workspace.write('main.tf', gated(gate('terraform_data')));
  await workspace.apply();
  expect(sim.directors[1]!.rules()).toContain('192.0.2.10:80');
});

testCore('a table that is there is imported with the configuration terraform writes for it', async () => {
  const [lb1] = sim.directors;
  for (const rule of [
    '-A -t 192.0.2.20:80 -s sh -b sh-port -p 90 -M 255.255.255.0',
    '-a -t 192.0.2.20:80 -r 10.0.0.7:8080 -m -w 4 -x 9 -y 5',
    '-A -f 7 -6',
  ])
    expect(lb1!.exec(['ipvsadm', ...rule.split(' ')]).code).toBe(0);
  const before = lb1!.rules();
  workspace.write(
    'import.tf',
    ['tcp/192.0.2.20:80', 'fwm6/7']
      .map((id, at) => `import {\n  to = ipvs_virtual_service.found${at}\n  id = "lb1/${id}"\n}\n`)
      .join(''),
  );
  await workspace.init();
  await workspace.ok('plan', '-input=false', '-generate-config-out=found.tf');
  await workspace.apply();
  expect(await workspace.actions()).toEqual([]);
  expect(lb1!.rules()).toBe(before);
});
