/** Order between directors: gates, what they wait for, and what can't be ordered. */
import { NullProvider } from '@cdktf/provider-null/lib/provider';
import { Resource as NullResource } from '@cdktf/provider-null/lib/resource';
import { loadStack } from '../../lib/artefact';
import { RUN_ELSEWHERE } from '../../lib/artefact/document';
import { Director, Fleet, type IpvsStack, Listen } from '../../lib/constructs';
import { formatIssue, type Gate, ValidationError } from '../../lib/model';
import { load } from '../constructs/program';

const names = ['lb1', 'lb2', 'lb3'];
const directors = Object.fromEntries(names.map((name) => [name, { host: name }]));
const on = (director: string, more: object = {}) => ({
  director,
  protocol: 'tcp',
  address: '192.0.2.1',
  port: 80,
  ...more,
});

interface Wish {
  services?: Record<string, object>;
  gates?: Record<string, object>;
  data?: Record<string, object>;
}
const stack = ({ services = {}, gates = {}, data = {} }: Wish) => ({
  provider: { ipvs: { directors } },
  resource: { ipvs_virtual_service: services, null_resource: gates, terraform_data: data },
});
const gatesOf = (wish: Wish): Gate[] => loadStack('edge', stack(wish)).gates;

function told(wish: Wish): string[] {
  try {
    gatesOf(wish);
  } catch (error) {
    if (error instanceof ValidationError) return error.issues.map(formatIssue);
    throw error;
  }
  return [];
}

test('a gate stands between the directors it waits for and those that wait for it', () => {
  const services = { a: on('lb1'), b: on('lb2', { depends_on: ['null_resource.g'] }) };
  expect(gatesOf({ services, gates: { g: { depends_on: ['ipvs_virtual_service.a'] } } })).toEqual([
    { address: 'null_resource.g', commands: [], after: ['lb1'], before: ['lb2'] },
  ]);
});

test('what is named by key is the whole block', () => {
  const services = {
    a: on('${each.key}', { for_each: { lb1: 1, lb2: 2 } }),
    b: on('lb3', { depends_on: ['terraform_data.g'] }),
  };
  expect(gatesOf({ services, data: { g: { depends_on: ['ipvs_virtual_service.a["lb1"]'] } } })).toEqual([
    { address: 'terraform_data.g', commands: [], after: ['lb1', 'lb2'], before: ['lb3'] },
  ]);
});

test('gates in a row see through each other', () => {
  const services = { a: on('lb1'), b: on('lb2', { depends_on: ['null_resource.second'] }) };
  const gates = { first: { depends_on: ['ipvs_virtual_service.a'] }, second: { depends_on: ['null_resource.first'] } };
  expect(gatesOf({ services, gates }).map(({ after, before }) => [after, before])).toEqual([
    [['lb1'], ['lb2']],
    [['lb1'], ['lb2']],
  ]);
});

test('what a gate mentions in its triggers comes before it, as in Terraform', () => {
  const services = { a: on('lb1'), b: on('lb2', { depends_on: ['null_resource.g'] }) };
  const gates = { g: { triggers: { table: '${jsonencode(ipvs_virtual_service.a.real_servers)}' } } };
  expect(gatesOf({ services, gates })[0]).toMatchObject({ after: ['lb1'], before: ['lb2'] });
});

test('commands of local-exec are kept in order, for whoever allows them', () => {
  const provisioner = [
    { 'local-exec': { command: 'one' } },
    { 'local-exec': [{ command: 'two ${var.x}', quiet: true }] },
  ];
  const json = {
    ...stack({ gates: { g: { provisioner, lifecycle: { prevent_destroy: true } } } }),
    variable: { x: { default: 2 } },
  };
  expect(loadStack('edge', json).gates[0]?.commands).toEqual(['one', 'two 2']);
});

test('a dependency between entries of different directors orders them without a gate', () => {
  const services = { a: on('lb1'), b: on('lb2', { depends_on: ['ipvs_virtual_service.a'] }) };
  expect(gatesOf({ services })).toEqual([
    { address: 'ipvs_virtual_service.b', commands: [], after: ['lb1'], before: ['lb2'] },
  ]);
});

test('inside of one director the order is the plan’s', () => {
  const services = { a: on('lb1'), b: on('lb1', { port: 81, depends_on: ['ipvs_virtual_service.a'] }) };
  expect(gatesOf({ services })).toEqual([]);
});

test('null_resource of the null provider, in an IpvsStack', () => {
  const build = (edge: IpvsStack) => {
    new NullProvider(edge, 'null');
    const [lb1, lb2, lb3] = names.map((name) => new Director(edge, name, { host: name }));
    const first = new Fleet(edge, 'first', { directors: [lb1!, lb2!] });
    first.addService('web', { listen: Listen.tcp('192.0.2.1', 80).marked(7) });
    const gate = new NullResource(edge, 'checked', { provisioners: [{ type: 'local-exec', command: './check' }] });
    gate.node.addDependency(first);
    lb3!.addService('web', { listen: Listen.tcp('192.0.2.1', 80) }).node.addDependency(gate);
  };
  expect(load(build).gates).toEqual([
    { address: 'null_resource.checked', commands: ['./check'], after: ['lb1', 'lb2'], before: ['lb3'] },
  ]);
});

const ADVICE = `\n  hint: ${RUN_ELSEWHERE}`;

test.each<[string, Wish, string[]]>([
  [
    'a director on both sides',
    {
      services: { a: on('lb1'), b: on('lb1', { port: 81, depends_on: ['null_resource.g'] }) },
      gates: { g: { depends_on: ['ipvs_virtual_service.a'] } },
    },
    [
      '[null_resource.g] depends_on: lb1 would come both before and after it\n  hint: a director is applied as a whole: let a gate stand between different directors',
    ],
  ],
  [
    'directors that wait for each other',
    {
      services: {
        a: on('lb1'),
        b: on('lb2', { depends_on: ['null_resource.g'] }),
        c: on('lb2', { port: 81 }),
        d: on('lb1', { port: 81, depends_on: ['null_resource.h'] }),
      },
      gates: { g: { depends_on: ['ipvs_virtual_service.a'] }, h: { depends_on: ['ipvs_virtual_service.c'] } },
    },
    [
      '[depends_on] directors wait for each other: lb2 -> lb1 -> lb2\n  hint: remove one of the dependencies between them',
    ],
  ],
  [
    'a gate that waits for itself',
    { gates: { g: { depends_on: ['null_resource.h'] }, h: { depends_on: ['null_resource.g'] } } },
    ['[null_resource.g] depends_on: depends on itself', '[null_resource.h] depends_on: depends on itself'],
  ],
  [
    'a dependency on a module',
    { gates: { g: { depends_on: ['module.net'] } } },
    ['[null_resource.g] depends_on: there is no module.net in this stack' + ADVICE],
  ],
  [
    'a dependency that is not there',
    { gates: { g: { depends_on: ['ipvs_virtual_service.x'] } } },
    ['[null_resource.g] depends_on: there is no ipvs_virtual_service.x in this stack'],
  ],
  [
    'a dependency written as an expression',
    { services: { a: on('lb1') }, gates: { g: { depends_on: ['${ipvs_virtual_service.a}'] } } },
    [
      '[null_resource.g] depends_on: there is no ${ipvs_virtual_service.a} in this stack\n  hint: depends_on takes bare addresses, without ${…}',
    ],
  ],
  [
    'many of a gate',
    { gates: { g: { count: 2 }, h: { for_each: { a: 1 } } } },
    [
      '[null_resource.g] count: is not evaluated on a gate' + ADVICE,
      '[null_resource.h] for_each: is not evaluated on a gate' + ADVICE,
    ],
  ],
  [
    'a provisioner that runs elsewhere',
    { gates: { g: { provisioner: [{ 'remote-exec': { inline: ['x'] } }] } } },
    ["[null_resource.g] provisioner: 'remote-exec' is not run here, only local-exec" + ADVICE],
  ],
  [
    'a provisioner with more than a command',
    { gates: { g: { provisioner: [{ 'local-exec': { command: 'x', environment: { A: 'b' }, when: 'destroy' } }] } } },
    [
      '[null_resource.g] provisioner.environment: is not known here' + ADVICE,
      '[null_resource.g] provisioner.when: is not known here' + ADVICE,
    ],
  ],
  [
    'a command that is not known',
    { gates: { g: { provisioner: [{ 'local-exec': { command: 'x ${self.id}' } }] } } },
    ["[null_resource.g] provisioner.command: 'x ${self.id}' can't be evaluated: only Terraform knows self.id" + ADVICE],
  ],
])('%s', (_name, wish, complaints) => {
  expect(told(wish)).toEqual(complaints);
});
