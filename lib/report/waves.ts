import type { DesiredRollout, DesiredStack } from '../model';
import { count, LISTED } from './words';

/** One rollout in words: what holds for all of it, and who is in which wave. */
export interface RolloutWords {
  title: string;
  waves: string[];
}

export function rolloutWords(stacks: readonly DesiredStack[]): RolloutWords[] {
  return stacks.flatMap(({ rollouts = [] }) =>
    rollouts.map((rollout) => {
      const { fleet, waves, size, maxFailures, minServing, onFailure } = rollout;
      return {
        title: `Rollout of ${fleet}: ${count(waves.length, 'wave')}, at most ${count(maxFailures, 'failure')}, at least ${minServing} of ${size} serving; on failure ${onFailure}${betweenWords(rollout)}`,
        waves: waves.map((wave) => (wave.length > LISTED ? count(wave.length, 'director') : wave.join(', '))),
      };
    }),
  );
}

function betweenWords({ pauseSeconds, check }: DesiredRollout): string {
  const words = [
    ...(pauseSeconds > 0 ? [`pause ${pauseSeconds} s`] : []),
    ...(check?.url === undefined ? [] : [`check ${check.url}`]),
    ...(check?.command === undefined ? [] : [`run ${check.command}`]),
  ];
  return words.length === 0 ? '' : `; after a wave ${words.join(', ')}`;
}

/** In which waves an apply would reach the fleets, one line each; nothing where no fleet has a rollout. */
export function renderWaves(stacks: readonly DesiredStack[]): string {
  const lines = rolloutWords(stacks).flatMap(({ title, waves }) => [
    '',
    title,
    ...waves.map((wave, at) => `  ${at + 1}  ${wave}`),
  ]);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
