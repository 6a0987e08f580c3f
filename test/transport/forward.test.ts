/** A jump host may wait for minutes for a host that is silent; we do not wait with it. */
import { EventEmitter } from 'node:events';
import type { Client } from 'ssh2';
import { Link } from '../../lib/transport/link';
import type { Hop } from '../../lib/transport/route';

const hop = (host: string, isJump: boolean): Hop => ({ label: host, host, port: 22, isJump }) as Hop;

type Opened = (error: Error | undefined, channel: { close(): void }) => void;

function behind(): { link: Link; answer: Opened } {
  let waiting: Opened = () => undefined;
  const client = Object.assign(new EventEmitter(), {
    forwardOut: (_host: string, _port: number, _to: string, _at: number, opened: Opened) => {
      waiting = opened;
    },
  });
  const link = new Link(client as unknown as Client, hop('bastion', true), () => Promise.resolve());
  return { link, answer: (...how) => { waiting(...how); } }; // prettier-ignore
}

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('a director that a jump host gets no answer from', async () => {
  const { link, answer } = behind();
  const refused = expect(link.forward(hop('lb1', false), 3000)).rejects.toMatchObject({
    code: 'unreachable',
    message: 'lb1 does not answer bastion within 3 s',
  });
  jest.advanceTimersByTime(3000);
  await refused;
  // What comes later is not left open.
  const close = jest.fn();
  answer(undefined, { close });
  expect(close).toHaveBeenCalledTimes(1);
});

test('an answer in time ends the waiting', async () => {
  const { link, answer } = behind();
  const opened = link.forward(hop('lb1', false), 3000);
  const channel = { close: jest.fn() };
  answer(undefined, channel);
  expect(await opened).toBe(channel);
  expect(jest.getTimerCount()).toBe(0);
});
