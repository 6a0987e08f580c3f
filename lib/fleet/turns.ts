/** The order of a run: waves and gates, one after the other. */
import { type DesiredRollout, type DesiredStack, type Gate, UsageError } from '../model';

/** Directors that may be changed at the same time. */
export interface Wave {
  kind: 'wave';
  stack: string;
  directors: string[];
  /** Undefined for a director that is in no rollout: a wave of its own. */
  rollout: DesiredRollout | undefined;
  /** Number of the wave within its rollout, from 1. */
  number: number;
}

export type Turn = Wave | { kind: 'gate'; gate: Gate };

/**
 * Waves and gates of a stack in an order that honours every gate and every rollout; else in the order of the program.
 *
 * @throws UsageError `order` when gates and rollouts contradict each other
 */
export function turnsOf({ stack, directors, gates, rollouts = [] }: DesiredStack): Turn[] {
  const waiting = new Set(directors.map(({ director }) => director.name));
  const closed = new Set(gates);
  const places = new Map(
    rollouts.flatMap((rollout) =>
      rollout.waves.flatMap((wave, at) => wave.map((name) => [name, { rollout, at }] as const)),
    ),
  );
  const turns: Turn[] = [];
  for (;;) {
    const gate = [...closed].find(({ after }) => !after.some((name) => waiting.has(name)));
    if (gate !== undefined) {
      closed.delete(gate);
      turns.push({ kind: 'gate', gate });
      continue;
    }
    if (waiting.size === 0) return turns;
    const shut = new Set([...closed].flatMap(({ before }) => before));
    const current = new Map(
      rollouts.map((rollout) => [rollout, rollout.waves.findIndex((wave) => wave.some((name) => waiting.has(name)))]),
    );
    const isReady = (name: string): boolean => {
      const place = places.get(name);
      return !shut.has(name) && (place === undefined || current.get(place.rollout) === place.at);
    };
    const first = [...waiting].find(isReady);
    if (first === undefined) {
      const names = [...waiting].sort().join(', ');
      throw new UsageError('order', `${stack}: gates and rollouts want ${names} in contradicting orders`, {
        hint: 'let the rollout alone decide, or the gates',
      });
    }
    const place = places.get(first);
    const wave = place?.rollout.waves[place.at]?.filter((name) => waiting.has(name) && isReady(name)) ?? [first];
    for (const name of wave) waiting.delete(name);
    turns.push({ kind: 'wave', stack, directors: wave, rollout: place?.rollout, number: (place?.at ?? 0) + 1 });
  }
}
