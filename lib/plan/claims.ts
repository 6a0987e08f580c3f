import { type DesiredDirector, type DesiredStack, type ProgramIssue, serviceId, wayTo } from '../model';
import { contendedIds } from './ledgers';

/** Two stacks that declare one entry of one director would take it from each other at every apply. */
export function findDoubleClaims(stacks: readonly DesiredStack[]): ProgramIssue[] {
  const claims = new Map<string, { stack: string; where: string; verb: string }>();
  return stacks.flatMap(({ stack, directors }) =>
    directors.flatMap((wish) => {
      const { director, sources } = wish;
      const machine = wayTo(director);
      return claimedIds(wish).flatMap(([id, verb]): ProgramIssue[] => {
        const where = sources[id] ?? `${stack}/${director.name}`;
        const other = claims.get(`${machine} ${id}`);
        claims.set(`${machine} ${id}`, { stack, where, verb });
        if (other === undefined || other.stack === stack) return [];
        // That a service must not exist can be said twice.
        if (verb === ABSENT && other.verb === ABSENT) return [];
        return [
          {
            where,
            field: '',
            message: `${id} on ${director.name} is also ${other.verb} by ${other.where} of stack ${other.stack}`,
            hint: 'one of the two stacks has to let go of it',
          },
        ];
      });
    }),
  );
}

const ABSENT = 'declared absent';

function claimedIds(wish: DesiredDirector): [id: string, verb: string][] {
  return [
    ...contendedIds(wish).map((id): [string, string] => [id, 'declared']),
    ...(wish.absent ?? []).map((key): [string, string] => [serviceId(key), ABSENT]),
    ...(wish.director.owns === 'table' ? [['the whole table', 'declared'] as [string, string]] : []),
  ];
}
