/** Who made what: ledgers, ignored and absent services, and what an apply writes down. */
import fc from 'fast-check';
import { type DesiredDirector, serviceId, type ServiceKey, type SyncDaemon } from '../../lib/model';
import { findDoubleClaims, ownedEntries, planTable } from '../../lib/plan';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { asLive } from '../support/as-live';
import { runs } from '../support/seed';
import { ledgers, live, MARKED, markRule, server, service, WEB, wish } from './tables';

const A = '10.0.0.1';
const OLD: ServiceKey = { by: 'address', protocol: 'tcp', address: '192.0.2.99', port: 25 };
const OLD_ID = 'tcp/192.0.2.99:25';
const DAEMON: SyncDaemon = {
  role: 'master',
  interface: 'eth0',
  syncId: 1,
  maxLength: 1472,
  group: '224.0.0.81',
  port: 8848,
  ttl: 1,
};
const holding = (records: Parameters<typeof ledgers>[0]) =>
  live(
    { services: [service(WEB, [server(A)]), service(OLD, [server(A, { port: 25 })])] },
    { records: ledgers(records) },
  );
const web = (more: Partial<DesiredDirector> = {}) => wish({ services: [service(WEB, [server(A)])] }, more);
const ownsTable = { director: { name: 'lb1', host: 'lb1', owns: 'table' as const } };

function outcome(...args: Parameters<typeof planTable>) {
  const { changes, foreign, findings } = planTable(...args);
  return {
    changes: changes.map((change) => `${change.action} ${change.id}`),
    foreign,
    findings: findings.map(({ code }) => code),
  };
}

const REMOVED = [`delete lb1/${OLD_ID}`, `delete lb1/${OLD_ID}/10.0.0.1:25`];

describe('what is recorded and no longer declared', () => {
  test('a service goes with all its servers', () => {
    expect(outcome('edge', web(), holding({ edge: [OLD_ID] }))).toEqual({
      changes: REMOVED,
      foreign: [],
      findings: [],
    });
  });

  test('a sync daemon goes', () => {
    const director = live({ daemons: [DAEMON] }, { records: ledgers({ edge: ['sync/master'] }) });
    expect(outcome('edge', wish(), director).changes).toEqual(['delete lb1/sync/master']);
    expect(outcome('edge', wish(), live({ daemons: [DAEMON] })).foreign).toEqual(['sync/master']);
  });

  test('what is recorded and not there any more is nothing to do', () => {
    const records = ledgers({ edge: ['tcp/192.0.2.55:1', 'sync/backup', 'timeouts', 'mark/12/any'] });
    expect(outcome('edge', wish(), live({}, { records }))).toEqual({ changes: [], foreign: [], findings: [] });
  });

  test.each([
    ['no ledger', {}, 'ledger-missing'],
    ['a corrupt ledger', { edge: 'corrupt' as const }, 'ledger-corrupt'],
  ])('nothing goes because of %s', (_name, records, code) => {
    expect(outcome('edge', web(), holding(records))).toEqual({ changes: [], foreign: [OLD_ID], findings: [code] });
  });

  test('a missing ledger is worth a word only where something declared is live', () => {
    expect(outcome('edge', web(), live({}, { records: ledgers({}) })).findings).toEqual([]);
  });

  test('an entry that another stack recorded too stays', () => {
    expect(outcome('edge', web(), holding({ edge: [OLD_ID], west: [OLD_ID] })).changes).toEqual([]);
  });

  test('destroy takes what is declared and what is recorded', () => {
    const plan = outcome('edge', web(), holding({ edge: [OLD_ID] }));
    expect(plan.changes).toEqual(REMOVED);
    const { desired } = planTable('edge', web(), holding({ edge: [OLD_ID] }), { destroy: true });
    expect(desired.services).toEqual([]);
    expect(planTable('edge', web(), holding({}), { destroy: true }).foreign).toEqual([OLD_ID]);
  });
});

describe("another stack's ledger", () => {
  test('to declare what it holds is an error that names both, all entries at once', () => {
    const wanted = wish({
      services: [service(WEB, [server(A)]), service(OLD)],
      daemons: [DAEMON],
      timeouts: { udpSeconds: 9 },
    });
    const records = { edge: [], west: ['sync/master', 'tcp/192.0.2.10:80', 'timeouts'] };
    expect(() => planTable('edge', wanted, holding(records))).toThrow(
      expect.objectContaining({
        code: 'claimed',
        source: 'user',
        message: [
          'lb1: tcp/192.0.2.10:80 is declared by stack edge, but it belongs to stack west',
          'lb1: sync/master is declared by stack edge, but it belongs to stack west',
          'lb1: timeouts is declared by stack edge, but it belongs to stack west',
        ].join('\n'),
        hint: expect.stringContaining('lvsform adopt') as string,
      }) as Error,
    );
    expect(() => planTable('edge', wanted, holding(records), { destroy: true })).toThrow('belongs to stack west');
  });

  test('the same mark rule in two stacks is no claim: each has a chain of its own', () => {
    const records = ledgers({ edge: [], west: ['mark/12/inet/tcp/192.0.2.10/32:80'] });
    const director = live({ services: [service(MARKED)] }, { records });
    expect(outcome('edge', wish({ marks: [markRule()] }), director).changes).toHaveLength(1);
  });

  test("owns: 'table' spares what it holds, and says so", () => {
    expect(outcome('edge', web(ownsTable), holding({ edge: [], west: [OLD_ID] }))).toEqual({
      changes: [],
      foreign: [OLD_ID],
      findings: ['kept-other-stack'],
    });
    expect(outcome('edge', web(ownsTable), holding({ edge: [] })).changes).toEqual(REMOVED);
  });

  test("owns: 'table' removes nothing that may be another stack's while its ledger can't be read", () => {
    expect(outcome('edge', web(ownsTable), holding({ edge: [], west: 'corrupt' }))).toEqual({
      changes: [],
      foreign: [OLD_ID],
      findings: ['ledger-corrupt'],
    });
    expect(outcome('edge', web(ownsTable), holding({ edge: [OLD_ID], west: 'corrupt' })).changes).toEqual(REMOVED);
  });
});

describe('ignored', () => {
  const director = { ...ownsTable.director, ignore: [{ address: '192.0.2.96/28', protocol: 'tcp' as const }] };

  test("a service that a pattern matches stays, also under owns: 'table' and when it is recorded", () => {
    const kept = { changes: [], foreign: [OLD_ID], findings: [] };
    expect(outcome('edge', web({ director }), holding({ edge: [OLD_ID] }))).toEqual(kept);
    const declared = { name: 'lb1', host: 'lb1', ignore: director.ignore };
    expect(outcome('edge', web({ director: declared }), holding({ edge: [OLD_ID] }))).toEqual(kept);
  });

  test('destroy leaves it', () => {
    const { foreign } = planTable('edge', web({ director }), holding({ edge: [OLD_ID] }), { destroy: true });
    expect(foreign).toEqual([OLD_ID]);
  });
});

describe('absent', () => {
  test.each([
    ['nobody', { edge: [] }, []],
    ['this stack', { edge: [OLD_ID] }, []],
    ['another stack', { edge: [], west: [OLD_ID] }, ['absent-other-stack']],
  ])('the service goes when %s made it', (_name, records, findings) => {
    const sources = { [OLD_ID]: 'edge/table/gone' };
    const plan = planTable('edge', web({ absent: [OLD], sources }), holding(records));
    expect(plan.changes.map(({ id, action }) => `${action} ${id}`)).toEqual(REMOVED);
    expect(plan.changes[0]?.source).toBe('edge/table/gone');
    expect(plan.findings.map(({ code }) => code)).toEqual(findings);
  });

  test('nothing when it is not there, and nothing on destroy', () => {
    expect(outcome('edge', wish({}, { absent: [OLD] }), live()).changes).toEqual([]);
    const { foreign } = planTable('edge', web({ absent: [OLD] }), holding({}), { destroy: true });
    expect(foreign).toEqual([OLD_ID]);
  });

  test("it is not what owns: 'table' removes without being told", () => {
    expect(outcome('edge', web({ ...ownsTable, absent: [OLD] }), holding({ edge: [] })).findings).toEqual([]);
  });

  test('two stacks may both say so, but not the one this and the other that', () => {
    const stack = (name: string, desired: DesiredDirector) => ({ stack: name, directors: [desired], gates: [] });
    const none = wish({}, { absent: [WEB] });
    expect(findDoubleClaims([stack('edge', none), stack('west', none)])).toEqual([]);
    expect(findDoubleClaims([stack('edge', web()), stack('west', none)])).toMatchObject([
      { message: 'tcp/192.0.2.10:80 on lb1 is also declared by edge/lb1 of stack edge' },
    ]);
    expect(findDoubleClaims([stack('edge', none), stack('west', web())])).toMatchObject([
      { message: 'tcp/192.0.2.10:80 on lb1 is also declared absent by edge/lb1 of stack edge' },
    ]);
  });

  test('two stacks may declare one entry at one address behind two jump hosts: these are two machines', () => {
    const behind = (stack: string, jump: string) => ({
      stack,
      directors: [web({ director: { name: 'lb1', host: '10.0.0.1', jump } })],
      gates: [],
    });
    expect(findDoubleClaims([behind('edge', 'ops@bastion-a'), behind('west', 'ops@bastion-b')])).toEqual([]);
    expect(findDoubleClaims([behind('edge', 'ops@bastion-a'), behind('west', 'ops@bastion-a')])).toHaveLength(1);
  });
});

describe('what the ledger holds after an apply', () => {
  const everything = wish({
    services: [service(MARKED), service(WEB, [server(A)])],
    marks: [markRule()],
    timeouts: { udpSeconds: 60 },
    daemons: [DAEMON],
  });

  test('everything declared, sorted', () => {
    expect(ownedEntries(everything, live())).toEqual([
      'fwm/12',
      'mark/12/inet/tcp/192.0.2.10/32:80',
      'sync/master',
      'tcp/192.0.2.10:80',
      'timeouts',
    ]);
    expect(ownedEntries(wish(), live())).toEqual([]);
  });

  test('not the mark rule of somebody else', () => {
    expect(ownedEntries(everything, live({}, { otherMarks: [markRule()] }))).not.toContain(
      'mark/12/inet/tcp/192.0.2.10/32:80',
    );
  });

  test('what waits for a drain stays recorded, also when everything else is destroyed', () => {
    expect(ownedEntries(web(), live(), { pending: [OLD_ID, 'tcp/192.0.2.10:80'] })).toEqual([
      'tcp/192.0.2.10:80',
      OLD_ID,
    ]);
    expect(ownedEntries(everything, live(), { destroy: true, pending: [OLD_ID] })).toEqual([OLD_ID]);
  });

  test('an absent service is never recorded', () => {
    expect(ownedEntries(wish({}, { absent: [OLD] }), live())).toEqual([]);
  });
});

describe('on random tables', () => {
  const scenes = arbitraryTable().chain((table) => {
    const ids = table.services.map(({ key }) => serviceId(key));
    return fc.record({
      table: fc.constant(table),
      wanted: editedTable(table),
      edge: fc.subarray(ids),
      west: fc.subarray(ids),
      corrupt: fc.boolean(),
      owns: fc.constantFrom('declared' as const, 'table' as const),
      destroy: fc.boolean(),
    });
  });

  test('a service that goes was declared, recorded by this stack alone, or undeclared in a table that is all its own', () => {
    let gone = 0;
    fc.assert(
      fc.property(scenes, ({ table, wanted, edge, west, corrupt, owns, destroy }) => {
        // What another stack holds can't be declared here.
        const services = wanted.services.filter(({ key }) => !west.includes(serviceId(key)));
        const desired = wish({ services }, { director: { name: 'lb1', host: 'lb1', owns } });
        const records = ledgers({ edge: corrupt ? 'corrupt' : edge, west });
        const plan = planTable('edge', desired, { ...asLive(table), records }, { destroy });
        const declared = services.map(({ key }) => serviceId(key));
        for (const { key } of table.services) {
          const id = serviceId(key);
          const stays = plan.desired.services.some((other) => serviceId(other.key) === id);
          const free = !declared.includes(id) && !west.includes(id);
          const removable = free && ((!corrupt && edge.includes(id)) || (owns === 'table' && !destroy));
          expect([id, stays]).toEqual([id, declared.includes(id) ? !destroy : !removable]);
          gone += Number(!stays);
        }
      }),
      runs(300),
    );
    expect(gone).toBeGreaterThan(0);
  });
});
