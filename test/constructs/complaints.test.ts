/** Everything a program can get wrong, and what it is told. */
import { Resource as NullResource } from '@cdktf/provider-null/lib/resource';
import { NullProvider } from '@cdktf/provider-null/lib/provider';
import { type App, TerraformStack } from 'cdktf';
import {
  Director,
  Duration,
  Fleet,
  Forward,
  IpvsStack,
  Listen,
  MarkRule,
  Scheduler,
  SyncDaemon,
  Timeouts,
  VirtualService,
} from '../../lib/constructs';
import * as ipvs from '../../providers/ipvs';
import { complaints, twoDirectors } from './program';

type Case = [name: string, build: (edge: IpvsStack, app: App) => void, told: string[]];

/** As a program in plain JavaScript would write it. */
const untyped = (value: unknown): never => value as never;
const web = { listen: Listen.tcp('192.0.2.1', 80) };
const service = (edge: IpvsStack, more: object) => twoDirectors(edge).addService('web', { ...web, ...more });
const server = (edge: IpvsStack, props: object, more: object = {}) =>
  service(edge, more).addRealServer('rs1', { address: '10.0.0.1', ...props });

const cases: Case[] = [
  [
    'a misspelled prop',
    (edge) => service(edge, { schedular: Scheduler.rr() }),
    ["[edge/table/web] schedular: is not known here\n  hint: did you mean 'scheduler'?"],
  ],
  [
    'a prop nobody could mean',
    (edge) => service(edge, { quux: 1 }),
    [
      '[edge/table/web] quux: is not known here\n  hint: known here: listen, scheduler, persistence, onePacket, forward, drain, keepLiveWeights',
    ],
  ],
  [
    'no listener',
    (edge) => twoDirectors(edge).addService('web', untyped({})),
    ["[edge/table/web] listen: is required: a Listen such as Listen.tcp('192.0.2.1', 80)"],
  ],
  [
    'a listener that is none',
    (edge) => service(edge, { listen: '192.0.2.1:80' }),
    ["[edge/table/web] listen: expected a Listen such as Listen.tcp('192.0.2.1', 80)"],
  ],
  [
    'a listener without a port',
    (edge) => service(edge, { listen: Listen.tcp('192.0.2.1') }),
    [
      '[edge/table/web] listen: names no port\n  hint: port 0 is every port and needs persistence; .marked(n) without ports marks every port',
    ],
  ],
  [
    'a range without a mark',
    (edge) => service(edge, { listen: Listen.tcp('192.0.2.1', 80, '8000:8010') }),
    ['[edge/table/web] listen: 8000:8010 is a range, which needs a mark\n  hint: add .marked(n)'],
  ],
  [
    'port 0 without persistence',
    (edge) => service(edge, { listen: Listen.tcp('192.0.2.1', 0) }),
    ['[edge/table/web] listen: port 0 (every port) needs persistence\n  hint: set persistence, or name the port'],
  ],
  [
    'a scheduler by its bare name',
    (edge) => service(edge, { scheduler: 'wrr' }),
    ['[edge/table/web] scheduler: expected a Scheduler such as Scheduler.wrr()'],
  ],
  [
    'a number for a duration',
    (edge) => service(edge, { persistence: { timeout: 300 } }),
    ['[edge/table/web] persistence.timeout: expected a Duration such as Duration.minutes(5)'],
  ],
  [
    'a persistence that is none',
    (edge) => service(edge, { persistence: 300 }),
    ['[edge/table/web] persistence: expected a Duration, or { timeout, netmask, engine }'],
  ],
  [
    'a netmask without persistence',
    (edge) => service(edge, { persistence: { netmask: 24 } }),
    [
      '[edge/table/web] persistence.netmask: a netmask without a persistence timeout has no effect\n  hint: set the timeout too',
    ],
  ],
  [
    'a netmask out of range',
    (edge) => service(edge, { persistence: { timeout: Duration.minutes(1), netmask: '33' } }),
    [
      "[edge/table/web] persistence.netmask: '33' is not a netmask for IPv4: expected a dotted quad such as '255.255.255.0' or a prefix length 0..32",
    ],
  ],
  [
    'a persistence of nothing',
    (edge) => service(edge, { persistence: Duration.seconds(0) }),
    ['[edge/table/web] persistence.timeout: 0 is not a timeout in seconds (1..2678400)'],
  ],
  [
    'a misspelled part of persistence',
    (edge) => service(edge, { persistence: { timout: Duration.minutes(1) } }),
    ["[edge/table/web] persistence.timout: is not known here\n  hint: did you mean 'timeout'?"],
  ],
  [
    'a bad persistence engine',
    (edge) => service(edge, { persistence: { engine: 'SIP!' } }),
    ["[edge/table/web] persistence.engine: 'SIP!' is not the name of a persistence engine such as sip"],
  ],
  [
    'one-packet on TCP',
    (edge) => service(edge, { onePacket: true }),
    ['[edge/table/web] onePacket: one-packet scheduling is only for UDP, not for TCP'],
  ],
  [
    'one-packet on SCTP',
    (edge) => service(edge, { listen: Listen.sctp('192.0.2.1', 80), onePacket: true }),
    ['[edge/table/web] onePacket: one-packet scheduling is only for UDP, not for SCTP'],
  ],
  [
    'text for a boolean',
    (edge) => service(edge, { onePacket: 'yes' }),
    ['[edge/table/web] onePacket: expected true or false'],
  ],
  [
    'a drain without a time',
    (edge) => service(edge, { drain: { connections: 3 } }),
    ['[edge/table/web] drain.timeout: is required'],
  ],
  [
    'a drain of negative connections',
    (edge) => service(edge, { drain: { timeout: Duration.minutes(1), connections: -1 } }),
    ['[edge/table/web] drain.connections: -1 is not a number of connections'],
  ],
  [
    'a forwarding method by its bare name',
    (edge) => service(edge, { forward: 'masq' }),
    ['[edge/table/web] forward: expected a Forward such as Forward.masquerading()'],
  ],

  [
    'a host name for a real server',
    (edge) => server(edge, { address: 'rs1.example.net' }),
    ["[edge/table/web/rs1] address: 'rs1.example.net' is not an IPv4 or IPv6 address"],
  ],
  [
    'a short address',
    (edge) => server(edge, { address: '10.1' }),
    ["[edge/table/web/rs1] address: '10.1' is not an IPv4 or IPv6 address"],
  ],
  [
    'a multicast real server',
    (edge) => server(edge, { address: '224.0.0.1' }),
    ["[edge/table/web/rs1] address: 224.0.0.1 can't be a real server: not a unicast address"],
  ],
  [
    'a link-local real server',
    (edge) => server(edge, { address: 'fe80::1', forward: Forward.ipip() }),
    ["[edge/table/web/rs1] address: fe80::1 can't be a real server: not a unicast address"],
  ],
  ['no address', (edge) => server(edge, { address: undefined }), ['[edge/table/web/rs1] address: is required']],
  [
    'a negative weight',
    (edge) => server(edge, { weight: -1 }),
    ['[edge/table/web/rs1] weight: -1 is not a weight (0..2147483647)'],
  ],
  [
    'a weight of text',
    (edge) => server(edge, { weight: 'heavy' }),
    ["[edge/table/web/rs1] weight: 'heavy' is not a weight (0..2147483647)"],
  ],
  [
    'a fractional weight',
    (edge) => server(edge, { weight: 0.5 }),
    ['[edge/table/web/rs1] weight: 0.5 is not a weight (0..2147483647)'],
  ],
  [
    'a port out of range',
    (edge) => server(edge, { port: 65536, forward: Forward.masquerading() }),
    ['[edge/table/web/rs1] port: 65536 is not a port (0..65535)'],
  ],
  [
    'a port change under gatewaying',
    (edge) => server(edge, { port: 8080 }),
    [
      "[edge/table/web/rs1] port: gatewaying can't change the port from 80 to 8080\n  hint: use Forward.masquerading(), or port 80",
    ],
  ],
  [
    'a port change under ipip',
    (edge) => server(edge, { port: 8080 }, { forward: Forward.ipip() }),
    [
      "[edge/table/web/rs1] port: ipip can't change the port from 80 to 8080\n  hint: use Forward.masquerading(), or port 80",
    ],
  ],
  [
    'thresholds upside down',
    (edge) => server(edge, { upperThreshold: 10, lowerThreshold: 20 }),
    ['[edge/table/web/rs1] lowerThreshold: 20 is above upperThreshold 10'],
  ],
  [
    'a negative threshold',
    (edge) => server(edge, { upperThreshold: -5 }),
    ['[edge/table/web/rs1] upperThreshold: -5 is not a threshold (0..2147483647)'],
  ],
  [
    'another address family',
    (edge) => server(edge, { address: '2001:db8::5' }),
    [
      '[edge/table/web/rs1] forward: only ipip can reach 2001:db8::5 from tcp/192.0.2.1:80: the address families differ\n  hint: use Forward.ipip()',
    ],
  ],
  [
    'a misspelled prop of a real server',
    (edge) => server(edge, { wieght: 5 }),
    ["[edge/table/web/rs1] wieght: is not known here\n  hint: did you mean 'weight'?"],
  ],
  [
    'a real server’s forwarding by its bare name',
    (edge) => server(edge, { forward: 'gatewaying' }),
    ['[edge/table/web/rs1] forward: expected a Forward such as Forward.masquerading()'],
  ],
  [
    'two real servers that are one',
    (edge) => server(edge, {}).addRealServer('rs2', { address: '10.0.0.1', port: 80 }),
    ["[edge/table/web/rs2] is 10.0.0.1:80, and so is 'rs1'"],
  ],

  [
    'two services with one address',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.addService('a', web);
      new VirtualService(fleet, 'b', web);
    },
    [
      "[edge/table/b] listens to tcp/192.0.2.1:80, and so does 'edge/table/a' on lb1 and lb2\n  hint: put their real servers into one service",
    ],
  ],
  [
    'one mark from two services',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.addService('a', { listen: Listen.tcp('192.0.2.1', 80).marked(12) });
      fleet.addService('b', { listen: Listen.tcp('192.0.2.2', 80).marked(12) });
    },
    [
      "[edge/table/b] serves mark fwm/12, and so does 'edge/table/a' on lb1 and lb2\n  hint: give each service a mark of its own",
    ],
  ],
  [
    'one service from a fleet and from its director',
    (edge) => {
      const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
      lb1.addService('a', web);
      new Fleet(edge, 'table', { directors: [lb1] }).addService('b', web);
    },
    [
      "[edge/table/b] listens to tcp/192.0.2.1:80, and so does 'edge/lb1/a' on lb1\n  hint: put their real servers into one service",
    ],
  ],
  [
    'two marks for one packet',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.addService('a', { listen: Listen.tcp('192.0.2.1', 80, 443).marked(12) });
      fleet.addMarkRule('b', { mark: 13, protocol: 'tcp', destination: '192.0.2.1/32', ports: ['400:500'] });
    },
    [
      "[edge/table/b] marks inet/tcp/192.0.2.1/32:400:500 with 13, but 'edge/table/a' marks inet/tcp/192.0.2.1/32:80,443 with 12 on lb1 and lb2\n  hint: a packet carries one mark: let each match appear once",
    ],
  ],
  [
    'one mark rule twice',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.addMarkRule('a', { mark: 13, protocol: 'tcp', destination: '192.0.2.1' });
      new MarkRule(fleet, 'b', { mark: 13, protocol: 'tcp', destination: '192.0.2.1' });
    },
    [
      "[edge/table/b] marks inet/tcp/192.0.2.1/32 with 13, and so does 'edge/table/a' on lb1 and lb2\n  hint: a packet carries one mark: let each match appear once",
    ],
  ],
  [
    'a mark rule for everything',
    (edge) => twoDirectors(edge).addMarkRule('all', { mark: 1 }),
    [
      "[edge/table/all] matches every packet\n  hint: give a destination, a source, a protocol or an interface; every packet is destination '0.0.0.0/0' or '::/0'",
    ],
  ],
  [
    'ports without a protocol',
    (edge) => twoDirectors(edge).addMarkRule('m', { mark: 1, destination: '192.0.2.1', ports: [80] }),
    ['[edge/table/m] protocol: is required with ports'],
  ],
  [
    'a mark of 0',
    (edge) => twoDirectors(edge).addMarkRule('m', { mark: 0, destination: '192.0.2.1' }),
    ['[edge/table/m] mark: 0 is not a firewall mark (1..4294967295)'],
  ],
  [
    'a bad range',
    (edge) => twoDirectors(edge).addMarkRule('m', { mark: 1, protocol: 'tcp', ports: ['90:80'] }),
    ["[edge/table/m] ports.0: '90:80' is not a port or a range such as '8000:8010'"],
  ],
  [
    'networks of two families',
    (edge) => twoDirectors(edge).addMarkRule('m', { mark: 1, destination: '192.0.2.1', source: '2001:db8::/32' }),
    ['[edge/table/m] source: 2001:db8::/32 is not of family inet'],
  ],
  [
    'a bad network',
    (edge) => twoDirectors(edge).addMarkRule('m', { mark: 1, source: '192.0.2.0/33' }),
    ["[edge/table/m] source: '192.0.2.0/33' is not an address or network such as 192.0.2.0/24"],
  ],
  [
    'an interface with a blank',
    (edge) => twoDirectors(edge).addMarkRule('m', { mark: 1, inputInterface: 'eth 0' }),
    ["[edge/table/m] inputInterface: 'eth 0' is not the name of a network interface"],
  ],

  [
    'no timeout at all',
    (edge) => twoDirectors(edge).setTimeouts({}),
    ['[edge/table/timeouts] sets no timeout\n  hint: give at least one of tcp, tcpFin, udp'],
  ],
  [
    'a timeout too long',
    (edge) => twoDirectors(edge).setTimeouts({ tcp: Duration.days(32) }),
    ['[edge/table/timeouts] tcp: 2764800 is not a timeout in seconds (1..2678400)'],
  ],
  [
    'a timeout that is a number',
    (edge) => twoDirectors(edge).setTimeouts(untyped({ udp: 30 })),
    [
      '[edge/table/timeouts] udp: expected a Duration such as Duration.minutes(5)',
      '[edge/table/timeouts] sets no timeout\n  hint: give at least one of tcp, tcpFin, udp',
    ],
  ],
  [
    'timeouts twice',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.setTimeouts({ tcp: Duration.minutes(1) });
      new Timeouts(fleet, 'more', { udp: Duration.minutes(1) });
    },
    [
      "[edge/table/more] sets the timeouts, and so does 'edge/table/timeouts' on lb1 and lb2\n  hint: a director has one set of timeouts",
    ],
  ],
  [
    'a role that is none',
    (edge) => twoDirectors(edge).addSyncDaemon('sync', untyped({ role: 'primary', interface: 'eth0' })),
    ["[edge/table/sync] role: 'primary' is not a sync daemon role (master, backup)"],
  ],
  [
    'a sync id out of range',
    (edge) => twoDirectors(edge).addSyncDaemon('sync', SyncDaemon.master({ interface: 'eth0', syncId: 256 })),
    ['[edge/table/sync] syncId: 256 is not a sync id (0..255)'],
  ],
  [
    'a group that is not multicast',
    (edge) => twoDirectors(edge).addSyncDaemon('sync', SyncDaemon.master({ interface: 'eth0', group: '192.0.2.1' })),
    ['[edge/table/sync] group: 192.0.2.1 is not a multicast group'],
  ],
  [
    'two masters',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.addSyncDaemon('a', SyncDaemon.master({ interface: 'eth0' }));
      new SyncDaemon(fleet, 'b', { role: 'master', interface: 'eth1' });
    },
    [
      "[edge/table/b] runs a master sync daemon, and so does 'edge/table/a' on lb1 and lb2\n  hint: a director runs at most one master and one backup",
    ],
  ],
  [
    'mixed families beside a sync daemon',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.addSyncDaemon('sync', SyncDaemon.backup({ interface: 'eth0' }));
      fleet.addService('web', { ...web, forward: Forward.ipip() }).addRealServer('six', { address: '2001:db8::5' });
    },
    [
      "[edge/table/web] 2001:db8::5 is not of tcp/192.0.2.1:80's address family, which the kernel refuses beside a sync daemon ('edge/table/sync') on lb1 and lb2\n  hint: remove the sync daemon, or use real servers of one family",
    ],
  ],

  [
    'a fleet without directors',
    (edge) => new Fleet(edge, 'table', { directors: [] }),
    ['[edge/table] directors: a fleet needs at least one director'],
  ],
  [
    'a director by its name',
    (edge) => new Fleet(edge, 'table', { directors: untyped(['lb1']) }),
    ['[edge/table] directors: expected Director constructs'],
  ],
  [
    'a director listed twice',
    (edge) => {
      const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
      new Fleet(edge, 'table', { directors: [lb1, lb1] });
    },
    ["[edge/table] directors: 'lb1' is listed twice"],
  ],
  [
    'a director of another stack',
    (edge, app) => {
      const lb1 = new Director(new IpvsStack(app, 'other'), 'lb1', { host: 'lb1' });
      new Fleet(edge, 'table', { directors: [lb1] });
    },
    ["[edge/table] directors: 'lb1' belongs to stack 'other'\n  hint: a fleet and its directors are in one stack"],
  ],
  [
    'two directors with one name',
    (edge) => {
      new Director(edge, 'lb1', { host: 'lb1' });
      new Director(new Fleet(edge, 'table', { directors: [new Director(edge, 'lb2', { host: 'lb2' })] }), 'lb1', {
        host: 'x',
      });
    },
    [
      "[edge/table/lb1] is called 'lb1', and so is 'edge/lb1'\n  hint: the name of a director is its id, also in plans and errors: choose another",
    ],
  ],
  [
    'props left out',
    (edge) => {
      const nothing = untyped(undefined);
      new Director(edge, 'lb3', nothing);
      new Fleet(edge, 'none', nothing);
      const fleet = twoDirectors(edge);
      fleet.addService('no-props', nothing);
      fleet.addService('web', { ...web, drain: untyped(null) }).addRealServer('rs1', nothing);
      fleet.addMarkRule('rule', nothing);
      fleet.addSyncDaemon('sync', nothing);
      fleet.setTimeouts(untyped(null));
    },
    [
      '[edge/lb3] expected an object',
      '[edge/lb3] host: is required',
      '[edge/none] expected an object',
      '[edge/none] directors: a fleet needs at least one director',
      '[edge/table/no-props] expected an object',
      "[edge/table/no-props] listen: is required: a Listen such as Listen.tcp('192.0.2.1', 80)",
      '[edge/table/web] drain: expected an object',
      '[edge/table/web] drain.timeout: is required',
      '[edge/table/web/rs1] expected an object',
      '[edge/table/web/rs1] address: is required',
      '[edge/table/rule] expected an object',
      '[edge/table/rule] mark: is required',
      '[edge/table/sync] expected an object',
      '[edge/table/sync] role: is required',
      '[edge/table/sync] interface: is required',
      '[edge/table/timeouts] expected an object',
      '[edge/table/timeouts] sets no timeout\n  hint: give at least one of tcp, tcpFin, udp',
    ],
  ],
  [
    'a prop that every object has',
    (edge) => service(edge, { constructor: 1 }),
    [
      '[edge/table/web] constructor: is not known here\n  hint: known here: listen, scheduler, persistence, onePacket, forward, drain, keepLiveWeights',
    ],
  ],
  [
    'two directors that are one machine',
    (edge) => {
      new Director(edge, 'lb1', { host: 'far', port: 22 });
      new Director(edge, 'lb2', { host: 'far', port: 22, sudo: true });
    },
    [
      "[edge/lb2] host: 'lb2' is reached like 'lb1'\n  hint: one machine is one director: declare on it what both shall hold",
    ],
  ],
  ['a director without a host', (edge) => new Director(edge, 'lb1', untyped({})), ['[edge/lb1] host: is required']],
  [
    'a misspelled prop of a director',
    (edge) => new Director(edge, 'lb1', untyped({ host: 'lb1', hostkey: 'x' })),
    ["[edge/lb1] hostkey: is not known here\n  hint: did you mean 'hostKey'?"],
  ],
  [
    'a host that is an option',
    (edge) => new Director(edge, 'lb1', { host: '-oProxyCommand=evil' }),
    ["[edge/lb1] host: '-oProxyCommand=evil' is not a host name or address"],
  ],
  [
    'a bad host key',
    (edge) => new Director(edge, 'lb1', { host: 'lb1', hostKey: 'AAAA' }),
    ["[edge/lb1] hostKey: is not a host key such as 'ssh-ed25519 AAAA…'"],
  ],
  [
    'a bad SSH port',
    (edge) => new Director(edge, 'lb1', { host: 'lb1', port: 0 }),
    ['[edge/lb1] port: 0 is not a TCP port (1..65535)'],
  ],
  [
    'an ownership that is none',
    (edge) => new Director(edge, 'lb1', { host: 'lb1', owns: untyped('everything') }),
    ["[edge/lb1] owns: 'everything' is not an ownership (declared, table)"],
  ],
  [
    'a director’s bad name',
    (edge) => new Director(edge, 'lb 1', { host: 'lb1' }),
    ["[edge/lb 1] 'lb 1' is not a director name: letters, digits, . _ -"],
  ],
  [
    'a misspelled prop of a stack',
    (_edge, app) => new IpvsStack(app, 'more', untyped({ own: 'table' })),
    ["[more] own: is not known here\n  hint: did you mean 'owns'?"],
  ],
  [
    'a service in no fleet',
    (edge) => new VirtualService(edge, 'web', web),
    ['[edge/web] is in no Fleet and on no Director\n  hint: give a Fleet or a Director as the scope'],
  ],
  [
    'a director in a plain stack',
    (_edge, app) => new Director(new TerraformStack(app, 'plain'), 'lb1', { host: 'lb1' }),
    ['[plain/lb1] is not in an IpvsStack'],
  ],
  [
    'two elements with one address',
    (edge) => {
      new NullProvider(edge, 'null');
      new NullResource(edge, 'a').overrideLogicalId('same');
      new NullResource(edge, 'b').overrideLogicalId('same');
    },
    ["[edge/b] shares the address null_resource.same with 'edge/a'\n  hint: give them different ids"],
  ],
  [
    'two stacks with one name',
    (_edge, app) => {
      new IpvsStack(new Fleet(new IpvsStack(app, 'x'), 'f', { directors: [] }), 'x');
    },
    [
      "[x] has the same name as stack 'x/f/x'\n  hint: their artefacts would overwrite each other",
      '[x/f] directors: a fleet needs at least one director',
      "[x/f/x] has the same name as stack 'x'\n  hint: their artefacts would overwrite each other",
    ],
  ],
  [
    'a resource of the binding with bad fields',
    (edge) =>
      new ipvs.VirtualService(
        edge,
        'raw',
        untyped({ director: 'lb1', protocol: 'tpc', adress: '192.0.2.1', port: 80 }),
      ),
    [
      "[edge/raw] adress: is not known here\n  hint: did you mean 'address'?",
      "[edge/raw] protocol: 'tpc' is not a protocol (tcp, udp, sctp, fwmark)",
    ],
  ],
];

test.each(cases)('%s', (_name, build, told) => {
  expect(complaints(build)).toEqual(told);
});
