import { type Sim, type SimOptions, startSim } from '../../lib/sim';
import { providerBlock, Workspace, testCore } from './support';

let sim: Sim;
let workspace: Workspace;

/** What goes wrong, and may be mended while they run. */
let faults: SimOptions;

beforeEach(async () => {
  faults = { directors: 3, secondMs: 500 };
  sim = await startSim(faults);
  workspace = new Workspace();
});

afterEach(async () => {
  workspace.remove();
  await sim.close();
});

const services = (ports: readonly number[], director = '"lb1"', scheduler = 'wlc'): string =>
  ports
    .map(
      (port) => `
resource "ipvs_virtual_service" "s${port}" {
  director     = ${director}
  protocol     = "tcp"
  address      = "192.0.2.10"
  port         = ${port}
  scheduler    = "${scheduler}"
  real_servers = { a = { address = "10.0.0.1" } }
}`,
    )
    .join('\n');

testCore('what is wrong is told with its place, all at once', async () => {
  workspace.write('provider.tf.json', providerBlock(sim.directors));
  workspace.write(
    'main.tf',
    services([80]).replace('"tcp"', '"icmp"').replace('"10.0.0.1"', '"10.0.0.1", weight = -1') +
      services([81]).replace('"192.0.2.10"', '"www.example.net"'),
  );
  await workspace.init();
  const { code, output } = await workspace.run(['validate', '-no-color']);
  expect(code).toBe(1);
  expect(output).toContain("'icmp' is not a protocol");
  expect(output).toContain('main.tf line 4');
  expect(output).toContain('real_servers.a.weight');
  expect(output).toContain("'www.example.net' is not an IPv4 or IPv6 address");
});

testCore('a director that does not exist is named, with the one that was meant', async () => {
  workspace.write('provider.tf.json', providerBlock(sim.directors));
  workspace.write('main.tf', services([80], '"bl1"'));
  await workspace.init();
  const { output } = await workspace.run(['plan', '-no-color', '-input=false']);
  expect(output).toContain('bl1: the provider block has no such director');
});

testCore(
  'a director that refuses, is not there or is somebody else fails its own resources; a second apply converges',
  async () => {
    const [lb1, lb2, lb3] = sim.directors;
    const stranger = `${lb3!.hostKey.slice(0, -8)}AAAAAAAA`;
    const wrong = [
      { ...lb2!, port: 1 },
      { ...lb3!, hostKey: stranger },
    ];
    workspace.write('provider.tf.json', providerBlock([lb1!, ...wrong]));
    // The scheduler of 81 is no module of the kernel: the two others share its batch.
    const other = services([90], '"lb2"') + services([91], '"lb3"');
    workspace.write('main.tf', services([80, 82]) + services([81], '"lb1"', 'nosuch') + other);
    await workspace.init();
    const { code, output } = await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color']);
    expect(code).toBe(1);
    expect(output).toContain('nosuch');
    expect(output).toMatch(/ipvsadm said: Scheduler or persistence engine not found[^]*with ipvs_virtual_service.s81/);
    expect(output).toMatch(/Error: lb2: .*127\.0\.0\.1[^]*with ipvs_virtual_service.s90/);
    expect(output).toMatch(/Error: lb3: HOST KEY MISMATCH: .*Nothing was sent[^]*with ipvs_virtual_service.s91/);
    expect(lb3!.rules()).toBe('');
    expect(lb1!.rules()).toContain('192.0.2.10:80');
    expect(lb1!.rules()).toContain('192.0.2.10:82');
    expect(lb1!.rules()).not.toContain('192.0.2.10:81');

    workspace.write('provider.tf.json', providerBlock(sim.directors));
    workspace.write('main.tf', services([80, 82, 81]) + other);
    await workspace.apply();
    await workspace.nothingLeft();
    expect(lb2!.rules()).toContain('192.0.2.10:90');
    expect(lb3!.rules()).toContain('192.0.2.10:91');
  },
);

testCore('values that are not known yet are planned, and known at apply', async () => {
  workspace.write('provider.tf.json', providerBlock(sim.directors));
  workspace.write(
    'main.tf',
    `
resource "terraform_data" "seed" {
  input = { address = "2001:DB8::5", port = 8080, weight = 9, flags = ["sh-port"] }
}
resource "ipvs_virtual_service" "late" {
  director        = "lb1"
  protocol        = "tcp"
  address         = terraform_data.seed.output.address
  port            = terraform_data.seed.output.port
  scheduler       = "sh"
  scheduler_flags = terraform_data.seed.output.flags
  real_servers    = { a = { address = "2001:db8::a", weight = terraform_data.seed.output.weight } }
}
output "id" { value = ipvs_virtual_service.late.id }
data "ipvs_table" "lb1" {
  director   = "lb1"
  depends_on = [ipvs_virtual_service.late]
}
output "seen" { value = [for service in data.ipvs_table.lb1.services : service.id] }
`,
  );
  await workspace.init();
  await workspace.apply();
  expect(sim.directors[0]!.rules()).toContain('-A -t [2001:db8::5]:8080 -s sh -b sh-port');
  const outputs = await workspace.ok('output', '-json');
  expect(outputs).toContain('lb1/tcp/[2001:db8::5]:8080');
  // The user's spelling stays, and is no difference.
  await workspace.nothingLeft();
});

testCore('Ctrl-C in mid-apply and a provider that is killed leave nothing half done', async () => {
  workspace.write('provider.tf.json', providerBlock(sim.directors));
  workspace.write('main.tf', services(Array.from({ length: 30 }, (_, at) => 1000 + at)));
  await workspace.init();
  let interrupted = false;
  const { output } = await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color'], (text, running) => {
    if (interrupted || !text.includes('Creating...')) return;
    interrupted = true;
    running.interrupt();
  });
  expect(output).toContain('Interrupt received');
  // Every service that is there has its real server.
  const rules = sim.directors[0]!.rules();
  expect(rules.match(/^-a /gm)?.length ?? 0).toBe(rules.match(/^-A /gm)?.length ?? 0);
  await workspace.apply();
  await workspace.nothingLeft();

  workspace.write(
    'main.tf',
    services(
      Array.from({ length: 30 }, (_, at) => 1000 + at),
      '"lb1"',
      'rr',
    ),
  );
  let killed = false;
  const second = await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color'], (text, running) => {
    if (killed || !text.includes('Modifying...')) return;
    killed = true;
    running.killProviders();
  });
  expect(killed).toBe(true);
  expect(second.code).toBe(1);
  await workspace.apply();
  await workspace.nothingLeft();
  expect(sim.directors[0]!.rules()).not.toContain('-s wlc');
});

testCore('a connection that is cut in mid-apply: told, taken back, and made by the next apply', async () => {
  const [lb1] = sim.directors;
  workspace.write('provider.tf.json', providerBlock(sim.directors));
  workspace.write('main.tf', services([80, 81, 82]));
  await workspace.init();
  faults.dropAfter = 3;
  const { code, output } = await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color']);
  expect(code).toBe(1);
  expect(output).toMatch(/Error: lb1: .*connection/);
  expect(output).toContain('with ipvs_virtual_service.s80');
  expect(lb1!.rules()).toBe('');
  delete faults.dropAfter;
  await workspace.apply();
  expect(lb1!.rules().match(/^-a /gm)).toHaveLength(3);
  await workspace.nothingLeft();
});

testCore('a finding that blocks is an error of plan, apply and destroy until this run allows it', async () => {
  const [lb1] = sim.directors;
  const quiescent = services([80]).replace('"10.0.0.1"', '"10.0.0.1", weight = 0');
  workspace.write('provider.tf.json', providerBlock(sim.directors));
  workspace.write('main.tf', services([80]));
  await workspace.init();
  await workspace.apply();
  const rules = lb1!.rules();

  workspace.write('main.tf', quiescent);
  const stopped = await workspace.run(['plan', '-no-color', '-input=false']);
  expect(stopped.code).toBe(1);
  expect(stopped.output).toMatch(/Error: lb1\/tcp\/192\.0\.2\.10:80: loses its last active real server/);
  expect(stopped.output).toContain('LVSFORM_ALLOW=last-server');

  workspace.env['LVSFORM_ALLOW'] = 'last-server,nosuch';
  const unknown = await workspace.run(['plan', '-no-color', '-input=false']);
  expect(unknown.code).toBe(1);
  expect(unknown.output).toContain("LVSFORM_ALLOW: no finding that blocks an apply is called 'nosuch'");
  expect(lb1!.rules()).toBe(rules);

  workspace.env['LVSFORM_ALLOW'] = 'last-server';
  const allowed = await workspace.ok('plan', '-input=false', '-out=plan.bin');
  expect(allowed).toContain('Warning: allowed by LVSFORM_ALLOW: lb1/tcp/192.0.2.10:80');
  await workspace.ok('apply', '-input=false', 'plan.bin');
  expect(lb1!.rules()).toContain('-w 0');

  // What was harmless when it was planned may not be any more.
  delete workspace.env['LVSFORM_ALLOW'];
  await workspace.ok('plan', '-destroy', '-input=false', '-out=plan.bin');
  lb1!.setConnections('10.0.0.1:80', { active: 2 });
  const late = await workspace.run(['apply', '-input=false', '-no-color', 'plan.bin']);
  expect(late.code).toBe(1);
  expect(late.output).toContain('is removed with 2 active connections [active-connections]');
  const destroyed = await workspace.run(['destroy', '-auto-approve', '-no-color']);
  expect(destroyed.code).toBe(1);
  expect(destroyed.output).toContain('Error: lb1/tcp/192.0.2.10:80: is removed with 2 active connections');
  expect(lb1!.rules()).toContain('192.0.2.10:80');
  workspace.env['LVSFORM_ALLOW'] = 'active-connections';
  await workspace.ok('destroy', '-auto-approve');
  expect(lb1!.rules()).toBe('');
});
