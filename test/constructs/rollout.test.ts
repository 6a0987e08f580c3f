/** Rollouts: what a program says of them, what the artefact holds, what the engine reads. */
import { Director, Duration, Fleet, type IpvsStack, Listen, Rollout } from '../../lib/constructs';
import type { DesiredRollout } from '../../lib/model';
import { complaints, load, synth } from './program';

const SITES = ['fra', 'fra', 'ams', 'ams', 'ams'];

/** A fleet of `lb1` … with a service; `make` gets its directors. */
const fleet =
  (make: (directors: Director[]) => unknown, count = 5) =>
  (edge: IpvsStack): void => {
    const directors = Array.from(
      { length: count },
      (_, i) => new Director(edge, `lb${i + 1}`, { host: `lb${i + 1}`, tags: { site_name: SITES[i % 5] ?? '' } }),
    );
    new Fleet(edge, 'my-table', { directors, rollout: make(directors) as Rollout })
      .addService('web', { listen: Listen.tcp('192.0.2.1', 80) })
      .addRealServer('rs1', { address: '10.0.0.1' });
  };

const read = (make: (directors: Director[]) => unknown, count?: number): DesiredRollout | undefined =>
  load(fleet(make, count)).rollouts?.[0];

test.each<[string, (directors: Director[]) => unknown, string[][]]>([
  ['a canary, then another', ([a, b, c, d, e]) => Rollout.canary(b!).then(a!, c!).then(d!, e!), [['lb2'], ['lb1', 'lb3'], ['lb4', 'lb5']]],
  ['a canary, then the rest', ([a]) => Rollout.canary(a!).rest(), [['lb1'], ['lb2', 'lb3', 'lb4', 'lb5']]],
  ['shares are rounded up', () => Rollout.batches('25%'), [['lb1', 'lb2'], ['lb3', 'lb4'], ['lb5']]],
  ['a share of less than one', () => Rollout.batches('1%'), [['lb1'], ['lb2'], ['lb3'], ['lb4'], ['lb5']]],
  ['by number', () => Rollout.batches(3), [['lb1', 'lb2', 'lb3'], ['lb4', 'lb5']]],
  ['explicit waves', ([a, b, c, d, e]) => Rollout.waves([e!, d!], [a!, b!, c!]), [['lb5', 'lb4'], ['lb1', 'lb2', 'lb3']]],
  ['by tag', () => Rollout.byTag('site_name', 'ams', 'fra'), [['lb3', 'lb4', 'lb5'], ['lb1', 'lb2']]],
  ['a canary does not come again with its site', ([a]) => Rollout.canary(a!).thenTag('site_name', 'fra').batches(2), [['lb1'], ['lb2'], ['lb3', 'lb4'], ['lb5']]],
])('waves: %s', (_, make, waves) => {
  expect(read(make)?.waves).toEqual(waves);
}); // prettier-ignore

test('limits: failures are rounded down, what serves is rounded up', () => {
  const make = (): Rollout =>
    Rollout.batches(2)
      .maxFailures('30%')
      .minServing('70%')
      .pause(Duration.minutes(1))
      .check({ command: './check', url: 'https://192.0.2.1/', timeout: Duration.seconds(3) })
      .onFailure('rollback-batch');
  expect(read(make)).toEqual({
    fleet: 'my-table', waves: [['lb1', 'lb2'], ['lb3', 'lb4'], ['lb5']], size: 5, maxFailures: 1, minServing: 4,
    pauseSeconds: 60, check: { command: './check', url: 'https://192.0.2.1/', timeoutSeconds: 3 }, onFailure: 'rollback-batch',
  }); // prettier-ignore
});

test('a check on connections, with its defaults', () => {
  const make = (): Rollout => Rollout.batches(2).check({ connectionsPerSecond: { atLeast: '80%' } });
  expect(read(make)?.check).toEqual({
    connectionsPerSecond: { atLeast: '80%', windowSeconds: 10 },
    timeoutSeconds: 10,
  });
  const json = synth(fleet(make)) as { provider: { ipvs: { rollouts: Record<string, { check: unknown }> }[] } };
  expect(json.provider.ipvs[0]?.rollouts['my-table']?.check).toMatchObject({
    connections_per_second: { at_least: '80%', window_seconds: 10 },
  });
});

test('it is an argument of the provider, and adds no block', () => {
  const json = synth(fleet(() => Rollout.batches('25%'))) as {
    provider: { ipvs: { rollouts: unknown }[] };
    resource: object;
  };
  expect(json.provider.ipvs[0]?.rollouts).toEqual({
    'my-table': {
      fleet: ['lb1', 'lb2', 'lb3', 'lb4', 'lb5'],
      waves: [{ batch: '25%' }],
      max_failures: '0',
      min_serving: '0',
      pause_seconds: 0,
      on_failure: 'stop',
    },
  });
  expect(Object.keys(json.resource)).toEqual(['ipvs_virtual_service']);
});

test('addresses never depend on waves, nor on the size of the fleet', () => {
  const resources = (make: (directors: Director[]) => unknown, count?: number): string[] =>
    Object.entries((synth(fleet(make, count)) as { resource: Record<string, object> }).resource).flatMap(
      ([type, blocks]) => Object.keys(blocks).map((name) => `${type}.${name}`),
    );
  const addresses = resources(() => undefined);
  expect(resources(() => Rollout.batches('25%'))).toEqual(addresses);
  expect(resources(([a, b]) => Rollout.canary(b!).then(a!).rest())).toEqual(addresses);
  expect(resources(() => Rollout.batches('25%'), 9)).toEqual(addresses);
});

test.each<[string, (directors: Director[]) => unknown, string[]]>([
  ['somebody left out', ([a]) => Rollout.canary(a!), ["[edge/my-table] rollout.waves: leaves out lb2, lb3, lb4, lb5\n  hint: end it with .batches('25%') or .rest()"]],
  ['somebody twice', ([a]) => Rollout.canary(a!).then(a!).rest(), ["[edge/my-table] rollout.waves.1: 'lb1' is in two waves"]],
  ['not a share', () => Rollout.batches('a quarter'), ["[edge/my-table] rollout.waves.0.batch: 'a quarter' is neither a number of directors nor a share such as '25%'"]],
  ['not a whole number', () => Rollout.batches(1.5), ["[edge/my-table] rollout.waves.0.batch: 1.5 is neither a number of directors nor a share such as '25%'"]],
  ['more than everything', () => Rollout.batches(2).maxFailures('101%'), ["[edge/my-table] rollout.maxFailures: '101%' is neither a number of directors nor a share such as '25%'"]],
  ['an empty batch', () => Rollout.batches(0), ['[edge/my-table] rollout.waves.0: a batch needs at least one director']],
  ['a floor that leaves nobody', () => Rollout.batches(2).minServing('100%'), ['[edge/my-table] rollout.minServing: 100% of 5 leaves no director that could be changed']],
  ['a tag nobody has', () => Rollout.byTag('site_name', 'ber').rest(), ['[edge/my-table] rollout.waves.0: no director that is left has the tags site_name=ber']],
  ['no Rollout', () => ({ batches: 2 }), ["[edge/my-table] rollout: expected a Rollout such as Rollout.batches('25%')"]],
  ['names instead of directors', () => Rollout.canary('lb1' as never).rest(), ['[edge/my-table] rollout.waves.0: expected Director constructs', '[edge/my-table] rollout.waves.0: a wave needs at least one director']],
  ['a bad check', () => Rollout.batches(2).check({ url: 'nonsense' }), ["[edge/my-table] rollout.check.url: 'nonsense' is not an http or https URL"]],
  ['bad counts', () => Rollout.batches(2).check({ connectionsPerSecond: { atLeast: '100%', minConnections: 0, window: Duration.seconds(0) } }), [
    "[edge/my-table] rollout.check.connectionsPerSecond.atLeast: '100%' is not a share between '1%' and '99%'",
    '[edge/my-table] rollout.check.connectionsPerSecond.minConnections: 0 is less than 1 connection',
    '[edge/my-table] rollout.check.connectionsPerSecond.windowSeconds: 0 is less than 1 second',
  ]],
  ['a count nobody knows', () => Rollout.batches(2).check({ connectionsPerSecond: { atLeast: '80%', floor: 3 } as never }), ['[edge/my-table] rollout.check.connectionsPerSecond.floor: is not known here\n  hint: known here: atLeast, minConnections, window']],
  ['a bad end', () => Rollout.batches(2).onFailure('explode' as never), ["[edge/my-table] rollout.onFailure: 'explode' is not one of stop, rollback-batch, rollback-all"]],
])('complains: %s', (_, make, told) => {
  expect(complaints(fleet(make))).toEqual(told);
}); // prettier-ignore

test('a director has one rollout', () => {
  const build = (edge: IpvsStack): void => {
    const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
    for (const id of ['a', 'b']) new Fleet(edge, id, { directors: [lb1], rollout: Rollout.batches(1) });
  };
  expect(complaints(build)).toEqual([
    "[edge/b] rollout: 'lb1' is in the rollout of 'a' as well\n  hint: one rollout decides when a director is changed",
  ]);
});
