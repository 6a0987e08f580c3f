/** Readings of a drain that fail: nothing is decided by them. */
import { awaitDrains, type Drain, type DrainProgress } from '../../lib/apply';
import type { DirectorAccess } from '../../lib/apply/fetch';
import type { Runner } from '../../lib/transport';
import { WEB } from '../plan/tables';

// No second passes between two readings.
jest.mock('node:timers/promises', () => ({ setTimeout: () => Promise.resolve() }));

const drain = (timeoutSeconds: number): Drain => ({ timeoutSeconds, service: WEB, servers: ['10.0.0.2:80'] });
const REFUSED = '@@abcd service-1\n\n@@abcd 1\nsudo: a password is required\n@@abcd end\n';
const listing = (connections: number): string =>
  `@@abcd service-1
Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn
  -> RemoteAddress:Port
TCP  192.0.2.10:80 wrr
  -> 10.0.0.2:80                  0         0          ${connections}          0

@@abcd 0

@@abcd end
`;

/** Drains one server of a director that answers in this order, the last time for good. */
async function drained(timeoutSeconds: number, answers: string[]) {
  let readings = 0;
  const run = () => Promise.resolve({ code: 0, signal: null, stdout: answers[Math.min(readings++, answers.length - 1)]!, stderr: '' }); // prettier-ignore
  const runner = { run } as unknown as Runner;
  const access: DirectorAccess = { name: 'lb1', sudo: true, runner, nonce: () => 'abcd' };
  const heard: DrainProgress[] = [];
  const ended = awaitDrains([drain(timeoutSeconds)], access, { onProgress: (progress) => heard.push(...progress) });
  return { ended: await ended.catch((error: unknown) => error), heard, readings };
}

test.each([
  ['a refusal', REFUSED],
  ['a listing that is missing', '@@abcd end\n'],
  ['an answer that is cut short', ''],
  ['a question that was cut short', '@@abcd truncated\n'],
])('%s is asked again: the server still has its connections', async (_what, failure) => {
  const { ended, heard, readings } = await drained(600, [failure, listing(3), failure, failure, listing(0)]);
  expect(ended).toMatchObject([{ server: '10.0.0.2:80', connections: 0, endedBy: 'drained' }]);
  expect(heard.map(({ connections }) => connections)).toEqual([3, 0]);
  expect(readings).toBe(5);
});

test('a refusal that stays is an error, and no server is given up for it, also when its time is up', async () => {
  const { ended, heard, readings } = await drained(0, [REFUSED]);
  expect(ended).toMatchObject({
    code: 'command-failed',
    message:
      'lb1: connections could not be counted while real servers were drained, of tcp/192.0.2.10:80 (sudo: a password is required); they take no new connections and are still there',
    hint: 'run `lvsform apply` again to go on',
  });
  expect(heard).toEqual([]);
  expect(readings).toBe(10);
});

test('only failures in a row count', async () => {
  const failing = [...new Array<string>(9).fill(REFUSED), listing(1)];
  const { ended } = await drained(600, [...failing, ...failing, listing(0)]);
  expect(ended).toMatchObject([{ endedBy: 'drained' }]);
});

test('a service that is gone has nothing to wait for', async () => {
  const gone = REFUSED.replace('sudo: a password is required', 'No such service');
  expect((await drained(600, [gone])).ended).toMatchObject([{ connections: 0, endedBy: 'drained' }]);
});

test('a real server that a listing misses is gone only when three in a row do, whatever its time', async () => {
  const missed = listing(0).replace(/ {2}-> 10.*\n/, '');
  const { ended, readings } = await drained(600, [missed, missed, listing(3), missed, missed, missed, listing(3)]);
  expect(ended).toMatchObject([{ connections: 0, endedBy: 'drained' }]);
  expect(readings).toBe(6);
  expect((await drained(0, [missed, listing(3)])).ended).toMatchObject([{ connections: 3, endedBy: 'timeout' }]);
});
