import { startSim } from '../../lib/sim';
import { providerBlock, testCore, Workspace } from './support';

testCore('counters of 64 bits arrive to their last digit', async () => {
  const rules = {
    lb1: '-A -t 192.0.2.10:80\n-a -t 192.0.2.10:80 -r 10.0.0.1:80 -m\n-a -t 192.0.2.10:80 -r 10.0.0.2:80 -m\n',
  };
  const sim = await startSim({ rules, permission: 'sudo' });
  const sudo = { stack: 'edge', directors: {} as Record<string, object> };
  for (const { name, host, port, user, identityFile, hostKey } of sim.directors)
    sudo.directors[name] = {
      host,
      port,
      user,
      identity_file: identityFile,
      agent: false,
      host_key: hostKey,
      sudo: true,
    };
  const workspace = new Workspace({
    'provider.tf.json': providerBlock(sim.directors, sudo),
    'main.tf':
      'data "ipvs_stats" "lb1" { director = "lb1" }\noutput "services" { value = data.ipvs_stats.lb1.services }\n',
  });
  try {
    const [director] = sim.directors;
    director!.setConnections('10.0.0.1:80', { active: 3, inactive: 4 });
    director!.addTraffic('10.0.0.1:80', { connections: 7n, inBytes: 18446744073709551000n });
    director!.addTraffic('10.0.0.2:80', { connections: 2n, inBytes: 615n, outPackets: 9007199254740993n });
    await workspace.init();
    await workspace.apply();
    const output = await workspace.ok('output', '-json');
    const one = { active_connections: 3, inactive_connections: 4, connections: 7 };
    expect((JSON.parse(output) as { services: { value: unknown } }).services.value).toMatchObject({
      'tcp/192.0.2.10:80': {
        ...one,
        connections: 9,
        real_servers: { '10.0.0.1:80': one, '10.0.0.2:80': { active_connections: 0, connections: 2, in_bytes: 615 } },
      },
    });
    // JSON.parse would round them.
    expect(output).toContain('18446744073709551615');
    expect(output).toContain('9007199254740993');
  } finally {
    workspace.remove();
    await sim.close();
  }
});
