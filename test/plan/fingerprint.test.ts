/** What counts as moved between a plan and its apply. */
import fc from 'fast-check';
import type { DirectorTable, LiveDirector, ServiceKey, ServicePolicy } from '../../lib/model';
import { fingerprints, movedEntries, planTable } from '../../lib/plan';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { asLive, asWish } from '../support/as-live';
import { runs } from '../support/seed';
import { live, MARKED, markRule, server, service, table, WEB, wish } from './tables';

const ID = 'tcp/192.0.2.10:80';
const OTHER: ServiceKey = { by: 'address', protocol: 'tcp', address: '192.0.2.10', port: 81 };
const before = live({ services: [service(WEB, [server('10.0.0.1'), server('10.0.0.2')]), service(OTHER)] });
const wanted = (policy: ServicePolicy = {}) =>
  wish({ services: [service(WEB, [server('10.0.0.1', { upperThreshold: 5 })])] }, { policies: { [ID]: policy } });

/** Entries of the plan made for `before` that are no longer as they were. */
function moved(after: LiveDirector, policy?: ServicePolicy): string[] {
  const plan = planTable('edge', wanted(policy), before);
  return movedEntries(plan.fingerprints, fingerprints(plan.changes, after, wanted(policy)));
}

test('only what is touched has a fingerprint; what is not there is absent', () => {
  expect(planTable('edge', wanted(), before).fingerprints).toEqual({
    [ID]: expect.stringMatching(/^[0-9a-f]{16}$/) as string,
  });
  expect(planTable('edge', wanted(), live()).fingerprints).toEqual({ [ID]: 'absent' });
  expect(planTable('edge', wish({ services: [service(OTHER)] }), before).fingerprints).toEqual({});
});

test('a touched service has moved when anything in it differs', () => {
  const servers = [server('10.0.0.1'), server('10.0.0.2')];
  const now = (...services: DirectorTable['services']) => moved(live({ services }));
  expect(now(service(WEB, servers), service(OTHER))).toEqual([]);
  expect(now(service(WEB, servers))).toEqual([]);
  expect(now(service(WEB, servers, { scheduler: 'rr' }))).toEqual([ID]);
  expect(now(service(WEB, [servers[0]!]))).toEqual([ID]);
  expect(now(service(WEB, [servers[0]!, server('10.0.0.2', { weight: 2 })]))).toEqual([ID]);
  expect(now()).toEqual([ID]);
});

test('connections never count, nor weights and servers that belong to others', () => {
  expect(moved({ ...before, connections: { [ID]: { '10.0.0.1:80': { active: 5, inactive: 1 } } } })).toEqual([]);
  const reweighted = live({ services: [service(WEB, [server('10.0.0.1', { weight: 9 }), server('10.0.0.2')])] });
  expect(moved(reweighted)).toEqual([ID]);
  expect(moved(reweighted, { keepLiveWeights: true })).toEqual([]);
});

test('daemons, timeouts and our chain per family', () => {
  const daemon = { role: 'master', interface: 'lo', syncId: 1, maxLength: 1472, group: '224.0.0.81', port: 8848, ttl: 1 } as const; // prettier-ignore
  const desired = wish({
    services: [service(MARKED)],
    marks: [markRule({ mark: 12 })],
    timeouts: { udpSeconds: 60 },
    daemons: [{ ...daemon, syncId: 2 }],
  });
  const from = live({ services: [service(MARKED)], daemons: [daemon] });
  const plan = planTable('edge', desired, from);
  expect(Object.keys(plan.fingerprints)).toEqual(['marks/inet', 'sync/master', 'timeouts']);
  expect(plan.fingerprints['marks/inet']).toBe('absent');
  const now = (content: Partial<DirectorTable>, more: Partial<LiveDirector> = {}) =>
    movedEntries(plan.fingerprints, fingerprints(plan.changes, live({ daemons: [daemon], ...content }, more), desired));
  expect(now({})).toEqual([]);
  expect(now({ daemons: [] })).toEqual(['sync/master']);
  expect(now({ timeouts: { ...table().timeouts, tcpSeconds: 1 } })).toEqual(['timeouts']);
  expect(now({ marks: [markRule()] })).toEqual(['marks/inet']);
  expect(now({ marks: [markRule({ family: 'inet6', destination: null })] }, { chain: from.chain })).toEqual([]);
  expect(now({}, { chain: { ...from.chain, inet: { present: true, jumps: 0 } } })).toEqual(['marks/inet']);
  expect(now({}, { otherMarks: [markRule({ mark: 99 })] })).toEqual([]);
});

test('an entry that nobody looked at again has moved', () => {
  expect(movedEntries({ a: '1', b: '2' }, { b: '2', c: '3' })).toEqual(['a']);
});

test('the order of entries does not matter, and every touched entry that differs has moved', () => {
  const reversed = (content: DirectorTable): DirectorTable => ({
    ...content,
    services: [...content.services]
      .reverse()
      .map((each) => ({ ...each, realServers: [...each.realServers].reverse() })),
    marks: [...content.marks].reverse(),
    daemons: [...content.daemons].reverse(),
  });
  const tables = arbitraryTable().chain((from) => fc.tuple(fc.constant(from), editedTable(from), editedTable(from)));
  fc.assert(
    fc.property(tables, ([from, to, other]) => {
      const desired = asWish(to);
      const plan = planTable('edge', desired, asLive(from));
      expect(fingerprints(plan.changes, asLive(reversed(from)), desired)).toEqual(plan.fingerprints);
      // With the chains as they were, entries differ just where the tables do.
      const drifted = { ...asLive(other), chain: asLive(from).chain };
      const touchedByDrift = planTable('edge', asWish(other), asLive(from)).fingerprints;
      const expected = Object.keys(plan.fingerprints).filter((id) => id in touchedByDrift);
      expect(movedEntries(plan.fingerprints, fingerprints(plan.changes, drifted, desired))).toEqual(expected);
    }),
    runs(200),
  );
});
