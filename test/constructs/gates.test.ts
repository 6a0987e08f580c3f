/** `gates: true`: the artefact in the form that lets Terraform keep to the waves, and what the engine reads from it. */
import { NullProvider } from '@cdktf/provider-null/lib/provider';
import { Resource as NullResource } from '@cdktf/provider-null/lib/resource';
import { TerraformVariable } from 'cdktf';
import { loadStack } from '../../lib/artefact';
import { Director, Duration, Fleet, type IpvsStack, Listen, Rollout, SyncDaemon } from '../../lib/constructs';
import { formatIssue, ValidationError } from '../../lib/model';
import { complaints, load, synth } from './program';

type Body = Record<string, unknown> & { depends_on?: string[] };
interface Artefact {
  provider: Record<string, unknown[]>;
  resource: Record<string, Record<string, Body>>;
  moved?: { from: string; to: string }[];
}

interface Options {
  gates?: boolean;
  count?: number;
  rollout?: (directors: Director[]) => Rollout;
  weight?: number;
  more?: (edge: IpvsStack, fleet: Fleet, directors: Director[]) => void;
}

/** Everything a fleet can hold, on directors `lb1` …; `lb.9` among them where there are as many. */
const program =
  ({ gates, count = 3, rollout = () => Rollout.batches(1), weight = 1, more }: Options) =>
  (edge: IpvsStack): void => {
    const directors = Array.from(
      { length: count },
      (_, at) => new Director(edge, at === 8 ? 'lb.9' : `lb${at + 1}`, { host: `lb${at + 1}` }),
    );
    const fleet = new Fleet(edge, 'table', {
      directors,
      rollout: rollout(directors),
      ...(gates === undefined ? {} : { gates }),
      timeouts: { udp: Duration.minutes(3) },
      syncDaemons: [SyncDaemon.master({ interface: 'eth0' })],
    });
    fleet
      .addService('web', {
        listen: Listen.tcp('192.0.2.1', 80, 443).marked(12),
        drain: { timeout: Duration.minutes(1) },
      })
      .addRealServer('rs1', { address: '10.0.0.1', weight });
    fleet.addService('dns', { listen: Listen.udp('2001:db8::1', 53) }).addRealServer('rs1', { address: '2001:db8::5' });
    fleet.addMarkRule('office', { mark: 12, source: '198.51.100.0/24' });
    fleet.absent(Listen.tcp('192.0.2.7', 80));
    more?.(edge, fleet, directors);
  };
const artefact = (options: Options): Artefact => synth(program(options)) as Artefact;

/** Every resource of ours by its address, in words that are equal when Terraform would see nothing to do. */
function contents({ resource }: Artefact): Map<string, string> {
  const ours = Object.entries(resource).filter(([type]) => type.startsWith('ipvs_'));
  return new Map(
    ours.flatMap(([type, blocks]) =>
      Object.entries(blocks).map(([name, { depends_on: _, ...body }]) => [`${type}.${name}`, JSON.stringify(body)]),
    ),
  );
}
const gatesOf = ({ resource }: Artefact): Body[] => Object.values(resource['null_resource'] ?? {});

const canaryFirst = ([a, b]: Director[]): Rollout => Rollout.canary(b!).then(a!).rest();

test('both forms wish the same, and the engine sees no gate of its own', () => {
  for (const rollout of [undefined, canaryFirst]) {
    const options = { count: 9, ...(rollout && { rollout }) };
    const together = load(program(options));
    expect(load(program({ ...options, gates: true }))).toEqual(together);
    expect(load(program({ ...options, gates: false }))).toEqual(together);
    expect(together.gates).toEqual([]);
  }
});

test('one block per director, each behind the gate of its wave; a gate behind all of the wave', () => {
  const { resource } = artefact({ gates: true, rollout: ([, b]) => Rollout.canary(b!).rest() });
  const [[gate, { depends_on: waits }]] = Object.entries(resource['null_resource']!) as [[string, Body]];
  const ours = Object.entries(resource).filter(([type]) => type !== 'null_resource');
  const blocks = ours.flatMap(([type, named]) => Object.entries(named).map(([name, body]) => ({ type, name, body })));
  expect(ours.map(([type, named]) => [type, Object.keys(named).length])).toEqual([
    ['ipvs_mark_rule', 6],
    ['ipvs_sync_daemon', 3],
    ['ipvs_timeouts', 3],
    ['ipvs_virtual_service', 9],
  ]);
  for (const { name, body } of blocks) {
    expect(body).not.toHaveProperty('for_each');
    expect(name.endsWith(`_${String(body['director'])}`)).toBe(true);
    expect(body.depends_on?.includes(`null_resource.${gate}`) ?? false).toBe(body['director'] !== 'lb2');
  }
  const canary = blocks.filter(({ body }) => body['director'] === 'lb2');
  expect([...waits!].sort()).toEqual(canary.map(({ type, name }) => `${type}.${name}`).sort());
});

test('a mark rule waits for the service of its own director alone', () => {
  const { resource } = artefact({ gates: true });
  for (const { director, depends_on: waits = [] } of Object.values(resource['ipvs_mark_rule']!)) {
    const services = waits.filter((address) => address.startsWith('ipvs_virtual_service.'));
    expect(services).toHaveLength(1);
    expect(services[0]).toMatch(new RegExp(`_${String(director)}$`));
  }
});

test.each([true, undefined])('gates: %s: waves are in no address and in no argument', (gates) => {
  const form = gates === undefined ? {} : { gates };
  const before = artefact({ ...form, count: 6, rollout: () => Rollout.batches(2) });
  for (const rollout of [() => Rollout.batches(1), () => Rollout.batches('50%'), canaryFirst]) {
    const after = artefact({ ...form, count: 6, rollout });
    expect(contents(after)).toEqual(contents(before));
    // Who is in which wave is nothing to pass a gate again for.
    for (const { triggers } of gatesOf(after)) expect(triggers).toEqual(gatesOf(before)[0]!['triggers']);
  }
});

test('a fleet that grows only adds', () => {
  const [small, big] = [3, 9].map((count) => artefact({ gates: true, count, rollout: () => Rollout.batches('34%') }));
  expect([...contents(big!)]).toEqual(expect.arrayContaining([...contents(small!)]));
  expect(contents(big!).size).toBe(contents(small!).size * 3);
  for (const { triggers } of gatesOf(big!)) expect(triggers).toEqual(gatesOf(small!)[0]!['triggers']);
  const forEach = (json: Artefact): object[] =>
    Object.values(json.resource['ipvs_virtual_service']!).map(({ for_each: each }) => each as object);
  const [few, many] = [3, 9].map((count) => artefact({ count }));
  forEach(many!).forEach((each, at) => {
    expect(each).toMatchObject(forEach(few!)[at]!);
  });
});

test('a gate is passed anew when the table is another one, also by a value that only Terraform knows', () => {
  const triggers = (options: Options): unknown => gatesOf(artefact({ gates: true, ...options }))[0]!['triggers'];
  expect(triggers({ weight: 2 })).not.toEqual(triggers({ weight: 1 }));
  const more: Options['more'] = (edge, fleet) => {
    const [servers, weight] = ['servers', 'weight'].map((name) => new TerraformVariable(edge, name, {}));
    fleet
      .addService('open', { listen: Listen.tcp('192.0.2.3', 80) })
      .addRealServer('rs1', { address: `10.0.0.${servers!.stringValue}`, weight: weight!.numberValue });
  };
  expect(triggers({ more })).toMatchObject({ value_1: '${jsonencode(var.weight)}', value_2: '10.0.0.${var.servers}' });
});

test('what is moved: from the shared block, back to it, and nothing when nobody asks', () => {
  const [there, back] = [true, false].map((gates) => artefact({ gates, count: 9 }).moved!);
  expect(there).toHaveLength(7 * 9);
  expect(there).toContainEqual({
    from: expect.stringMatching(/^ipvs_mark_rule\.table_office_\w+\["lb\.9"\]$/) as string,
    to: expect.stringMatching(/^ipvs_mark_rule\.table_office_\w+_lb-9_\w{8}$/) as string,
  });
  expect(back).toEqual(there!.map(({ from, to }) => ({ from: to, to: from })));
  expect(artefact({ count: 9 })).not.toHaveProperty('moved');
  // From every block that the one form has, to every one that the other has.
  const addresses = [...contents(artefact({ gates: true, count: 9 })).keys()].sort();
  expect(there!.map(({ to }) => to).sort()).toEqual(addresses);
});

test("a director's own table waits with its director, and everything else that depends on the fleet for all of it", () => {
  const more: Options['more'] = (edge, fleet, [lb1, lb2]) => {
    new NullProvider(edge, 'null');
    for (const director of [lb1!, lb2!]) {
      director.addService('own', { listen: Listen.mark(13) });
      director.addMarkRule('rule', { mark: 13, source: '203.0.113.0/24' });
    }
    fleet.addMarkRule('to-own', { mark: 13, source: '203.0.114.0/24' });
    new NullResource(edge, 'after').node.addDependency(fleet);
  };
  const json = artefact({ gates: true, more });
  const [after, first] = ['after', 'gate-1'].map((id) =>
    Object.entries(json.resource['null_resource']!).find(([name]) => name.includes(id)),
  );
  const waits = (type: string, name: string): string[] =>
    Object.entries(json.resource[type]!).find(([id]) => id.startsWith(name))?.[1].depends_on ?? [];
  const [own1, own2] = ['lb1_own', 'lb2_own'].map(
    (id) =>
      `ipvs_virtual_service.${Object.keys(json.resource['ipvs_virtual_service']!).find((name) => name.startsWith(id)) ?? ''}`,
  );
  expect(waits('ipvs_virtual_service', 'lb1_own')).toEqual([]);
  expect(waits('ipvs_virtual_service', 'lb2_own')).toEqual([`null_resource.${first![0]}`]);
  expect(first![1].depends_on).toContain(own1);
  expect(first![1].depends_on).not.toContain(own2);
  const rules = Object.entries(json.resource['ipvs_mark_rule']!).filter(([name]) => name.includes('to-own'));
  expect(rules.map(([, { depends_on: needs = [] }]) => needs.filter((one) => one.includes('_own_')))).toEqual([
    [own1],
    [own2],
    [],
  ]);
  const fleetAddresses = [...contents(artefact({ gates: true })).keys()];
  expect(after![1].depends_on).toEqual(expect.arrayContaining(fleetAddresses));
  // The program's own provider of gates is enough.
  expect(json.provider['null']).toHaveLength(1);
  expect(load(program({ gates: true, more }))).toEqual(load(program({ more })));
});

test('pause and check are what Terraform runs, without a word of the user in a shell string of ours', () => {
  const url = 'http://[2001:db8::1]/x?a=";rm -rf ~&b={1,2}';
  const rollout = (): Rollout =>
    Rollout.batches(2)
      .pause(Duration.minutes(1))
      .check({ url, command: './check "$x"', timeout: Duration.seconds(3) });
  const [gate] = gatesOf(artefact({ gates: true, rollout }));
  expect(gate!['provisioner']).toEqual([
    { 'local-exec': { command: 'sleep 60' } },
    {
      'local-exec': {
        command: 'curl -q -g -fsS --max-time 3 -o /dev/null --url "$url"',
        environment: { url },
      },
    },
    { 'local-exec': { command: './check "$x"' } },
  ]);
  expect(gatesOf(artefact({ gates: true }))[0]).not.toHaveProperty('provisioner');
});

test('a service that gets another address is made before the old one goes, in every wave', () => {
  const { resource } = artefact({ gates: true });
  const blocks = Object.entries(resource).filter(([type]) => type !== 'null_resource');
  for (const [, named] of blocks)
    for (const { lifecycle } of Object.values(named)) expect(lifecycle).toEqual({ create_before_destroy: true });
});

test.each<[string, (edge: IpvsStack) => void, string[]]>([
  [
    'gates without waves',
    (edge) => {
      new Fleet(edge, 'table', { directors: [new Director(edge, 'lb1', { host: 'lb1' })], gates: true });
    },
    [
      "[edge/table] gates: stand between the waves of a rollout, and there is none\n  hint: add one, e.g. rollout: Rollout.batches('25%')",
    ],
  ],
  ['a word for true', program({ gates: 'yes' as never }), ['[edge/table] gates: expected true or false']],
  [
    'one wrong value on nine directors',
    program({
      gates: true,
      count: 9,
      more: (_, fleet) => {
        fleet
          .addService('bad', { listen: Listen.tcp('192.0.2.8', 80) })
          .addRealServer('rs1', { address: '10.0.0.1', weight: -1 });
        fleet.addService('twin', { listen: Listen.mark(12) });
      },
    }),
    [
      '[edge/table/bad/rs1] weight: -1 is not a weight (0..2147483647)',
      "[edge/table/twin] serves mark fwm/12, and so does 'edge/table/web' on lb1, lb2 and 7 more\n  hint: give each service a mark of its own",
    ],
  ],
])('complains once: %s', (_, build, told) => {
  expect(complaints(build)).toEqual(told);
});

test('in an artefact: moved blocks have a form, and a gate of a rollout has its rollout', () => {
  const told = (json: object): string[] => {
    try {
      loadStack('edge', json);
    } catch (error) {
      if (error instanceof ValidationError) return error.issues.map(formatIssue);
      throw error;
    }
    return [];
  };
  const moved = (from: unknown, to: unknown): object => ({ from, to });
  expect(
    told({ moved: [moved('a.b', 'module.m["x.y"].a.c[0]'), { ...moved('a.b["lb.1"]', 'a.c'), '//': {} }] }),
  ).toEqual([]);
  const bad = [moved('a', 'a.b'), { from: 'a.b' }, moved('a.b', 3), { ...moved('a.b', 'a.c'), more: 1 }, 'x'];
  expect(told({ moved: bad })).toEqual(bad.map((_, at) => `[moved.${at}] expected two addresses, 'from' and 'to'`));
  expect(told({ resource: { null_resource: { g: { triggers: { lvsform_rollout: 'x' } } } } })).toEqual([
    '[null_resource.g] triggers.lvsform_rollout: there is no rollout of "x"',
  ]);
});
