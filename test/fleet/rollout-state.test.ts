/** The arithmetic of a rollout: when it stops, what it puts back, and what it never does. */
import fc from 'fast-check';
import { type RolloutLimits, RolloutState } from '../../lib/fleet/rollout-state';
import { runs } from '../support/seed';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `lb${i + 1}`);

/** Runs waves with a fixed way to end, one at a time or many; returns what happened in order. */
function play(
  limits: Partial<RolloutLimits>,
  waves: readonly (readonly string[])[],
  failing: readonly string[],
): { state: RolloutState; applied: string[]; returned: string[] } {
  const size = waves.flat().length;
  const all = { size, maxFailures: 0, minServing: 0, onFailure: 'stop' as const, parallelism: 1, ...limits };
  const state = new RolloutState(all);
  const [applied, returned]: string[][] = [[], []];
  for (const wave of waves) {
    state.enter(wave);
    const flying: { director: string; back: boolean }[] = [];
    for (;;) {
      const order = state.next();
      if (order.do === 'rest') break;
      if (order.do !== 'wait') {
        flying.push({ director: order.director, back: order.do === 'take-back' });
        continue;
      }
      const { director, back } = flying.shift()!;
      if (back) returned!.push(director);
      else if (!failing.includes(director)) applied!.push(director);
      state.ended(director, back ? 'returned' : failing.includes(director) ? 'failed' : 'applied');
    }
  }
  return { state, applied: applied!, returned: returned! };
}

const ten = names(10);
const one = ten.map((name) => [name]);

test.each<[string, Partial<RolloutLimits>, string[][], string[], { stopped?: string; applied: number; returned?: string[] }]>([
  ['nothing fails', {}, one, [], { applied: 10 }],
  ['the first failure stops', {}, one, ['lb3'], { stopped: 'failures', applied: 2 }],
  ['one failure is allowed', { maxFailures: 1 }, one, ['lb3'], { applied: 9 }],
  ['the second is not', { maxFailures: 1 }, one, ['lb3', 'lb5'], { stopped: 'failures', applied: 3 }],
  ['the batch goes back', { onFailure: 'rollback-batch', parallelism: 1 }, [['lb1', 'lb2'], ['lb3', 'lb4', 'lb5']], ['lb5'], { stopped: 'failures', applied: 4, returned: ['lb4', 'lb3'] }],
  ['everything goes back, the newest first', { onFailure: 'rollback-all' }, [['lb1', 'lb2'], ['lb3', 'lb4']], ['lb4'], { stopped: 'failures', applied: 3, returned: ['lb3', 'lb2', 'lb1'] }],
  ['those in flight end, and go back as well', { onFailure: 'rollback-batch', parallelism: 4 }, [['lb1', 'lb2', 'lb3', 'lb4']], ['lb1'], { stopped: 'failures', applied: 3, returned: ['lb2', 'lb3', 'lb4'] }],
  ['a floor that allows one at a time', { minServing: 9, parallelism: 5 }, [ten], [], { applied: 10 }],
  ['a floor that a failure uses up', { minServing: 9, maxFailures: 5, parallelism: 5 }, [ten], ['lb2'], { stopped: 'floor', applied: 1 }],
  ['a floor no director can be changed above', { minServing: 10 }, [ten], [], { stopped: 'floor', applied: 0 }],
  ['the floor keeps a batch from going back', { minServing: 9, onFailure: 'rollback-batch' }, [ten], ['lb3'], { stopped: 'failures', applied: 2 }],
])('%s', (_, limits, waves, failing, { stopped, applied, returned = [] }) => {
  const played = play(limits, waves, failing);
  expect(played.state.stopped).toBe(stopped);
  expect(played.applied).toHaveLength(applied);
  expect([...played.returned].sort()).toEqual([...returned].sort());
}); // prettier-ignore

test('a failed check is a stop, and puts the wave back', () => {
  const state = new RolloutState({
    size: 3,
    maxFailures: 0,
    minServing: 0,
    onFailure: 'rollback-batch',
    parallelism: 1,
  });
  state.enter(['lb1']);
  expect(state.next()).toEqual({ do: 'apply', director: 'lb1' });
  expect(state.next()).toEqual({ do: 'wait' });
  state.ended('lb1', 'applied');
  expect(state.next()).toEqual({ do: 'rest' });
  state.stop('check');
  expect(state.next()).toEqual({ do: 'take-back', director: 'lb1' });
  state.ended('lb1', 'returned');
  state.enter(['lb2', 'lb3']);
  expect([state.next(), state.standingOf('lb1'), state.standingOf('lb2')]).toEqual([
    { do: 'rest' },
    'returned',
    'waiting',
  ]);
});

test('one that failed in part goes back with its wave, whatever the floor is: it serves nobody', () => {
  const state = new RolloutState({ size: 3, maxFailures: 0, minServing: 2, onFailure: 'rollback-all', parallelism: 2 });
  state.enter(['lb1']);
  expect(state.next()).toEqual({ do: 'apply', director: 'lb1' });
  state.ended('lb1', 'applied');
  state.enter(['lb2', 'lb3']);
  expect(state.next()).toEqual({ do: 'apply', director: 'lb2' });
  state.ended('lb2', 'failed', true);
  expect([state.stopped, state.serving]).toEqual(['failures', 2]);
  expect(state.next()).toEqual({ do: 'take-back', director: 'lb2' });
  // For the other one the floor leaves no room.
  expect([state.next(), state.serving, state.changing]).toEqual([{ do: 'wait' }, 2, 1]);
  state.ended('lb2', 'returned');
  expect([state.next(), state.serving, state.changing]).toEqual([{ do: 'rest' }, 2, 0]);
});

test('one that failed while the run was stopping, and can not be put back, is tried once', () => {
  const state = new RolloutState({ size: 2, maxFailures: 0, minServing: 0, onFailure: 'rollback-batch', parallelism: 2 }); // prettier-ignore
  state.enter(['lb1', 'lb2']);
  expect([state.next().do, state.next().do]).toEqual(['apply', 'apply']);
  state.ended('lb1', 'failed');
  state.ended('lb2', 'failed', true);
  expect(state.next()).toEqual({ do: 'take-back', director: 'lb2' });
  state.ended('lb2', 'failed');
  expect(state.next()).toEqual({ do: 'rest' });
});

test('directors that could not be planned count from the start', () => {
  const state = new RolloutState({ size: 4, maxFailures: 1, minServing: 2, onFailure: 'stop', parallelism: 4 });
  state.fail('lb4');
  state.enter(['lb1', 'lb2', 'lb4']);
  expect([state.next().do, state.next().do, state.serving]).toEqual(['apply', 'wait', 2]);
  state.ended('lb1', 'failed');
  expect([state.stopped, state.next()]).toEqual(['failures', { do: 'rest' }]);
});

/** Limits, waves, and per director how it ends; the order in which directors end is random too. */
const story = fc
  .record({
    size: fc.integer({ min: 1, max: 24 }),
    maxFailures: fc.nat(6),
    floorShare: fc.nat(100),
    parallelism: fc.integer({ min: 1, max: 9 }),
    onFailure: fc.constantFrom('stop' as const, 'rollback-batch' as const, 'rollback-all' as const),
    cuts: fc.array(fc.nat(24), { maxLength: 4 }),
    fates: fc.infiniteStream(
      fc.constantFrom('applied' as const, 'applied' as const, 'applied' as const, 'failed' as const),
    ),
    picks: fc.infiniteStream(fc.nat(1000)),
    interruptAt: fc.option(fc.nat(40)),
  })
  .map((given) => ({ ...given, minServing: Math.floor((given.size * given.floorShare) / 100) }));

test('over random failures: the bound and the floor hold at every moment, and nothing starts after a stop', () => {
  fc.assert(
    fc.property(story, ({ size, cuts, fates, picks, interruptAt, ...limits }) => {
      const state = new RolloutState({ size, ...limits });
      const all = names(size);
      const edges = [0, ...cuts.filter((cut) => cut < size), size].sort((a, b) => a - b);
      const flying: { director: string; back: boolean }[] = [];
      let [moment, changedAfterStop, floorBroken] = [0, 0, false];
      const failed = new Set<string>();
      for (const [at, edge] of edges.slice(1).entries()) {
        state.enter(all.slice(edges[at], edge));
        for (;;) {
          moment += 1;
          if (moment === interruptAt) state.stop('interrupted');
          const stoppedBefore = state.stopped !== undefined;
          const order = state.next();
          if (order.do === 'rest') break;
          if (order.do !== 'wait') {
            if (stoppedBefore) expect(order.do).toBe('take-back');
            flying.push({ director: order.director, back: order.do === 'take-back' });
            expect(flying.length).toBeLessThanOrEqual(limits.parallelism);
            // A director that fails by itself may break the floor; a director that is started never does.
            expect(size - flying.length - failed.size).toBeGreaterThanOrEqual(limits.minServing);
            continue;
          }
          expect(flying.length).toBeGreaterThan(0);
          const [{ director, back }] = flying.splice(picks.next().value! % flying.length, 1) as [
            { director: string; back: boolean },
          ];
          const fate = back ? 'returned' : (fates.next().value as 'applied' | 'failed');
          if (state.stopped !== undefined && !back) changedAfterStop += 1;
          if (fate === 'failed') failed.add(director);
          state.ended(director, fate);
          floorBroken ||= size - flying.length - failed.size < limits.minServing;
          expect(state.serving).toBe(size - flying.length - failed.size);
        }
        expect(flying).toEqual([]);
      }
      expect(changedAfterStop).toBeLessThan(limits.parallelism + (interruptAt === null ? 0 : 1));
      // Whoever is changing does not serve, so one that fails leaves the floor where it was.
      expect(floorBroken).toBe(false);
      if (failed.size > limits.maxFailures) expect(state.stopped).toBeDefined();
      if (state.stopped === undefined) expect(all.every((name) => state.standingOf(name) !== 'waiting')).toBe(true);
    }),
    runs(2000),
  );
});
