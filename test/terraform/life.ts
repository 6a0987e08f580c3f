/** The life of a stack under a real terraform, on directors of either kind: simulated ones, and real kernels. */
import { unlinkSync } from 'node:fs';
import { loadStack } from '../../lib/artefact';
import { Director, Duration, Fleet, Forward, type IpvsStack, Listen, MarkRule, Scheduler } from '../../lib/constructs';
import { planStacks } from '../../lib/pipeline';
import { createSshConnector } from '../../lib/transport';
import { synth } from '../constructs/program';
import { actionsOf, providerBlock, type Reach, type Workspace } from './support';

/** A director, and what its own tools say. */
export interface Site extends Reach {
  exec: (argv: readonly string[]) => Promise<unknown>;
  /** `ipvsadm -Sn`. */
  rules: () => Promise<string>;
  /** Both tables mangle. */
  marks: () => Promise<string>;
}

/** A fleet by for_each, and one of every other resource. */
export const web = (weight: number, more = ''): string => `
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
  interface = "lo"
}
`;

/** A configuration by hand. Two directors, with nothing in their tables. */
export async function handWrittenLife(workspace: Workspace, sites: readonly [Site, Site]): Promise<void> {
  const [lb1, lb2] = sites;
  workspace.write('provider.tf.json', providerBlock(sites));
  workspace.write('main.tf', web(3));
  await workspace.init();
  expect(await workspace.ok('validate')).toContain('Success');
  expect(actionsOf(await workspace.plan())).toEqual([
    'create ipvs_mark_rule.marked',
    'create ipvs_sync_daemon.master',
    'create ipvs_timeouts.lb1',
    'create ipvs_virtual_service.marked',
    'create ipvs_virtual_service.web["lb1"]',
    'create ipvs_virtual_service.web["lb2"]',
  ]);
  await workspace.ok('apply', '-input=false', 'plan.bin');
  expect(await lb2.rules()).toBe(
    '-A -t 192.0.2.10:80 -s wrr -p 300\n' +
      '-a -t 192.0.2.10:80 -r 10.0.0.11:80 -g -w 3\n' +
      '-a -t 192.0.2.10:80 -r 10.0.0.12:80 -g -w 1\n',
  );
  expect(await lb1.marks()).toContain('--dports 443,8000:8010 -j MARK --set-xmark 0xc/0xffffffff');
  expect(await workspace.actions()).toEqual([]);

  // A field of a real server is an update of that field, in place.
  workspace.write('main.tf', web(5));
  expect(actionsOf(await workspace.plan())).toEqual([
    'update ipvs_virtual_service.web["lb1"]',
    'update ipvs_virtual_service.web["lb2"]',
  ]);
  await workspace.ok('apply', '-input=false', 'plan.bin');
  expect(await lb1.rules()).toContain('-r 10.0.0.11:80 -g -w 5');

  // Drift: a weight, a real server of somebody else's, and a service that is gone.
  await lb1.exec(['ipvsadm', '-e', '-t', '192.0.2.10:80', '-r', '10.0.0.12:80', '-g', '-w', '3']);
  await lb1.exec(['ipvsadm', '-a', '-t', '192.0.2.10:80', '-r', '10.0.0.99:80', '-g']);
  await lb2.exec(['ipvsadm', '-D', '-t', '192.0.2.10:80']);
  await lb2.exec(['ipvsadm', '-A', '-t', '203.0.113.1:80', '-s', 'wlc']);
  const drifted = await workspace.plan();
  expect(actionsOf(drifted)).toEqual([
    'create ipvs_virtual_service.web["lb2"]',
    'update ipvs_virtual_service.web["lb1"]',
  ]);
  expect(Object.keys(drifted.resource_drift?.[0]?.change.after?.['real_servers'] ?? {})).toContain('rs_10_0_0_99');
  await workspace.ok('apply', '-input=false', 'plan.bin');
  expect(await lb1.rules()).not.toContain('10.0.0.99');

  // Forgotten and imported: the names of real servers are all that differs.
  const rules = await lb1.rules();
  await workspace.ok('state', 'rm', 'ipvs_virtual_service.web["lb1"]');
  await workspace.ok('import', '-input=false', 'ipvs_virtual_service.web["lb1"]', 'lb1/tcp/192.0.2.10:80');
  await workspace.apply();
  expect(await lb1.rules()).toBe(rules);
  expect(await workspace.actions()).toEqual([]);

  await workspace.ok('destroy', '-auto-approve');
  expect(await lb1.rules()).toBe('');
  expect(await lb1.marks()).not.toContain('MARK');
  // What was there before is still there.
  expect(await lb2.rules()).toBe('-A -t 203.0.113.1:80 -s wlc\n');
}

const reachOf = ({ host, port, user, identityFile, hostKey, sudo }: Omit<Reach, 'name'>): Omit<Reach, 'name'> => ({
  host,
  port,
  user,
  identityFile,
  hostKey,
  ...(sudo === undefined ? {} : { sudo }),
});

function program(edge: IpvsStack, sites: readonly Site[]): void {
  const directors = sites.map(({ name, ...reach }) => new Director(edge, name, { ...reachOf(reach), agent: false }));
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

/** The artefact of the constructs as it is, beside the embedded engine. Directors with nothing in their tables. */
export async function constructsLife(workspace: Workspace, sites: readonly Site[]): Promise<void> {
  const artefact = synth((edge) => {
    program(edge, sites);
  });
  const everywhere = (list: (site: Site) => Promise<string>): Promise<string[]> => Promise.all(sites.map(list));
  workspace.write('cdk.tf.json', artefact as object);
  await workspace.init();
  expect(await workspace.actions()).toHaveLength(8);
  await workspace.ok('apply', '-input=false', 'plan.bin');
  expect(await workspace.actions()).toEqual([]);
  expect(await embedded(artefact)).toEqual([]);

  // Terraform forgets everything and is told again by ids: the names of real servers are all that can differ.
  const state = JSON.parse(await workspace.ok('show', '-json')) as {
    values: { root_module: { resources: { address: string; values: { id: string } }[] } };
  };
  const { resources } = state.values.root_module;
  expect(resources).toHaveLength(8);
  const rules = await everywhere((site) => site.rules());
  workspace.forget();
  workspace.write('import.tf.json', { import: resources.map(({ address, values: { id } }) => ({ to: address, id })) });
  const again = await workspace.plan();
  expect(actionsOf(again).filter((line) => !line.startsWith('update ipvs_virtual_service'))).toEqual([]);
  await workspace.ok('apply', '-input=false', 'plan.bin');
  expect(await workspace.actions()).toEqual([]);
  expect(await everywhere((site) => site.rules())).toEqual(rules);
  expect(await embedded(artefact)).toEqual([]);

  unlinkSync(workspace.file('import.tf.json'));
  await workspace.ok('destroy', '-auto-approve');
  expect(await everywhere((site) => site.rules())).toEqual(sites.map(() => ''));
}
