import { type Sim, startSim } from '../../lib/sim';
import { actionsOf, providerBlock, Workspace, testCore } from './support';

let sim: Sim;
let workspace: Workspace;

beforeEach(async () => {
  sim = await startSim({ directors: 2 });
  workspace = new Workspace({ 'provider.tf.json': providerBlock(sim.directors) });
});

afterEach(async () => {
  workspace.remove();
  await sim.close();
});

const web = (weight: number, more = ''): string => `
resource "ipvs_virtual_service" "web" {
  for_each  = toset(["lb1", "lb2"])
  director  = each.key
  protocol  = "tcp"
  address   = "192.0.2.10"
  port      = 80
  scheduler = "wrr"
  persistence = { timeout_seconds = 300 }
  real_servers = {
    rs1 = { address = "10.0.0.11", weight = ${weight} }
    rs2 = { address = "10.0.0.12" }
    ${more}
  }
}
resource "ipvs_virtual_service" "marked" {
  director = "lb1"
  protocol = "fwmark"
  mark     = 12
  real_servers = { a = { address = "10.0.0.11" } }
}
resource "ipvs_mark_rule" "marked" {
  director    = "lb1"
  mark        = 12
  protocol    = "tcp"
  destination = "192.0.2.11"
  ports       = [443, "8000-8010"]
  depends_on  = [ipvs_virtual_service.marked]
}
resource "ipvs_timeouts" "lb1" {
  director    = "lb1"
  tcp_seconds = 600
}
resource "ipvs_sync_daemon" "master" {
  director  = "lb1"
  role      = "master"
  interface = "eth0"
}
`;

testCore(
  'a configuration by hand: init, validate, plan, apply, nothing left, edit in place, drift, destroy',
  async () => {
    workspace.write('main.tf', web(3));
    await workspace.init();
    expect(await workspace.ok('validate')).toContain('Success');
    const created = await workspace.plan();
    expect(actionsOf(created)).toEqual([
      'create ipvs_mark_rule.marked',
      'create ipvs_sync_daemon.master',
      'create ipvs_timeouts.lb1',
      'create ipvs_virtual_service.marked',
      'create ipvs_virtual_service.web["lb1"]',
      'create ipvs_virtual_service.web["lb2"]',
    ]);
    await workspace.ok('apply', '-input=false', 'plan.bin');
    const [lb1, lb2] = sim.directors;
    expect(lb2!.rules()).toBe(
      '-A -t 192.0.2.10:80 -s wrr -p 300\n' +
        '-a -t 192.0.2.10:80 -r 10.0.0.11:80 -g -w 3\n' +
        '-a -t 192.0.2.10:80 -r 10.0.0.12:80 -g -w 1\n',
    );
    expect(lb1!.marks()).toContain('--dports 443,8000:8010 -j MARK --set-xmark 0xc/0xffffffff');
    expect(Object.keys(lb1!.files())).toContain('/var/lib/lvsform/edge.json');
    expect(await workspace.actions()).toEqual([]);

    // A field of a real server is an update of that field, in place.
    workspace.write('main.tf', web(5));
    const edited = await workspace.plan();
    expect(actionsOf(edited)).toEqual([
      'update ipvs_virtual_service.web["lb1"]',
      'update ipvs_virtual_service.web["lb2"]',
    ]);
    await workspace.ok('apply', '-input=false', 'plan.bin');
    expect(lb1!.rules()).toContain('-r 10.0.0.11:80 -g -w 5');
    expect(await workspace.actions()).toEqual([]);

    // Drift: a weight, a real server of somebody else's, and a service that is gone.
    lb1!.exec(['ipvsadm', '-e', '-t', '192.0.2.10:80', '-r', '10.0.0.12:80', '-g', '-w', '7']);
    lb1!.exec(['ipvsadm', '-a', '-t', '192.0.2.10:80', '-r', '10.0.0.99:80', '-g']);
    lb2!.exec(['ipvsadm', '-D', '-t', '192.0.2.10:80']);
    lb2!.exec(['ipvsadm', '-A', '-t', '203.0.113.1:80']);
    const drifted = await workspace.plan();
    expect(actionsOf(drifted)).toEqual([
      'create ipvs_virtual_service.web["lb2"]',
      'update ipvs_virtual_service.web["lb1"]',
    ]);
    expect(Object.keys(drifted.resource_drift?.[0]?.change.after?.['real_servers'] ?? {})).toContain('rs_10_0_0_99');
    await workspace.apply();
    expect(lb1!.rules()).not.toContain('10.0.0.99');
    expect(await workspace.actions()).toEqual([]);

    await workspace.ok('destroy', '-auto-approve');
    expect(lb1!.rules()).toBe('');
    expect(lb1!.marks()).not.toContain('MARK');
    // What was there before is still there.
    expect(lb2!.rules()).toBe('-A -t 203.0.113.1:80 -s wlc\n');
  },
);

testCore('only what makes another entry is replaced', async () => {
  workspace.write('main.tf', web(3));
  await workspace.init();
  await workspace.apply();
  workspace.write('main.tf', web(3).replace('port      = 80', 'port      = 8080').replace('192.0.2.11', '192.0.2.12'));
  expect(await workspace.actions()).toEqual([
    'delete+create ipvs_virtual_service.web["lb1"]',
    'delete+create ipvs_virtual_service.web["lb2"]',
    'update ipvs_mark_rule.marked',
  ]);
  await workspace.apply();
  expect(await workspace.actions()).toEqual([]);
  expect(sim.directors[1]!.rules()).toContain('192.0.2.10:8080');
});
