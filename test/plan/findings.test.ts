/** What stops an apply and what a reviewer is told, one cause at a time. */
import {
  allowFindings,
  type Finding,
  type Ledger,
  type LiveDirector,
  type RealServer,
  type ServiceKey,
  type ServicePolicy,
} from '../../lib/model';
import { planTable } from '../../lib/plan';
import { ledgers, live, server, service, WEB, wish } from './tables';

const ID = 'tcp/192.0.2.10:80';
const OTHER: ServiceKey = { by: 'address', protocol: 'tcp', address: '192.0.2.99', port: 81 };
const pool = (...weights: number[]): RealServer[] =>
  weights.map((weight, index) => server(`10.0.0.${index + 1}`, { weight }));

interface Case {
  more?: Partial<LiveDirector>;
  policy?: ServicePolicy;
  persistent?: boolean;
}

function found(before: RealServer[], after: RealServer[], { more, policy, persistent = false }: Case = {}): Finding[] {
  const config = persistent ? { persistence: { timeoutSeconds: 60, netmask: '255.255.255.255' } } : {};
  const policies = policy === undefined ? {} : { [ID]: policy };
  return planTable(
    'edge',
    wish({ services: [service(WEB, after, config)] }, { policies }),
    live({ services: [service(WEB, before, config)] }, more),
  ).findings;
}
const codes = (findings: readonly Finding[]): string[] => findings.map(({ code }) => code);

describe('a service that stays loses', () => {
  test.each<[string, RealServer[], RealServer[], string[]]>([
    ['its only server', pool(1), [], ['last-server']],
    ['its only server by weight', pool(1), pool(0), ['last-server']],
    ['its last active server, others are quiescent', pool(1, 0), pool(0, 0), ['last-server']],
    ['all of many', pool(1, 1, 1, 1), pool(0, 0, 0, 0), ['last-server']],
    ['none: it had no active one', pool(0, 0), [], []],
    ['one of two', pool(1, 1), pool(1), []],
    ['one of three', pool(1, 1, 1), pool(1, 1), []],
    ['two of three', pool(1, 1, 1), pool(1), ['weight-floor']],
    ['one of four', pool(1, 1, 1, 1), pool(1, 1, 1), []],
    ['two of four', pool(1, 1, 1, 1), pool(1, 1), ['pool-drop']],
    ['three of ten', pool(...Array<number>(10).fill(1)), pool(...Array<number>(7).fill(1)), []],
    ['four of ten', pool(...Array<number>(10).fill(1)), pool(...Array<number>(6).fill(1)), ['pool-drop']],
    ['four of ten by weight', pool(1, 1, 1, 1, 1, 1, 1, 1, 1, 1), pool(0, 0, 0, 0, 1, 1, 1, 1, 1, 1), ['pool-drop']],
    ['quiescent ones only', pool(1, 1, 1, 0, 0, 0, 0), pool(1, 1, 1), []],
    [
      'all three for three others',
      pool(1, 1, 1),
      [server('10.0.1.1'), server('10.0.1.2'), server('10.0.1.3')],
      ['pool-drop'],
    ],
    ['its only server for another', pool(1), [server('10.0.1.1')], ['pool-drop']],
    ['most of its weight', pool(10, 10), pool(10, 1), []],
    ['more than half of its weight', pool(10, 10), pool(5, 4), ['weight-floor']],
    ['just half of its weight', pool(10, 10), pool(5, 5), []],
    ['servers, and the weight of the others', pool(10, 10, 10, 10), pool(1, 1), ['pool-drop', 'weight-floor']],
    ['nothing: weights go up', pool(1, 1), pool(5, 5), []],
  ])('%s', (_name, before, after, expected) => {
    expect(codes(found(before, after))).toEqual(expected);
  });

  test('the finding names the service and the servers', () => {
    expect(found(pool(3, 0), pool(0, 0))).toEqual([
      {
        code: 'last-server',
        severity: 'blocking',
        subject: `lb1/${ID}`,
        message: 'loses its last active real server: 10.0.0.1:80 (weight 0)',
        hint: 'keep or add an active one; a service that is no longer wanted is removed itself',
      },
    ]);
    const [drop] = found(pool(...Array<number>(8).fill(1)), pool(1));
    expect(drop?.message).toBe(
      '7 of 8 active real servers go at once: 10.0.0.2:80 (removed), 10.0.0.3:80 (removed), 10.0.0.4:80 (removed), 10.0.0.5:80 (removed), 10.0.0.6:80 (removed) and 2 more',
    );
  });

  test('weights that belong to an operator are not judged', () => {
    expect(found(pool(0, 9), pool(9, 9), { policy: { keepLiveWeights: true } })).toEqual([]);
  });

  test('a foreign service is not judged', () => {
    const foreign = live({ services: [service(OTHER, pool(0))] });
    expect(planTable('edge', wish(), foreign).findings).toEqual([]);
  });
});

describe('connections', () => {
  const connected = (active: number, inactive = 0): Partial<LiveDirector> => ({
    connections: { [ID]: { '10.0.0.1:80': { active, inactive }, '10.0.0.2:80': { active: 1, inactive: 0 } } },
  });
  const drain = { drain: { timeoutSeconds: 60 } };

  test('a server that goes with active connections, and how many', () => {
    expect(found(pool(1, 1), [server('10.0.0.2')], { more: connected(17) })).toMatchObject([
      {
        code: 'active-connections',
        severity: 'blocking',
        subject: `lb1/${ID}/10.0.0.1:80`,
        message: 'is removed with 17 active connections',
        connections: 17,
      },
    ]);
  });

  test('not for idle servers, inactive connections, servers that stay, or where they are drained', () => {
    const left = [server('10.0.0.2')];
    expect(found(pool(1, 1), left, { more: connected(0, 5) })).toEqual([]);
    expect(found(pool(1, 1), pool(1, 1), { more: connected(17) })).toEqual([]);
    expect(found(pool(1, 1), left, { more: connected(17), policy: drain })).toEqual([]);
  });

  test('a service that goes: once for all its servers, unless it is drained', () => {
    const destroy = (policies: Record<string, ServicePolicy>) =>
      planTable(
        'edge',
        wish({ services: [service(WEB, pool(1, 1))] }, { policies }),
        live({ services: [service(WEB, pool(1, 1))] }, connected(2)),
        { destroy: true },
      ).findings;
    expect(destroy({})).toMatchObject([
      { subject: `lb1/${ID}`, message: 'is removed with 3 active connections', connections: 3 },
    ]);
    expect(destroy({ [ID]: drain })).toEqual([]);
  });

  test('a service that is no longer declared is drained as its ledger remembers', () => {
    const records = ledgers({ edge: [ID] });
    const edge = records.ledgers['edge'] as Ledger;
    const remembered = { ledgers: { edge: { ...edge, drains: { [ID]: drain.drain } } }, undo: {} };
    const gone = (known: typeof records) =>
      planTable('edge', wish(), live({ services: [service(WEB, pool(1, 0))] }, { ...connected(2), records: known }));
    expect(codes(gone(records).findings)).toEqual(['active-connections']);
    expect(gone(remembered).findings).toMatchObject([{ code: 'draining', subject: `lb1/${ID}/10.0.0.2:80` }]);
  });

  test('a drain that was begun goes on', () => {
    const findings = found(pool(0, 1), [server('10.0.0.2')], { more: connected(2, 3), policy: drain });
    expect(findings).toMatchObject([
      { code: 'draining', severity: 'info', message: 'is draining: 5 connections left (2 active)', connections: 5 },
    ]);
    expect(found(pool(0, 1), [server('10.0.0.2')], { more: connected(0), policy: drain })).toEqual([]);
    expect(codes(found(pool(0, 1), [server('10.0.0.2')], { more: connected(2) }))).toEqual(['active-connections']);
  });

  test('clients that stay bound to a server while it is drained', () => {
    const remove = (expireQuiescentTemplate: boolean | null, more: Case) =>
      codes(
        found(pool(1, 1), [server('10.0.0.2')], {
          more: { settings: { expireNodestConn: false, expireQuiescentTemplate } },
          ...more,
        }),
      );
    expect(remove(false, { policy: drain, persistent: true })).toEqual(['drain-persistent']);
    expect(remove(true, { policy: drain, persistent: true })).toEqual([]);
    expect(remove(null, { policy: drain, persistent: true })).toEqual([]);
    expect(remove(false, { policy: drain })).toEqual([]);
    expect(remove(false, { persistent: true })).toEqual([]);
  });
});

test.each([
  ['undone', 'the last apply was undone: no confirmation within 90 s'],
  ['partly', 'the last apply was undone as far as nobody had changed it since: no confirmation within 90 s'],
  ['armed', 'the last apply is not confirmed yet: what is live now may be taken back by the director itself'],
  ['confirmed', undefined],
  ['placed', undefined],
] as const)('an apply that is %s', (state, message) => {
  const undo = { edge: { state, at: 1, token: '0123456789abcdef', detail: 'no confirmation within 90 s' } };
  const { findings } = planTable('edge', wish(), live({}, { records: { ...ledgers({ edge: [] }), undo } }));
  expect(findings.map((finding) => finding.message)).toEqual(message === undefined ? [] : [message]);
});

describe('allowed', () => {
  const findings: Finding[] = [
    { code: 'last-server', severity: 'blocking', message: '' },
    { code: 'my-policy', severity: 'blocking', message: '' },
    { code: 'draining', severity: 'info', message: '' },
  ];

  test('what remains', () => {
    expect(codes(allowFindings(findings, []))).toEqual(['last-server', 'my-policy']);
    expect(codes(allowFindings(findings, ['my-policy', 'pool-drop']))).toEqual(['last-server']);
    expect(allowFindings(findings, ['my-policy', 'last-server'])).toEqual([]);
  });

  test('a code nobody knows', () => {
    expect(() => allowFindings(findings, ['last-sever', 'draining'])).toThrow(
      expect.objectContaining({
        code: 'unknown-finding',
        message: "no finding that blocks an apply is called 'last-sever', 'draining'",
        hint: 'there are: active-connections, last-server, my-policy, pool-drop, weight-floor',
      }) as Error,
    );
  });
});
