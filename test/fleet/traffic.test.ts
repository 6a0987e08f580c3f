/** Whether directors lost connections: what is compared, what is not, and what is said about it. */
import { judgeableConnections, judgeTraffic, READINGS, SECONDS_BETWEEN_READINGS, trafficBetween } from '../../lib/fleet/traffic'; // prettier-ignore
import { ConnectionsCheck, type Stats, TransportError } from '../../lib/model';

type Counts = Record<string, number>;

const NOTHING = { inPackets: 0n, outPackets: 0n, inBytes: 0n, outBytes: 0n, realServers: {} };
const at = (uptimeSeconds: number, counts: Counts): Stats => ({
  uptimeSeconds,
  services: Object.fromEntries(
    Object.entries(counts).map(([id, connections]) => [id, { ...NOTHING, connections: BigInt(connections) }]),
  ),
});
const counted = (first: Stats, last: Stats) => trafficBetween([new Map([['lb1', first]])], [new Map([['lb1', last]])]);
const WEB = 'tcp/192.0.2.1:80';
const DNS = 'udp/192.0.2.1:53';

/** Counts ten seconds before and after a wave, from two readings each. */
function judge(
  before: readonly [Counts, Counts],
  after: readonly [Counts, Counts],
  check: Partial<ConnectionsCheck> = {},
  removed: readonly string[] = [],
) {
  return judgeTraffic(
    new Map([['lb1', new Set(removed)]]),
    counted(at(100, before[0]), at(110, before[1])),
    counted(at(200, after[0]), at(210, after[1])),
    ConnectionsCheck.parse({ atLeast: '80%', ...check }),
  );
}

const FINE = { problems: [], unjudged: [] };
const UNJUDGED = { problems: [], unjudged: ['lb1'] };
const lost = (text: string) => ({ problems: [`lb1 takes ${text}`], unjudged: [] });
const web = (from: number, to: number): [Counts, Counts] => [{ [WEB]: from }, { [WEB]: to }];

test.each<[string, unknown, unknown]>([
  ['as many as before', judge(web(5, 1005), web(9000, 10_000)), FINE],
  ['just the share', judge(web(0, 1000), web(2000, 2800)), FINE],
  ['one less', judge(web(0, 1000), web(2000, 2799)), lost('79.9 connections/s, 100 before it was changed: 79 %, not 80 % or more')],
  ['none at all', judge(web(0, 1000), web(2000, 2000)), lost('0.0 connections/s, 100 before it was changed: 0 %, not 80 % or more')],
  ['more than before', judge(web(0, 1000), web(2000, 9000)), FINE],
  ['too few to judge by default', judge(web(0, 655), web(700, 700)), UNJUDGED],
  ['just enough', judge(web(0, 656), web(700, 700)), lost('0.0 connections/s, 65.6 before it was changed: 0 %, not 80 % or more')],
  ['a floor of one\'s own', judge(web(0, 50), web(60, 60), { minConnections: 50 }), lost('0.0 connections/s, 5.0 before it was changed: 0 %, not 80 % or more')],
  ['idle before and after, whatever the floor', judge(web(7, 7), web(7, 7), { minConnections: 1 }), UNJUDGED],
  ['a made service has nothing to be compared with', judge(web(0, 1000), [{ [WEB]: 2000, [DNS]: 0 }, { [WEB]: 3000, [DNS]: 5 }]), FINE],
  ['a removed service is not missed', judge([{ [WEB]: 0, [DNS]: 0 }, { [WEB]: 1000, [DNS]: 9000 }], web(2000, 3000), {}, [DNS]), FINE],
  ['all services are removed', judge(web(0, 1000), [{}, {}], {}, [WEB]), UNJUDGED],
  ['a service that is gone unasked has lost everything', judge([{ [WEB]: 0, [DNS]: 0 }, { [WEB]: 1000, [DNS]: 9000 }], web(2000, 3000)),
    lost(`100 connections/s, 1000 before it was changed: 10 %, not 80 % or more, most of it lost by ${DNS} (900 before, 0.0 now)`)],
  ['counters zeroed before the wave', judge([{ [WEB]: 0, [DNS]: 9000 }, { [WEB]: 1000, [DNS]: 3 }], [{ [WEB]: 2000, [DNS]: 3 }, { [WEB]: 3000, [DNS]: 3 }]), FINE],
  ['counters zeroed after it', judge([{ [WEB]: 0, [DNS]: 0 }, { [WEB]: 1000, [DNS]: 9000 }], [{ [WEB]: 2000, [DNS]: 9000 }, { [WEB]: 3000, [DNS]: 3 }]), FINE],
  ['a service that one of two readings missed', judge([{ [WEB]: 0, [DNS]: 0 }, { [WEB]: 1000, [DNS]: 9000 }], [{ [WEB]: 2000 }, { [WEB]: 3000, [DNS]: 9000 }]), FINE],
])('%s', (_, found, expected) => {
  expect(found).toEqual(expected);
}); // prettier-ignore

test('windows of different length are compared by the second', () => {
  const check = ConnectionsCheck.parse({ atLeast: '80%' });
  const before = counted(at(0, { [WEB]: 0 }), at(10, { [WEB]: 1000 }));
  const after = counted(at(50, { [WEB]: 0 }), at(70, { [WEB]: 1000 }));
  expect(judgeTraffic(new Map([['lb1', new Set()]]), before, after, check).problems).toEqual([
    'lb1 takes 50.0 connections/s, 100 before it was changed: 50 %, not 80 % or more',
  ]);
});

// 100 a second as a kernel shows them that brings its counters up to date every two seconds, the first time at `phase`.
test.each([0, 0.01, 0.49, 0.5, 0.7, 1, 1.3, 1.99])(
  'a window is known to half a second, whenever the kernel counts (%d s after the first reading)',
  (phase) => {
    const read = (seconds: number): Stats =>
      at(seconds, { [WEB]: 100 * (100 + phase + 2 * Math.floor((seconds - phase) / 2)) });
    const readings = (from: number) =>
      Array.from({ length: READINGS }, (_, index) => new Map([['lb1', read(from + index * SECONDS_BETWEEN_READINGS)]]));
    for (const windowSeconds of [2, 2.9, 3, 10, 11]) {
      const found = trafficBetween(readings(0), readings(windowSeconds)).get('lb1');
      if (found === undefined || found instanceof Error) throw new Error('not counted');
      expect(found.seconds).toBeCloseTo(windowSeconds);
      expect(Math.abs(found.connections[WEB]! / 100 - windowSeconds)).toBeLessThanOrEqual(0.5);
    }
  },
);

test('counters that were zeroed between two readings of one end are left out', () => {
  const [first, zeroed, last] = [at(0, { [WEB]: 100 }), at(1, { [WEB]: 3 }), at(10, { [WEB]: 900 })];
  const readings = [first, zeroed].map((stats) => new Map([['lb1', stats]]));
  expect(trafficBetween(readings, [new Map([['lb1', last]])]).get('lb1')).toMatchObject({
    connections: { [WEB]: null },
  });
});

test('a director that can not be read, or was started anew, is no director that is well', () => {
  const check = ConnectionsCheck.parse({ atLeast: '80%' });
  const well = counted(at(0, { [WEB]: 0 }), at(10, { [WEB]: 1000 }));
  const silent = new Map([['lb1', new TransportError('timeout', 'lb1', 'no answer')]]);
  const rebooted = counted(at(500, { [WEB]: 0 }), at(3, { [WEB]: 0 }));
  const judged = (before: typeof well, after: typeof well) =>
    judgeTraffic(new Map([['lb1', new Set()]]), before, after, check).problems;
  expect([judged(silent, well), judged(well, silent), judged(well, rebooted)]).toEqual([
    ['its connections could not be counted: lb1: no answer'],
    ['its connections could not be counted: lb1: no answer'],
    ['its connections could not be counted: lb1: it was started anew while its connections were counted'],
  ]);
});

test('the default floor, as the documentation says', () => {
  expect([50, 80, 90, 95, 99].map(judgeableConnections)).toEqual([80, 656, 2896, 12_176, 316_816]);
});
