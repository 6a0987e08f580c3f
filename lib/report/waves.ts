import type { DesiredStack } from '../model';
import { count } from './words';

/** So many names of a wave are listed. */
const LISTED = 8;

/** In which waves an apply would reach the fleets, one line each; nothing where no fleet has a rollout. */
export function renderWaves(stacks: readonly DesiredStack[]): string {
  const lines = stacks.flatMap(({ rollouts = [] }) =>
    rollouts.flatMap(({ fleet, waves, size, maxFailures, minServing, onFailure }) => [
      '',
      `Rollout of ${fleet}: ${count(waves.length, 'wave')}, at most ${count(maxFailures, 'failure')}, at least ${minServing} of ${size} serving; on failure ${onFailure}`,
      ...waves.map(
        (wave, at) => `  ${at + 1}  ${wave.length > LISTED ? count(wave.length, 'director') : wave.join(', ')}`,
      ),
    ]),
  );
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
