/** Of which services by mark inactive connections need no waiting for: where it is known that nothing else is marked. */
import { drainPolicies } from '../../lib/plan';
import type { MarkRule } from '../../lib/model';
import { live, MARKED, markRule, service, wish } from '../plan/tables';

const drain = { timeoutSeconds: 60 };
const TCP = markRule();
const UDP = markRule({ protocol: 'udp' });

function activeOnly(declared: MarkRule[], read: MarkRule[] = [], others: MarkRule[] = []): boolean {
  const wanted = wish({ services: [service(MARKED)], marks: declared }, { policies: { 'fwm/12': { drain } } });
  const found = drainPolicies('edge', wanted, live({ marks: read }, { otherMarks: others }));
  expect(found).toEqual({ 'fwm/12': { ...drain, ...found['fwm/12'] } });
  return found['fwm/12']?.activeOnly === true;
}

test.each([
  ['TCP', [TCP], [], []],
  ['SCTP as it was, TCP as it shall be', [TCP], [markRule({ protocol: 'sctp' })], []],
  ['TCP, by a rule of somebody else', [], [], [TCP]],
  ['UDP with another mark, or of another family', [TCP, { ...UDP, mark: 13 }, { ...UDP, family: 'inet6' as const }], [], []],
])('active ones only: %s', (_what, declared, read, others) => {
  expect(activeOnly(declared, read, others)).toBe(true);
}); // prettier-ignore

test.each([
  ['no rule is known', [], [], []],
  ['UDP', [UDP], [], []],
  ['TCP and UDP', [TCP, UDP], [], []],
  ['every protocol', [{ ...TCP, protocol: null, ports: [] }], [], []],
  ['UDP until now', [TCP], [UDP], []],
  ['UDP, by a rule of somebody else', [TCP], [TCP], [UDP]],
])('all of them: %s', (_what, declared, read, others) => {
  expect(activeOnly(declared, read, others)).toBe(false);
});
