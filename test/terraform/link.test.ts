/** How changes of single resources become batches on a director. */
import { setTimeout as wait } from 'node:timers/promises';
import { recognizeScript } from '../../lib/dialect/recognize';
import type { Director, VirtualService } from '../../lib/model';
import { type Sim, startSim } from '../../lib/sim';
import { type Connect, createSshConnector } from '../../lib/transport';
import { DirectorLink } from '../../providers/terraform/directors/link';
import type { Intent } from '../../providers/terraform/directors/wish';

let sim: Sim;
let stopping: AbortController;
let link: DirectorLink;
/** How many batches were begun on the director. */
let batches = 0;

beforeEach(async () => {
  sim = await startSim({ directors: ['lb1'] });
  const [lb1] = sim.directors;
  const { host, port, user, identityFile, hostKey } = lb1!;
  const director: Director = { name: 'lb1', host, port, user, identityFile, hostKey, agent: false };
  batches = 0;
  stopping = new AbortController();
  link = new DirectorLink(
    { stack: 'edge', director, connect: counted(createSshConnector({ env: {} })), author: { by: 'ada@test' }, tool: '0.1.0', allowed: [] },
    stopping.signal,
  ); // prettier-ignore
});

afterEach(async () => {
  await link.close();
  await sim.close();
});

function counted(connect: Connect<Director>): Connect<Director> {
  return async (director) => {
    const runner = await connect(director);
    return {
      ...runner,
      run: (script, options) => {
        if (recognizeScript(script)?.kind === 'guard') batches += 1;
        return runner.run(script, options);
      },
    };
  };
}

function creating(port: number, scheduler = 'wlc'): Intent {
  const service: VirtualService = {
    key: { by: 'address', protocol: 'tcp', address: '192.0.2.1', port },
    scheduler,
    schedulerFlags: [],
    persistence: null,
    persistenceEngine: null,
    onePacket: false,
    realServers: [],
  };
  return { drop: [], put: [{ on: 'service', service }] };
}

const ports = (count: number): number[] => Array.from({ length: count }, (_, at) => 1 + at);
const onDirector = (): string[] => [...sim.directors[0]!.rules().matchAll(/^-A -t \S+:(\d+)/gm)].map(([, port]) => port!); // prettier-ignore

test('what was planned is waited for, however slowly it comes', async () => {
  const intents = ports(12).map((port) => creating(port));
  await Promise.all(intents.map((intent) => link.judge(intent)));
  await Promise.all(
    intents.map(async (intent, at) => {
      await wait(at * 60);
      await link.change(intent);
    }),
  );
  expect(batches).toBe(1);
  expect(onDirector()).toHaveLength(12);
});

test('what comes unannounced, as a delete does, goes with what comes at the same time', async () => {
  await Promise.all(ports(12).map((port) => link.change(creating(port))));
  expect(batches).toBe(1);
});

test('one that is refused is found among many in few batches, and the others are made', async () => {
  const results = await Promise.allSettled(
    ports(32).map((port) => link.change(creating(port, port === 21 ? 'nosuch' : 'wlc'))),
  );
  expect(results.flatMap(({ status }, at) => (status === 'rejected' ? [1 + at] : []))).toEqual([21]);
  expect(onDirector()).toHaveLength(31);
  // Each halving of 32 shows one half to be good and the other to be looked into: 1 + 2 * 5.
  expect(batches).toBe(11);
});

test('when core asks to stop while the culprit is looked for, what is left is not begun', async () => {
  const all = Promise.allSettled(ports(8).map((port) => link.change(creating(port, port === 1 ? 'nosuch' : 'wlc'))));
  while (batches < 2) await wait(5);
  stopping.abort();
  const results = await all;
  expect(results.every(({ status }) => status === 'rejected')).toBe(true);
  expect(onDirector()).toEqual([]);
});
