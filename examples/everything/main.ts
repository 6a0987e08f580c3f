import { NullProvider } from '@cdktf/provider-null/lib/provider';
import { Resource as NullResource } from '@cdktf/provider-null/lib/resource';
import { App } from 'cdktf';
import {
  Director,
  Duration,
  Fleet,
  Forward,
  IpvsStack,
  Listen,
  MarkRule,
  RealServer,
  Rollout,
  Scheduler,
  SyncDaemon,
  Timeouts,
  VirtualService,
} from 'lvsform';

const app = new App();
const stack = new IpvsStack(app, 'everything', {
  owns: 'declared',
  ignore: [{ address: '203.0.113.0/24', protocol: 'tcp', port: 8080 }, { mark: 99 }],
});

// Every way to reach a director. What is left out follows ~/.ssh/config.
const lb1 = new Director(stack, 'lb1', {
  host: 'lb1.example.net',
  port: 2222,
  user: 'lvsform',
  identityFile: '~/.ssh/lvsform',
  agent: false,
  hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN/Cr3JXqmLW7u+g9pTh+wyqDHpSQEIQczXkVx9q',
  jump: 'ops@bastion.example.net:22',
  sudo: true,
  tags: { site: 'fra', rack: 'b12' },
  owns: 'table',
  ignore: [{ address: '198.51.100.7' }],
  persist: true,
});
const lb2 = new Director(stack, 'lb2', { host: 'lb2.example.net', agent: true });
// One director alone, with what a fleet can have too.
const lab = new Director(stack, 'lab', {
  host: 'lab.example.net',
  timeouts: { udp: Duration.days(1) },
  syncDaemons: [SyncDaemon.backup({ interface: 'eth0', syncId: 9 })],
});

const fleet = new Fleet(stack, 'table', {
  directors: [lb1, lb2],
  timeouts: { tcp: Duration.hours(2), tcpFin: Duration.seconds(30), udp: Duration.minutes(1) },
  syncDaemons: [
    SyncDaemon.master({ interface: 'eth1', syncId: 7, maxLength: 1400, group: '224.0.0.82', port: 8849, ttl: 2 }),
    SyncDaemon.backup({ interface: 'eth1', syncId: 7 }),
  ],
  // Which directors are changed first, and what has to hold before the others are.
  rollout: Rollout.canary(lb2)
    .rest()
    .maxFailures(0)
    .minServing('50%')
    .pause(Duration.seconds(1))
    .check({
      url: 'http://192.0.2.10/health',
      command: 'true',
      timeout: Duration.seconds(5),
      connectionsPerSecond: { atLeast: '80%', minConnections: 1000, window: Duration.seconds(10) },
    })
    .onFailure('rollback-batch'),
  gates: false,
});

// Every field of a service and of a real server.
fleet
  .addService('shop', {
    listen: Listen.tcp('192.0.2.10', 443),
    scheduler: Scheduler.sh({ fallback: true, port: true }),
    persistence: { timeout: Duration.minutes(10), netmask: '255.255.255.0' },
    onePacket: false,
    forward: Forward.masquerading(),
    drain: { timeout: Duration.minutes(5), connections: 3 },
    keepLiveWeights: true,
  })
  .addRealServer('rs1', { address: '10.0.0.11', port: 8443, weight: 100, upperThreshold: 2000, lowerThreshold: 1500 })
  .addRealServer('rs2', { address: '10.0.0.12', port: 8443, weight: 0 })
  .addRealServer('rs3', { address: '10.0.0.13', forward: Forward.gatewaying() });

// Tunnels, each with its options.
const tunnels = new VirtualService(fleet, 'tunnels', {
  listen: Listen.tcp('192.0.2.11', 80),
  scheduler: Scheduler.mh({ fallback: true, port: true }),
  forward: Forward.ipip(),
});
new RealServer(tunnels, 'gue', {
  address: '10.0.1.11',
  forward: Forward.ipip({ type: 'gue', port: 6080, checksum: 'csum' }),
});
new RealServer(tunnels, 'gre', { address: '10.0.1.12', forward: Forward.ipip({ type: 'gre', checksum: 'none' }) });
new RealServer(tunnels, 'gue-remote', {
  address: '10.0.1.13',
  forward: Forward.ipip({ type: 'gue', port: 6081, checksum: 'remcsum' }),
});
new RealServer(tunnels, 'plain', { address: '10.0.1.14' });

// UDP, SCTP, every port, IPv6, and a persistence engine.
fleet
  .addService('sip', {
    listen: Listen.udp('192.0.2.12', 5060),
    scheduler: Scheduler.rr(),
    persistence: { timeout: Duration.minutes(2), engine: 'sip' },
    onePacket: true,
  })
  .addRealServers({ rs1: { address: '10.0.2.11' }, rs2: { address: '10.0.2.12' } });
fleet
  .addService('signalling', { listen: Listen.sctp('192.0.2.13', 9999), scheduler: Scheduler.sed() })
  .addRealServers(['10.0.3.11', '10.0.3.12'], { weight: 10 });
fleet
  .addService('every-port', {
    listen: Listen.tcp('192.0.2.14', 0),
    scheduler: Scheduler.lc(),
    persistence: Duration.hours(1),
  })
  .addRealServer('rs1', { address: '10.0.4.11' });
fleet
  .addService('six', {
    listen: Listen.tcp('2001:db8::10', 80),
    scheduler: Scheduler.of('wlc'),
    persistence: { timeout: Duration.minutes(5), netmask: 64 },
  })
  .addRealServer('rs1', { address: '2001:db8:1::11' });

// One service per scheduler that has not appeared yet.
const others = [Scheduler.wrr(), Scheduler.wlc(), Scheduler.lblc(), Scheduler.lblcr(), Scheduler.dh()];
const newer = [Scheduler.nq(), Scheduler.fo(), Scheduler.ovf(), Scheduler.twos(), Scheduler.of('lc', 'flag-1')];
for (const [index, scheduler] of [...others, ...newer].entries()) {
  fleet
    .addService(`by-${scheduler.name}-${index}`, { listen: Listen.tcp('192.0.2.15', 8000 + index), scheduler })
    .addRealServer('rs1', { address: '10.0.5.11' });
}

// Marks: an address with ports and ranges, a mark set by rules of its own, and IPv6.
fleet
  .addService('ranges', { listen: Listen.tcp('192.0.2.20', 80, 443, '8000:8010').marked(20) })
  .addRealServer('rs1', { address: '10.0.6.11' });
fleet.addService('office', { listen: Listen.mark(21) }).addRealServer('rs1', { address: '10.0.6.12' });
fleet.addMarkRule('office-v4', {
  mark: 21,
  family: 'inet',
  protocol: 'tcp',
  destination: '192.0.2.21',
  source: '198.51.100.0/24',
  inputInterface: 'eth2',
  ports: [80, '9000:9010'],
});
fleet
  .addService('office-six', { listen: Listen.mark(21, 'inet6') })
  .addRealServer('rs1', { address: '2001:db8:1::12' });
new MarkRule(fleet, 'office-v6', { mark: 21, destination: '2001:db8::21', protocol: 'udp' });

// What must not exist, whoever made it.
fleet.absent(Listen.tcp('192.0.2.22', 80));

// The single director's own table, applied once the fleet has been: a gate is an ordered no-op.
new NullProvider(stack, 'null');
const gate = new NullResource(stack, 'fleet-done');
gate.node.addDependency(fleet);
const canary = lab.addService('canary', { listen: Listen.tcp('192.0.2.30', 80) });
canary.addRealServer('rs1', { address: '10.0.7.11' });
canary.node.addDependency(gate);
const slow = new Director(stack, 'slow', { host: 'slow.example.net' });
new Timeouts(slow, 'timeouts', { tcp: Duration.minutes(15) });
new SyncDaemon(slow, 'sync', { role: 'master', interface: 'eth0' });

app.synth();
