/** A run that stops while a director waits for its lock: nothing is begun there, also when the lock comes free. */
import { setTimeout as wait } from 'node:timers/promises';
import { acquireLock, type DirectorAccess, type DirectorLock, readHolder } from '../../lib/apply';
import { loadStack } from '../../lib/artefact';
import { Director, Fleet, Listen, Rollout } from '../../lib/constructs';
import { applyPlan, type ApplyHooks, type ApplyReport, planStacks } from '../../lib/pipeline';
import { type Sim, type SimOptions, startSim } from '../../lib/sim';
import { createSshConnector, newNonce } from '../../lib/transport';
import { synth } from '../constructs/program';

let sim: Sim;
let options: SimOptions;
let access: DirectorAccess;
let held: DirectorLock;
beforeEach(async () => {
  options = { directors: 2 };
  sim = await startSim(options);
  const { name, host, port, user, identityFile, hostKey } = sim.directors[0]!;
  const runner = await connect({ name, host, port, user, identityFile, hostKey, agent: false });
  access = { name, sudo: false, runner, nonce: newNonce };
  held = await acquireLock(access, { stack: 'other', author: { by: 'bob@test' } });
});
afterEach(async () => {
  await access.runner.close();
  await sim.close();
});

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
const AUTHOR = { by: 'ada@test' };

/** Both directors at once; the first one is locked. */
async function apply(hooks: ApplyHooks): Promise<ApplyReport[]> {
  const json = synth((edge) => {
    const directors = sim.directors.map(({ name, host, port, user, identityFile, hostKey }) => new Director(edge, name, { host, port, user, identityFile, hostKey, agent: false })); // prettier-ignore
    new Fleet(edge, 'table', { directors, rollout: Rollout.batches(2) }).addService('web', { listen: Listen.tcp('192.0.2.1', 80) }); // prettier-ignore
  });
  const open = await planStacks([loadStack('edge', json)], { connect });
  try {
    return await applyPlan(open, { tool: '0.1.0', author: AUTHOR, lockWaitSeconds: 60 }, hooks);
  } finally {
    await open.close();
  }
}

test('Ctrl-C ends the wait', async () => {
  const stop = new AbortController();
  const started = performance.now();
  const reports = await apply({
    signal: stop.signal,
    // The other one is done by then.
    onDirector: () => {
      stop.abort();
    },
  });
  expect(performance.now() - started).toBeLessThan(30_000);
  expect(reports).toMatchObject([{ outcome: 'skipped', steps: 0 }, { outcome: 'applied' }]);
  expect(reports[0]).not.toHaveProperty('error');
  await held.release();
  expect([sim.directors[0]!.rules(), await readHolder(access)]).toEqual(['', null]);
});

test('so does a rollout that stops for its failures', async () => {
  options.refuseNth = 1;
  const reports = await apply({});
  expect(reports).toMatchObject([{ outcome: 'skipped' }, { outcome: 'rolled-back' }]);
  await held.release();
  expect(sim.directors[0]!.rules()).toBe('');
});

test('a lock that was waited for and comes with the stop is given back', async () => {
  const stop = new AbortController();
  const { signal } = stop;
  let asked = 0;
  const { runner } = access;
  const hold: typeof runner.hold = (script) => {
    if (++asked === 2) stop.abort();
    return runner.hold(script);
  };
  const onWait = (): void => void held.release();
  const watched = { ...access, runner: { ...runner, hold } };
  const taking = acquireLock(watched, { stack: 'edge', author: AUTHOR, waitSeconds: 60, onWait, signal });
  await expect(taking).rejects.toMatchObject({ code: 'stopped' });
  expect(asked).toBe(2);
  for (let tries = 0; tries < 100 && (await readHolder(access)) !== null; tries++) await wait(50);
  expect(await readHolder(access)).toBeNull();
});
