/** From constructs to the artefact: its shape, and the traps of cdktf it does not fall into. */
import { NullProvider } from '@cdktf/provider-null/lib/provider';
import { Resource as NullResource } from '@cdktf/provider-null/lib/resource';
import { App, LocalBackend, TerraformIterator, TerraformVariable } from 'cdktf';
import { Construct } from 'constructs';
import {
  Director,
  Duration,
  Fleet,
  Forward,
  IpvsStack,
  Listen,
  RealServer,
  Rollout,
  VirtualService,
} from '../../lib/constructs';
import * as ipvs from '../../providers/ipvs';
import { complaints, load, newApp, synth, twoDirectors } from './program';

interface Artefact {
  provider: { ipvs: Record<string, unknown>[] };
  resource: Record<string, Record<string, Record<string, unknown>>>;
  terraform: { backend: unknown; required_providers: Record<string, unknown> };
}
const artefact = (build: (edge: IpvsStack, app: App) => void): Artefact => synth(build) as Artefact;
const blocks = (json: Artefact, type: string) => Object.entries(json.resource[type] ?? {});
const only = (json: Artefact, type: string) => blocks(json, type)[0]![1];
const web = { listen: Listen.tcp('192.0.2.1', 80) };

test('a fleet is one block per service, whatever the number of directors', () => {
  const json = artefact((edge) => {
    const directors = Array.from({ length: 16 }, (_, i) => new Director(edge, `lb${i}`, { host: `lb${i}` }));
    new Fleet(edge, 'table', { directors }).addService('web', web).addRealServer('rs1', { address: '10.0.0.1' });
  });
  expect(blocks(json, 'ipvs_virtual_service')).toHaveLength(1);
  const block = only(json, 'ipvs_virtual_service');
  expect(block['director']).toBe('${each.key}');
  expect(Object.keys(block['for_each'] as object)).toHaveLength(16);
});

test('a director alone has plain blocks', () => {
  const json = artefact((edge) => {
    const lb1 = new Director(edge, 'lb1', { host: 'lb1', timeouts: { udp: Duration.minutes(1) } });
    lb1.addService('web', web).addRealServer('rs1', { address: '10.0.0.1' });
  });
  expect(only(json, 'ipvs_virtual_service')).toMatchObject({ director: 'lb1' });
  expect(only(json, 'ipvs_virtual_service')).not.toHaveProperty('for_each');
  expect(only(json, 'ipvs_timeouts')).toMatchObject({ director: 'lb1', udp_seconds: 60 });
});

test('an override reaches directors and rollouts, by their names', () => {
  const json = artefact((edge) => {
    const director = new Director(edge, 'lbOne', { host: 'lb1' });
    new Fleet(edge, 'fleetOne', { directors: [director], rollout: Rollout.batches(1) });
    const provider = edge.node.findAll().find((one) => one instanceof ipvs.IpvsProvider);
    provider?.addOverride('directors.lbOne.port', 2222);
    provider?.addOverride('rollouts.fleetOne.pause_seconds', 5);
  });
  expect(json.provider.ipvs).toMatchObject([
    {
      directors: { lbOne: { host: 'lb1', port: 2222 } },
      rollouts: { fleetOne: { fleet: ['lbOne'], pause_seconds: 5 } },
    },
  ]);
});

test('a port that is not known yet may be text, and does not name its block', () => {
  const build = (before: number) => (edge: IpvsStack) => {
    const others = Array.from({ length: before }, (_, at) => new TerraformVariable(edge, `v${at}`, {}).numberValue);
    expect(others).toHaveLength(before);
    const [number, text] = [81, '82'].map((value) => new TerraformVariable(edge, `p${value}`, { default: value }));
    twoDirectors(edge).addService('web', { listen: Listen.tcp('192.0.2.1', number!.numberValue, text!.stringValue) });
  };
  const { services } = load(build(0)).directors[0]!.table;
  expect(services.map(({ key }) => key)).toMatchObject([{ port: 81 }, { port: 82 }]);
  const names = [0, 3].map((before) => Object.keys(artefact(build(before)).resource['ipvs_virtual_service']!));
  expect(names[0]).toEqual(names[1]);
});

test('a stack in a stack has directors and services of its own', () => {
  const build = (edge: IpvsStack) => {
    const inner = new IpvsStack(edge, 'inner');
    for (const stack of [edge, inner])
      new Director(stack, 'lb1', { host: 'lb1' }).addService('web', web).addRealServer('rs1', { address: '10.0.0.1' });
    new Director(inner, 'lb2', { host: 'lb2' });
  };
  expect(complaints(build)).toEqual([]);
  expect(Object.keys(artefact(build).provider.ipvs[0]!['directors'] as object)).toEqual(['lb1']);
});

test('fields are in snake_case, keys of maps are untouched', () => {
  const json = artefact((edge) => {
    const director = new Director(edge, 'lbOne.Frankfurt', {
      host: 'lb1',
      identityFile: '~/.ssh/id',
      tags: { rackNumber: 'B12' },
    });
    const fleet = new Fleet(edge, 'table', { directors: [director] });
    fleet.addService('web', web).addRealServer('rsOne', { address: '10.0.0.1', upperThreshold: 5 });
  });
  expect(json.provider.ipvs).toEqual([
    {
      stack: 'edge',
      directors: { 'lbOne.Frankfurt': { host: 'lb1', identity_file: '~/.ssh/id', tags: { rackNumber: 'B12' } } },
    },
  ]);
  expect(only(json, 'ipvs_virtual_service')).toMatchObject({
    for_each: { 'lbOne.Frankfurt': 'lbOne.Frankfurt' },
    real_servers: { rsOne: { address: '10.0.0.1', upper_threshold: 5, lower_threshold: 0, weight: 1 } },
  });
});

test('a for_each of the user keeps its keys too', () => {
  const json = artefact((edge) => {
    new Director(edge, 'lb1', { host: 'lb1' });
    const each = TerraformIterator.fromMap({ webOne: { port: 80 }, webTwo: { port: 81 } });
    new ipvs.VirtualService(edge, 'web', {
      forEach: each,
      director: 'lb1',
      protocol: 'tcp',
      address: '192.0.2.1',
      port: each.getNumber('port'),
    });
  });
  expect(only(json, 'ipvs_virtual_service')).toMatchObject({
    for_each: { webOne: { port: 80 }, webTwo: { port: 81 } },
    port: '${each.value.port}',
  });
});

test('several ports without a mark are several services with the same servers', () => {
  const [lb1] = load((edge) => {
    new Director(edge, 'lb1', { host: 'lb1' })
      .addService('web', { listen: Listen.tcp('192.0.2.1', 80, '443') })
      .addRealServer('rs1', { address: '10.0.0.1' });
  }).directors;
  expect(lb1?.table.services.map(({ key, realServers }) => [key, realServers.map(({ port }) => port)])).toEqual([
    [{ by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 }, [80]],
    [{ by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 443 }, [443]],
  ]);
  expect(lb1?.sources).toEqual({
    'tcp/192.0.2.1:80': 'edge/lb1/web',
    'tcp/192.0.2.1:80/10.0.0.1:80': 'edge/lb1/web/rs1',
    'tcp/192.0.2.1:443': 'edge/lb1/web',
    'tcp/192.0.2.1:443/10.0.0.1:443': 'edge/lb1/web/rs1',
  });
});

test('a marked listener is one service and its rules; more than 15 ports are several', () => {
  const [lb1] = load((edge) => {
    const ports = Array.from({ length: 14 }, (_, index) => index + 1);
    new Director(edge, 'lb1', { host: 'lb1' })
      .addService('web', { listen: Listen.udp('2001:db8::1', ...ports, '8000:8010').marked(7) })
      .addRealServer('rs1', { address: '2001:db8::5' });
  }).directors;
  expect(lb1?.table.services.map(({ key }) => key)).toEqual([{ by: 'fwmark', family: 'inet6', mark: 7 }]);
  expect(lb1?.table.marks.map(({ ports }) => ports.length)).toEqual([14, 1]);
});

test('a mark rule waits for the service that serves its mark, wherever both were declared', () => {
  const json = artefact((edge) => {
    const fleet = twoDirectors(edge);
    fleet.addMarkRule('office', { mark: 5, source: '198.51.100.0/24' });
    fleet.addService('web', { listen: Listen.tcp('192.0.2.1', 80).marked(6) });
    fleet.addService('other', { listen: Listen.mark(5) });
  });
  const waits = blocks(json, 'ipvs_mark_rule').map(([, body]) => body['depends_on']);
  const [other, served] = blocks(json, 'ipvs_virtual_service').map(([name]) => [`ipvs_virtual_service.${name}`]);
  expect(waits).toEqual([other, served]);
});

test('ids that cdktf would merge stay apart, and Terraform takes them', () => {
  const names = blocks(
    artefact((edge) => {
      const fleet = twoDirectors(edge);
      for (const [index, id] of ['10.1.1.11', '10.11.1.1', '2001:db8::1', 'ünïcode'].entries()) {
        fleet.addService(id, { listen: Listen.tcp('192.0.2.1', 80 + index) });
      }
      for (const id of ['1', '1.1']) new Director(edge, id, { host: id }).addService('web', web);
    }),
    'ipvs_virtual_service',
  ).map(([name]) => name);
  expect(new Set(names).size).toBe(6);
  for (const name of names) expect(name).toMatch(/^[A-Za-z_][A-Za-z0-9_-]*$/);
});

test('ids are stable: the same program gives the same bytes, and another stack name the same ids', () => {
  const program = (edge: Construct) => {
    new Director(edge, 'lb1', { host: 'lb1' }).addService('web', web).addRealServer('rs1', { address: '10.0.0.1' });
  };
  const twice = [artefact(program), artefact(program)].map((json) => JSON.stringify(json));
  expect(twice[0]).toBe(twice[1]);
  const renamed = new IpvsStack(newApp(), 'prod');
  program(renamed);
  renamed.prepareStack();
  const json = renamed.toTerraform() as Artefact;
  expect(blocks(json, 'ipvs_virtual_service').map(([name]) => name)).toEqual(
    blocks(artefact(program), 'ipvs_virtual_service').map(([name]) => name),
  );
});

test('node.addDependency becomes depends_on, of everything inside on everything inside, once', () => {
  const json = artefact((edge) => {
    new NullProvider(edge, 'null');
    const [lb1, lb2] = ['lb1', 'lb2'].map((name) => new Director(edge, name, { host: name }));
    const first = lb1!.addService('web', { listen: Listen.tcp('192.0.2.1', 80, 443) });
    const second = lb2!.addService('web', web);
    const gate = new NullResource(edge, 'gate');
    gate.node.addDependency(first);
    second.node.addDependency(gate);
    edge.prepareStack();
  });
  expect(only(json, 'null_resource')['depends_on']).toEqual([
    expect.stringMatching(/^ipvs_virtual_service\.lb1_web_80_/),
    expect.stringMatching(/^ipvs_virtual_service\.lb1_web_443_/),
  ]);
  expect(blocks(json, 'ipvs_virtual_service').flatMap(([, body]) => body['depends_on'] ?? [])).toEqual([
    'null_resource.gate',
  ]);
});

test('the state lies in the project’s folder, and names no folder of this machine', () => {
  expect(artefact(() => undefined).terraform.backend).toEqual({ local: { path: 'edge.tfstate' } });
  const own = artefact((edge) => new LocalBackend(edge, { path: 'mine.tfstate' }));
  expect(own.terraform.backend).toEqual({ local: { path: 'mine.tfstate' } });
  const inProject = new IpvsStack(new App({ outdir: 'node_modules' }), 'edge');
  inProject.prepareStack();
  const json = inProject.toTerraform() as Artefact;
  expect(json.terraform.backend).toEqual({ local: { path: '../../../edge.tfstate' } });
});

test('the provider is named for terraform init', () => {
  expect(artefact(() => undefined).terraform.required_providers).toEqual({ ipvs: { source: 'lvsform/ipvs' } });
});

test('HCL is refused rather than written without fields', () => {
  const stack = new IpvsStack(newApp(), 'edge');
  expect(() => stack.toHclTerraform()).toThrow("stack 'edge' can only be written as JSON");
});

test('references stay in the artefact, and the rest is still checked', () => {
  const build = (weight: number) => (edge: IpvsStack) => {
    const address = new TerraformVariable(edge, 'vip', { default: '192.0.2.1' });
    twoDirectors(edge)
      .addService('web', { listen: Listen.tcp(address.stringValue, 80), forward: Forward.masquerading() })
      .addRealServer('rs1', { address: '10.0.0.1', weight });
  };
  expect(only(artefact(build(1)), 'ipvs_virtual_service')['address']).toBe('${var.vip}');
  expect(load(build(1)).directors[0]?.table.services[0]?.key).toMatchObject({ address: '192.0.2.1' });
  expect(complaints(build(-1))).toEqual(['[edge/table/web/rs1] weight: -1 is not a weight (0..2147483647)']);
});

test('a reference in one real server does not hide what is wrong with another', () => {
  const told = complaints((edge) => {
    const address = new TerraformVariable(edge, 'rs', { default: '10.0.0.1' });
    const service = twoDirectors(edge).addService('web', web);
    service.addRealServer('rs1', { address: address.stringValue });
    service.addRealServer('rs2', { address: '10.0.0.2', port: 81 });
  });
  expect(told).toEqual([
    "[edge/table/web/rs2] port: gatewaying can't change the port from 80 to 81\n  hint: use Forward.masquerading(), or port 80",
  ]);
});

test('everything wrong is told at once, each with the line that wrote it', () => {
  const app = newApp();
  const edge = new IpvsStack(app, 'edge');
  const service = twoDirectors(edge).addService('web', { ...web, onePacket: true });
  service.addRealServer('rs1', { address: '10.0.0.1', weight: -1 });
  service.addRealServer('rs2', { address: '10.0.0.2', port: 81 });
  const line = /synth\.test\.ts:(\d+):\d+/;
  let message = '';
  try {
    app.synth();
  } catch (error) {
    message = String(error);
  }
  const lines = message.split('\n').filter((text) => text.startsWith('['));
  const numbers = lines.map((text) => Number(line.exec(text)?.[1]));
  expect(lines).toHaveLength(3);
  expect(numbers.map((number) => number - numbers[0]!)).toEqual([0, 1, 2]);
});

test('a service without real servers is only a warning', () => {
  const app = newApp();
  const service = twoDirectors(new IpvsStack(app, 'edge')).addService('web', web);
  app.synth();
  app.synth();
  const warnings = service.node.metadata.filter(({ type }) => type === '@cdktf/warn');
  expect(warnings.map(({ data }) => String(data))).toEqual([
    expect.stringMatching(/^has no real servers \(.*:\d+:\d+\)$/),
  ]);
});

test('annotations carry no stack traces', () => {
  const service = twoDirectors(new IpvsStack(newApp(), 'edge')).addService('web', web);
  service.addRealServer('rs1', { address: 'nowhere' });
  expect(service.node.findChild('rs1').node.metadata.map(({ trace }) => trace)).toEqual([undefined]);
});

test('constructs of the user’s own may stand between a fleet and its services', () => {
  class Pair extends Construct {
    constructor(scope: Construct, id: string, address: string) {
      super(scope, id);
      const listen = [Listen.tcp(address, 53), Listen.udp(address, 53)];
      for (const [index, each] of listen.entries()) {
        const service = new VirtualService(this, `s${index}`, { listen: each });
        new RealServer(service, 'rs1', { address: '10.0.0.1' });
      }
    }
  }
  const stack = load((edge) => new Pair(twoDirectors(edge), 'dns', '192.0.2.53'));
  expect(stack.directors.map(({ table }) => table.services.length)).toEqual([2, 2]);
  expect(stack.directors[0]?.sources['udp/192.0.2.53:53']).toBe('edge/table/dns/s1');
});

test('real servers by address share what they have in common; by name each has its own', () => {
  const [lb1] = load((edge) => {
    new Director(edge, 'lb1', { host: 'lb1' })
      .addService('web', { ...web, forward: Forward.masquerading() })
      .addRealServers(['10.0.0.1', '10.0.0.2'], { port: 8080, weight: 5 })
      .addRealServers({ big: { address: '10.0.0.3', weight: 50, forward: Forward.gatewaying() } });
  }).directors;
  expect(
    lb1?.table.services[0]?.realServers.map(({ address, port, weight, forwarding }) => [
      address,
      port,
      weight,
      forwarding,
    ]),
  ).toEqual([
    ['10.0.0.1', 8080, 5, 'masquerading'],
    ['10.0.0.2', 8080, 5, 'masquerading'],
    ['10.0.0.3', 80, 50, 'gatewaying'],
  ]);
});

test('a real server may be called like a resource', () => {
  const [lb1] = load((edge) => {
    new Director(edge, 'lb1', { host: 'lb1' })
      .addService('web', { listen: Listen.tcp('192.0.2.1', 80).marked(1) })
      .addRealServers({
        mark: { address: '10.0.0.1' },
        Resource: { address: '10.0.0.2' },
        80: { address: '10.0.0.3' },
      });
  }).directors;
  expect(lb1?.table.services[0]?.realServers).toHaveLength(3);
});
