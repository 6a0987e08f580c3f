/** Directors that failed with something in effect: they are told apart from those that are as they were, and go back like others. */
import { acquireLock, type DirectorLock } from '../../lib/apply';
import { loadStack } from '../../lib/artefact';
import { applyExitCode } from '../../lib/cli/carry-out';
import { EXIT } from '../../lib/cli/command';
import { Director, Duration, Fleet, Listen, Rollout } from '../../lib/constructs';
import { recognizeScript } from '../../lib/dialect/recognize';
import { type Director as Login, TransportError } from '../../lib/model';
import { type ApplyHooks, applyPlan, type ApplyReport, type ApplySettings, planStacks } from '../../lib/pipeline';
import { type Sim, startSim } from '../../lib/sim';
import { type Connect, createSshConnector, newNonce, type RunResult } from '../../lib/transport';
import { synth } from '../constructs/program';

let sim: Sim;
let before: string[];
beforeEach(async () => {
  sim = await startSim({ directors: 2 });
  await apply({ isFirst: true });
  before = rules();
  sim.directors[1]!.setConnections('10.0.0.2:80', { active: 5 });
});
afterEach(() => sim.close());

const rules = (): string[] => sim.directors.map((director) => director.rules());
const connectSsh = createSshConnector({ env: { HOME: '/nonexistent' } });

interface Run {
  isFirst?: boolean;
  persist?: boolean;
  onFailure?: 'stop' | 'rollback-all';
  hooks?: ApplyHooks;
  connect?: Connect<Login>;
  settings?: Partial<ApplySettings>;
}

/** The first apply makes a service of two; the second drains one of them and weighs the other anew. */
async function apply({ isFirst = false, persist = false, onFailure = 'rollback-all', hooks = {}, connect = connectSsh, settings }: Run): Promise<ApplyReport[]> {
  const json = synth((edge) => {
    const directors = sim.directors.map(({ name, host, port, user, identityFile, hostKey }) => new Director(edge, name, { host, port, user, identityFile, hostKey, agent: false, ...(persist && { persist }) }));
    const web = new Fleet(edge, 'table', { directors, rollout: Rollout.batches(1).onFailure(onFailure) })
      .addService('web', { listen: Listen.tcp('192.0.2.1', 80), drain: { timeout: Duration.seconds(isFirst || persist ? 1 : 60) } });
    web.addRealServer('a', { address: '10.0.0.1', weight: isFirst ? 1 : 9 });
    web.addRealServer('c', { address: '10.0.0.3' });
    if (isFirst) web.addRealServer('b', { address: '10.0.0.2' });
  });
  const open = await planStacks([loadStack('edge', json)], { connect });
  try {
    return await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' }, ...settings }, hooks);
  } finally {
    await open.close();
  }
} // prettier-ignore

/** Ctrl-C while the second director is drained. */
function interrupted(): ApplyHooks {
  const stop = new AbortController();
  const onEvent: ApplyHooks['onEvent'] = (director, { kind }) => {
    if (director === 'lb2' && kind === 'draining') stop.abort();
  };
  return { signal: stop.signal, onEvent };
}

/** What the second director answers to each of its changes, by their number, instead of what it would. */
function answering(answer: (nth: number, run: () => Promise<RunResult>, nonce: string) => Promise<RunResult>) {
  let changes = 0;
  const connect: Connect<Login> = async (director) => {
    const runner = await connectSsh(director);
    if (director.name !== 'lb2') return runner;
    return {
      ...runner,
      run: (script, options) => {
        const run = (): Promise<RunResult> => runner.run(script, options);
        const known = recognizeScript(script);
        return known?.kind === 'guard' ? answer(++changes, run, known.options.nonce) : run();
      },
    };
  };
  return connect;
}

/** After its drain the second director would not begin. */
const refusingTheSecond = () =>
  answering((nth, run, nonce) =>
    nth === 2 ? Promise.resolve({ code: 0, stdout: `@@${nonce} would-be-killed ops\n`, stderr: '' }) : run(),
  );

test('stopped while it drains: what it has of the change goes back with the others', async () => {
  const reports = await apply({ hooks: interrupted() });
  expect(reports).toMatchObject([
    { director: 'lb1', outcome: 'rolled-back', steps: 0 },
    { director: 'lb2', outcome: 'rolled-back', steps: 0, error: { code: 'rolled-back' } },
  ]);
  expect(reports[1]?.error?.message).toMatch(/^lb2: stopped while real servers were drained.*\n {2}the director is as it was before$/); // prettier-ignore
  expect(rules()).toEqual(before);
  expect(applyExitCode(reports, true)).toBe(EXIT.rolledBack);
});

test.each<[string, () => Partial<Run>, string]>([
  ['stopped while it drains', () => ({ hooks: interrupted() }), 'stopped while real servers were drained'],
  ['without a net after its drain', () => ({ connect: refusingTheSecond(), persist: true }), 'after a drain: systemd'],
])('%s, and left so: the report says how much is in effect', async (_, run, message) => {
  const [lb1, lb2] = await apply({ ...run(), onFailure: 'stop' });
  expect(lb1).toMatchObject({ outcome: 'applied' });
  expect(lb2).toMatchObject({ outcome: 'failed', steps: 2, failedAt: 3, error: { code: 'interrupted' } });
  expect(lb2?.error?.message).toContain(message);
  expect(rules()[1]).toContain('-r 10.0.0.2:80 -g -w 0');
  // Also where it is the only one.
  expect(applyExitCode([lb2!])).toBe(EXIT.partial);
});

test('boot files that can not be written: the table is confirmed by then, and goes back', async () => {
  let isConfirmed = false;
  const connect: Connect<Login> = async (director) => {
    const runner = await connectSsh(director);
    return {
      ...runner,
      run: (script, options) => {
        if (!isConfirmed) return runner.run(script, options);
        isConfirmed = false;
        return Promise.reject(
          new TransportError('command-failed', director.name, 'its boot file could not be written'),
        );
      },
    };
  };
  const onEvent: ApplyHooks['onEvent'] = (director, { kind }) => {
    // The first part is followed by a drain, the second by the boot files.
    if (director === 'lb2' && kind === 'confirmed') isConfirmed = !sim.directors[1]!.rules().includes('10.0.0.2'); // prettier-ignore
  };
  const reports = await apply({ persist: true, connect, hooks: { onEvent } });
  expect(reports).toMatchObject([{ outcome: 'rolled-back' }, { outcome: 'rolled-back', error: { code: 'rolled-back' } }]); // prettier-ignore
  expect(reports[1]?.error?.message).toContain('its boot file could not be written');
  expect(rules()).toEqual(before);
});

test('a connection that is lost without a switch: what is in effect goes back over another one', async () => {
  const connect = answering(async (nth, run) => {
    const result = await run();
    if (nth === 1) throw new TransportError('connection-lost', 'lb2', 'the cable was pulled');
    return result;
  });
  const reports = await apply({ connect, settings: { confirmSeconds: 0 } });
  expect(reports).toMatchObject([{ outcome: 'rolled-back' }, { outcome: 'rolled-back', error: { code: 'rolled-back' } }]); // prettier-ignore
  expect(rules()).toEqual(before);
});

test('one that can not be put back stays changed, and says so', async () => {
  const { name, host, port, user, identityFile, hostKey } = sim.directors[0]!;
  const runner = await connectSsh({ name, host, port, user, identityFile, hostKey, agent: false });
  let lock: Promise<DirectorLock> | undefined;
  const { signal, onEvent } = interrupted();
  const hooks: ApplyHooks = {
    ...(signal !== undefined && { signal }),
    onEvent: (director, event) => {
      if (director === 'lb2' && event.kind === 'executing')
        lock ??= acquireLock({ name, sudo: false, runner, nonce: newNonce }, { stack: 'other', author: { by: 'bob' } });
      onEvent?.(director, event);
    },
  };
  const reports = await apply({ hooks });
  await (await lock)?.release();
  await runner.close();
  expect(reports).toMatchObject([{ outcome: 'failed', steps: 3, error: { code: 'interrupted' } }, { outcome: 'rolled-back' }]); // prettier-ignore
  expect(reports[0]?.error?.message).toContain(
    'lb1: it stays changed, because it could not be put back: locked by bob',
  );
  expect(applyExitCode(reports, true)).toBe(EXIT.partial);
});
