/** Programs that declare what can't be. */
import type { BadCase } from './case';

const server = (props: string): string => `lb1.addService('web', { listen: http }).addRealServer('rs1', ${props});`;
const service = (props: string): string =>
  `lb1.addService('web', ${props}).addRealServer('rs1', { address: '10.0.0.1' });`;

export const PROGRAMS: readonly BadCase[] = [
  { name: 'server-address', program: server("{ address: '10.0.0.300' }") },
  { name: 'server-host-name', program: server("{ address: 'rs1.example.net' }") },
  { name: 'server-address-missing', program: server('{}') },
  { name: 'listen-address', program: "lb1.addService('web', { listen: Listen.tcp('192.0.2', 80) });" },
  { name: 'listen-port', program: service("{ listen: Listen.tcp('192.0.2.1', 70000) }") },
  { name: 'listen-no-port', program: service("{ listen: Listen.tcp('192.0.2.1') }") },
  { name: 'port-0-without-persistence', program: service("{ listen: Listen.tcp('192.0.2.1', 0) }") },
  { name: 'mark-0', program: service('{ listen: Listen.mark(0) }') },
  { name: 'mark-too-large', program: service('{ listen: http.marked(4294967296) }') },
  { name: 'weight-negative', program: server("{ address: '10.0.0.1', weight: -1 }") },
  { name: 'weight-text', program: server("{ address: '10.0.0.1', weight: '3' }") },
  { name: 'weight-too-large', program: server("{ address: '10.0.0.1', weight: 2147483648 }") },
  {
    name: 'thresholds-upside-down',
    program: server("{ address: '10.0.0.1', upperThreshold: 10, lowerThreshold: 20 }"),
  },
  { name: 'port-change-under-gatewaying', program: server("{ address: '10.0.0.1', port: 8080 }") },
  { name: 'mixed-family-under-gatewaying', program: server("{ address: '2001:db8::1' }") },
  {
    name: 'netmask-without-persistence',
    program: service("{ listen: http, persistence: { netmask: '255.255.255.0' } }"),
  },
  {
    name: 'netmask-of-the-other-family',
    program: service('{ listen: http, persistence: { timeout: Duration.minutes(5), netmask: 64 } }'),
  },
  { name: 'one-packet-on-tcp', program: service('{ listen: http, onePacket: true }') },
  { name: 'duration-negative', program: service('{ listen: http, persistence: Duration.minutes(-5) }') },
  { name: 'duration-text', program: service("{ listen: http, persistence: '5m' }") },
  { name: 'duration-too-long', program: service('{ listen: http, persistence: Duration.days(60) }') },
  { name: 'scheduler-text', program: service("{ listen: http, scheduler: 'wrr' }") },
  { name: 'scheduler-flag', program: service("{ listen: http, scheduler: Scheduler.of('wrr', 'sh-port') }") },
  { name: 'gue-without-port', program: service("{ listen: http, forward: Forward.ipip({ type: 'gue' }) }") },
  { name: 'typo-wieght', program: server("{ address: '10.0.0.1', wieght: 3 }") },
  { name: 'typo-realservers', program: service("{ listen: http, realservers: [{ address: '10.0.0.1' }] }") },
  { name: 'typo-hostname', program: "new Director(edge, 'lb2', { hostname: 'lb2' });" },
  { name: 'host-missing', program: "new Director(edge, 'lb2', {});" },
  {
    name: 'typo-in-javascript',
    program: '',
    files: {
      'cdktf.json': '{ "app": "node main.js" }\n',
      'main.js': `const { App } = require('cdktf');
const { Director, IpvsStack, Listen } = require('lvsform');

const app = new App();
const edge = new IpvsStack(app, 'edge');
new Director(edge, 'lb1', { host: 'lb1' })
  .addService('web', { listn: Listen.tcp('192.0.2.1', 80) })
  .addRealServer('rs1', { adress: '10.0.0.1' });
app.synth();
`,
    },
  },
  { name: 'method-that-does-not-exist', program: "lb1.addServices('web', { listen: http });" },
  {
    name: 'duplicate-services',
    program: "lb1.addService('web', { listen: http });\nlb1.addService('shop', { listen: http });",
  },
  {
    name: 'duplicate-real-servers',
    program: `lb1.addService('web', { listen: http })
  .addRealServer('rs1', { address: '10.0.0.1' })
  .addRealServer('rs2', { address: '10.0.0.1', port: 80 });`,
  },
  {
    name: 'duplicate-ids',
    program:
      "lb1.addService('web', { listen: http });\nlb1.addService('web', { listen: Listen.tcp('192.0.2.2', 80) });",
  },
  {
    name: 'one-mark-two-services',
    program: `lb1.addService('web', { listen: http.marked(12) });
lb1.addService('shop', { listen: Listen.tcp('192.0.2.2', 80).marked(12) });`,
  },
  { name: 'mark-rule-without-match', program: "new MarkRule(lb1, 'all', { mark: 12 });" },
  {
    name: 'mark-rule-ports-without-protocol',
    program: "new MarkRule(lb1, 'some', { mark: 12, destination: '192.0.2.1', ports: [80] });",
  },
  {
    name: 'unknown-director',
    program: `new VirtualService(edge, 'web', { director: 'lb9', protocol: 'tcp', address: '192.0.2.1', port: 80 });`,
  },
  { name: 'empty-fleet', program: "new Fleet(edge, 'table', { directors: [] });" },
  {
    name: 'director-of-another-stack',
    program: `const west = new IpvsStack(app, 'west');
new Fleet(west, 'table', { directors: [lb1] });`,
  },
  {
    name: 'two-stacks-one-service',
    program: `lb1.addService('web', { listen: http });
const west = new IpvsStack(app, 'west');
new Director(west, 'lb1', { host: 'lb1' }).addService('shop', { listen: http });`,
  },
  {
    name: 'two-masters',
    program: `new SyncDaemon(lb1, 'a', { role: 'master', interface: 'eth0' });
new SyncDaemon(lb1, 'b', { role: 'master', interface: 'eth1' });`,
  },
  {
    name: 'sync-group-not-multicast',
    program: "new SyncDaemon(lb1, 'a', { role: 'master', interface: 'eth0', group: '10.0.0.1' });",
  },
  { name: 'timeouts-of-nothing', program: "new Timeouts(lb1, 'timeouts', {});" },
  {
    name: 'unresolved-function',
    program: server("{ address: Fn.join('.', ['10', '0', '0', '1']) }"),
  },
  {
    name: 'unresolved-variable',
    program: `const weight = new TerraformVariable(edge, 'weight', { type: 'number' });
${server("{ address: '10.0.0.1', weight: weight.numberValue }")}`,
  },
  {
    name: 'several-at-once',
    program: `lb1.addService('web', { listen: http, onePacket: true })
  .addRealServer('rs1', { address: '10.0.0.1', port: 8080 })
  .addRealServer('rs2', { address: '10.0.0', weight: -1 });
lb1.addService('shop', { listen: http });`,
  },
  { name: 'program-throws', program: "throw new Error('the inventory is down');" },
  { name: 'program-throws-text', program: "throw 'the inventory is down';" },
  {
    name: 'program-rejects',
    program: "const wait = async () => {\n  throw new Error('the inventory is down');\n};\nvoid wait();",
  },
  { name: 'program-syntax', program: "lb1.addService('web', { listen: http );" },
  { name: 'program-import', program: "import { table } from './inventory';\ntable(lb1);" },
  { name: 'program-package', program: "import yaml from 'yaml-that-nobody-has';\nyaml(lb1);" },
  {
    name: 'program-fails-later',
    program: "setTimeout(() => lb1.addServices('web'), 10);\nsetTimeout(() => app.synth(), 20);",
    tail: '',
  },
  { name: 'program-exits', program: 'process.exit(3);' },
  {
    name: 'program-does-not-synth',
    files: { 'main.ts': "import { App } from 'cdktf';\n\nnew App();\n" },
  },
  {
    name: 'program-of-no-stacks',
    files: { 'main.ts': "import { App } from 'cdktf';\n\nnew App().synth();\n" },
  },
  {
    name: 'program-by-shell-fails',
    files: { 'cdktf.json': '{ "app": "sh synth.sh" }\n', 'synth.sh': 'echo "no inventory" >&2\nexit 7\n' },
  },
];
