/** How a batch that was refused is taken apart, to find out what was wrong with it. */
import { entryId, type Intent } from './wish';

/**
 * Two parts of a batch, about equal. Changes that speak of the same entry stay together: apart, who drops it would take
 * away what the other puts. The second part is empty where all hang together.
 */
export function halvesOf<T extends { intent: Intent }>(batch: readonly T[]): [T[], T[]] {
  const groups = groupsOf(batch);
  let count = 0;
  const cut = groups.findIndex((group) => (count += group.length) >= batch.length / 2) + 1;
  // A big group at the end would leave nothing to compare with.
  const at = Math.max(1, Math.min(cut, groups.length - 1));
  return [groups.slice(0, at).flat(), groups.slice(at).flat()];
}

function groupsOf<T extends { intent: Intent }>(batch: readonly T[]): T[][] {
  const groups = new Map<T, Set<T>>();
  const speaking = new Map<string, T>();
  for (const one of batch) {
    const group = new Set([one]);
    for (const id of entriesOf(one.intent)) {
      const other = speaking.get(id);
      for (const member of other === undefined ? [] : (groups.get(other) ?? [])) group.add(member);
      speaking.set(id, one);
    }
    for (const member of group) groups.set(member, group);
  }
  return [...new Set(groups.values())].map((group) => [...group]);
}

const entriesOf = ({ drop, put }: Intent): string[] => [...drop, ...put].map(entryId);
