import {
  blockingFindings,
  canonicalJson,
  desiredDigest,
  type DesiredStack,
  type DirectorPlan,
  isPlanned,
  makePlanFile,
  markAllowed,
  movedSince,
  parsePlanFile,
  type Plan,
  PlanFileHead,
} from '../../lib/model';
import { asWish } from '../support/as-live';
import { FULL, MIXED, plan, planOf } from '../report/plans';
import { table } from '../plan/tables';

const DESIRED: DesiredStack[] = [{ stack: 'edge', directors: [asWish(FULL)], gates: [] }];

const fileOf = (of: Plan) =>
  makePlanFile({
    id: '3f2b1c9e-6f0a-4c55-9a53-0a4d7d6f0f11',
    createdAt: '2026-01-02T03:04:05.000Z',
    tool: '1.0.0',
    destroy: false,
    only: { stacks: [], directors: [] },
    allowed: [],
    desired: DESIRED,
    plan: of,
  });

const planned = plan(...MIXED.directors.filter(isPlanned));

test('everything that can stand in a plan comes back from its file as it was', () => {
  const file = fileOf(planned);
  expect(parsePlanFile(JSON.parse(JSON.stringify(file)), 'plan.json')).toEqual(file);
  expect(PlanFileHead.parse(file).id).toBe(file.id);
});

test('a director that could not be planned is no part of a plan file', () => {
  expect(() => fileOf(MIXED)).toThrow('because lb5 could not be planned');
});

test('of a file that is wrong all over, only the first problems are told', () => {
  const file = JSON.parse(JSON.stringify(fileOf(planned)).replaceAll('"id":', '"name":')) as object;
  expect(() => parsePlanFile(file, 'plan.json')).toThrow(/plan\.directors\.0[^]*and \d+ more$/);
});

test('the digest does not depend on the order in which fields are written', () => {
  const turned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(turned);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([name, inner]) => [name, turned(inner)]),
    );
  };
  expect(desiredDigest(turned(DESIRED) as DesiredStack[])).toBe(desiredDigest(DESIRED));
  expect(canonicalJson({ b: [2, 1], a: undefined, c: { y: 1, x: null } })).toBe('{"b":[2,1],"c":{"x":null,"y":1}}');
});

describe('what moved', () => {
  const before = planOf('lb1', table(), FULL);
  const now = (edited: Partial<DirectorPlan>) => movedSince(plan(before), plan({ ...before, ...edited }));

  test('nothing, also when steps would be undone in another way', () => {
    expect(now({})).toEqual([]);
    expect(now({ steps: before.steps.map((step) => ({ ...step, undo: [] })), foreign: 9, findings: [] })).toEqual([]);
  });

  test('entries whose fingerprint differs, that are touched only now, or no more', () => {
    const [first = '', second = ''] = Object.keys(before.fingerprints).sort();
    const { [first]: _, ...rest } = before.fingerprints;
    const moved = now({ fingerprints: { ...rest, [second]: 'other', 'tcp/203.0.113.1:80': 'new' } });
    expect(moved.map(({ id }) => id).sort()).toEqual(
      [first, second, 'tcp/203.0.113.1:80'].map((id) => id.replace('lb1/', '')).sort(),
    );
  });

  test('steps that would be others', () => {
    expect(now({ steps: before.steps.slice(1) })).toEqual([{ stack: 'edge', director: 'lb1' }]);
  });

  test('a director that is not planned any more', () => {
    expect(movedSince(plan(before), plan())).toEqual([{ stack: 'edge', director: 'lb1' }]);
  });
});

test('blocking findings stop unless their code is allowed', () => {
  const finding = { code: 'last-server', severity: 'blocking', message: 'dark' } as const;
  const note = { code: 'note', severity: 'warning', message: 'look' } as const;
  const some = plan({ ...planOf('lb1', table(), FULL), findings: [finding, note] });
  expect(blockingFindings(some)).toEqual([{ stack: 'edge', director: 'lb1', finding }]);
  expect(blockingFindings(some, ['note'])).toHaveLength(1);
  expect(blockingFindings(some, ['last-server'])).toEqual([]);
  expect(markAllowed(some, ['last-server', 'note']).directors.find(isPlanned)?.findings).toEqual([
    { ...finding, allowed: true },
    note,
  ]);
});
