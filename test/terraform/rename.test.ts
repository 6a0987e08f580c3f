/** Entries that change their resource within one apply, without a `moved` block: for Terraform, one to make and one to destroy. */
import { type Sim, startSim } from '../../lib/sim';
import { providerBlock, testCore, Workspace } from './support';

let sim: Sim;
let workspace: Workspace;

beforeEach(async () => {
  sim = await startSim({ latencyMs: 100, secondMs: 500 });
  workspace = new Workspace({ 'provider.tf.json': providerBlock(sim.directors) });
});

afterEach(async () => {
  workspace.remove();
  await sim.close();
});

const service = (name: string, ...addresses: string[]): string => `
resource "ipvs_virtual_service" "${name}" {
  director     = "lb1"
  protocol     = "tcp"
  address      = "192.0.2.10"
  port         = 80
  real_servers = { ${addresses.map((address, at) => `rs${at} = { address = "${address}" }`).join(', ')} }
}
`;

testCore('a service whose resource is renamed never goes', async () => {
  workspace.write('main.tf', service('web', '10.0.0.1'));
  await workspace.init();
  await workspace.apply();
  workspace.write('main.tf', service('frontend', '10.0.0.1'));
  let dark = 0;
  const watch = setInterval(() => (dark += sim.directors[0]!.rules().includes('-r 10.0.0.1:80') ? 0 : 1), 5);
  try {
    await workspace.apply();
  } finally {
    clearInterval(watch);
  }
  expect(dark).toBe(0);
  await workspace.nothingLeft();
});

testCore('the old resource of a service may go while the new one is made, and takes nothing away', async () => {
  // Its block stays, or its provisioner would not run.
  const slow = (names: string, needs: string): string => `
resource "terraform_data" "name" {
  for_each   = toset([${names}])
  depends_on = [${needs}]
  provisioner "local-exec" {
    when    = destroy
    command = "until test -e made; do sleep 0.02; done"
  }
}`;
  workspace.write('main.tf', service('web', '10.0.0.1', '10.0.0.2') + slow('"www"', 'ipvs_virtual_service.web'));
  await workspace.init();
  await workspace.apply();
  workspace.write('main.tf', service('frontend', '10.0.0.1', '10.0.0.3') + slow('', ''));
  // Its delete may come once the first real server of the new one is there: in the middle of its batch.
  const watch = setInterval(() => {
    if (sim.directors[0]!.rules().includes('10.0.0.3')) workspace.write('made', '');
  }, 2);
  try {
    expect(await workspace.apply()).toContain('1 added, 0 changed, 2 destroyed');
  } finally {
    clearInterval(watch);
  }
  expect(sim.directors[0]!.rules()).toMatch(/-r 10\.0\.0\.1:80[^]*-r 10\.0\.0\.3:80/);
  await workspace.nothingLeft();
});
