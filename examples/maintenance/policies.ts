import { type Policy } from 'lvsform';

/** More than one server of a service at a time is not maintenance. */
const oneAtATime: Policy = ({ changes }) => {
  const removed = changes.filter(({ on, action }) => on === 'server' && action === 'delete');
  if (removed.length < 2) return [];
  return [{ code: 'one-at-a-time', severity: 'blocking', message: `${removed.length} servers go at once` }];
};

export const policies: Policy[] = [oneAtATime];
