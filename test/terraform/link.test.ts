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
/** How long a login takes, and how many of them are refused before one is let in. */
let loginMs = 0;
let refusals = 0;

beforeEach(async () => {
  sim = await startSim({ directors: ['lb1'] });
  const [lb1] = sim.directors;
  const { host, port, user, identityFile, hostKey } = lb1!;
  const director: Director = { name: 'lb1', host, port, user, identityFile, hostKey, agent: false };
  batches = 0;
  loginMs = 0;
  refusals = 0;
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
    await wait(loginMs);
    // Nobody listens to port 1.
    const runner = await connect(refusals-- > 0 ? { ...director, port: 1 } : director);
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

/** As a delete is: of what one without the same entries would put. */
const dropping = ({ put }: Intent): Intent => ({ drop: put, put: [] });

/** An entry that some resource has made in an earlier run. */
function madeEarlier(port: number): void {
  expect(sim.directors[0]!.exec(['ipvsadm', '-A', '-t', `192.0.2.1:${port}`, '-s', 'wlc']).code).toBe(0);
}

/** Looks all the time. @returns whether the director had this entry throughout */
async function hadThroughout(port: number, changes: Promise<unknown>): Promise<boolean> {
  let [there, done] = [true, false];
  const end = changes.finally(() => (done = true));
  while (!done) {
    there &&= onDirector().includes(String(port));
    await wait(2);
  }
  await end;
  return there;
}

const ports = (count: number): number[] => Array.from({ length: count }, (_, at) => 1 + at);
const onDirector = (): string[] => [...sim.directors[0]!.rules().matchAll(/^-A -t \S+:(\d+)/gm)].map(([, port]) => port!); // prettier-ignore

test('what was planned is waited for, however slowly it comes', async () => {
  const intents = ports(12).map((port) => creating(port));
  await Promise.all(intents.map((intent) => link.judge(intent)));
  await Promise.all(
    intents.map(async (intent, at) => {
      // Busy with many resources, core says nothing for a while.
      await wait(at * 60 + (at > 6 ? 1000 : 0));
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

test('an entry that another resource makes is not taken away by a delete that comes while it is made', async () => {
  madeEarlier(1);
  const made = link.change(creating(1, 'rr'));
  while (batches < 1) await wait(2);
  const gone = link.change(dropping(creating(1)));
  await Promise.all([made, gone]);
  expect(sim.directors[0]!.rules()).toContain('-A -t 192.0.2.1:1 -s rr');
  expect(batches).toBe(1);
});

test('an entry that changes resources stays also where a batch is taken apart', async () => {
  madeEarlier(1);
  const changes = [creating(1, 'rr'), creating(2, 'nosuch'), dropping(creating(1)), creating(3)];
  const results = Promise.allSettled(changes.map((intent) => link.change(intent)));
  expect(await hadThroughout(1, results)).toBe(true);
  expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
  expect(onDirector().sort()).toEqual(['1', '3']);
});

test('a delete waits for the judgement of who makes the same entry, and goes with it', async () => {
  madeEarlier(1);
  loginMs = 300;
  const gone = link.change(dropping(creating(1)));
  const made = link.judge(creating(1, 'rr')).then(() => link.change(creating(1, 'rr')));
  expect(await hadThroughout(1, Promise.all([gone, made]))).toBe(true);
  expect(sim.directors[0]!.rules()).toContain('-A -t 192.0.2.1:1 -s rr');
  expect(batches).toBe(1);
});

test('an entry whose new resource has failed is not taken away by the old one', async () => {
  madeEarlier(1);
  await expect(link.change(creating(1, 'nosuch'))).rejects.toThrow('nosuch');
  await expect(link.change(dropping(creating(1)))).rejects.toMatchObject({ code: 'not-replaced' });
  expect(onDirector()).toEqual(['1']);
  // Once it is right, the old one may go.
  await link.change(creating(1));
  await link.change(dropping(creating(1)));
  expect(onDirector()).toEqual(['1']);
});

test('two resources for one entry that come at the same time: the second is refused', async () => {
  const [one, two] = await Promise.allSettled([link.change(creating(1, 'rr')), link.change(creating(1, 'wlc'))]);
  expect(one.status).toBe('fulfilled');
  expect(two).toMatchObject({ status: 'rejected', reason: { code: 'declared-twice' } });
  expect(sim.directors[0]!.rules()).toContain('-s rr');
});

test('a login that was refused while a change was judged does not fail the change', async () => {
  refusals = 1;
  await expect(link.judge(creating(1))).rejects.toMatchObject({ code: 'unreachable' });
  await link.change(creating(1));
  expect(onDirector()).toEqual(['1']);
  // And from now on it is judged by what is there.
  expect((await link.judge(creating(2))).changes).toHaveLength(1);
});

test('a director that is not there fails each batch by one login', async () => {
  refusals = 10;
  const changes = ports(3).map((port) => link.change(creating(port)));
  for (const { status } of await Promise.allSettled(changes)) expect(status).toBe('rejected');
  expect(refusals).toBe(9);
});
