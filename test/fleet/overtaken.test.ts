/** A rollout that goes back after somebody else has applied the same stack: what is not its own stays as it is. */
import { Duration, Director, Fleet, Listen, Rollout } from '../../lib/constructs';
import { loadStack } from '../../lib/artefact';
import { applyExitCode } from '../../lib/cli/carry-out';
import { EXIT } from '../../lib/cli/command';
import { applyPlan, type ApplyHooks, type ApplyReport, planStacks } from '../../lib/pipeline';
import { type Sim, type SimDirector, type SimOptions, startSim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { synth } from '../constructs/program';

let sim: Sim;
let options: SimOptions;
let lb1: SimDirector;
beforeEach(async () => {
  options = { directors: 2 };
  sim = await startSim(options);
  lb1 = sim.directors[0]!;
});
afterEach(() => sim.close());

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
const LEDGER = '/var/lib/lvsform/edge.json';

interface Program {
  ports?: readonly number[];
  drain?: number;
  only?: string;
}

async function apply({ ports = [80], drain, only }: Program, by: string, hooks: ApplyHooks = {}) {
  const json = synth((edge) => {
    const directors = sim.directors
      .filter(({ name }) => only === undefined || name === only)
      .map(({ name, host, port, user, identityFile, hostKey }) => new Director(edge, name, { host, port, user, identityFile, hostKey, agent: false })); // prettier-ignore
    const rollout = Rollout.batches(1).pause(Duration.seconds(1)).onFailure('rollback-all');
    const fleet = new Fleet(edge, 'table', { directors, rollout });
    for (const port of ports)
      fleet.addService(`web${port}`, { listen: Listen.tcp('192.0.2.1', port), ...(drain !== undefined && { drain: { timeout: Duration.seconds(drain) } }) }); // prettier-ignore
  });
  const open = await planStacks([loadStack('edge', json)], { connect });
  try {
    return await applyPlan(open, { tool: '0.1.0', author: { by } }, hooks);
  } finally {
    await open.close();
  }
}

/** Ada's rollout, with what somebody else does while it pauses, and a second wave that is refused. */
async function overtaken(ada: Program, meanwhile: () => Promise<unknown>): Promise<ApplyReport[]> {
  let other: Promise<unknown> | undefined;
  const reports = await apply(ada, 'ada@test', {
    onFleet: ({ kind }) => {
      if (kind === 'pause') other = meanwhile();
    },
    onEvent: (director, { kind }) => {
      // Between plan and change somebody else has been there.
      if (director === 'lb2' && kind === 'locked') sim.directors[1]!.exec(['ipvsadm', '-A', '-t', '192.0.2.1:80']);
    },
  });
  await other;
  return reports;
}

const OTHERS = { director: 'lb1', outcome: 'failed', steps: 2, error: { code: 'interrupted', message: 'lb1: it stays as it is: another apply came after this one' } }; // prettier-ignore

test('somebody else’s apply stays, and ours beneath it', async () => {
  const reports = await overtaken({ ports: [80, 81] }, () => apply({ ports: [80, 81, 99], only: 'lb1' }, 'bob@test'));
  expect(lb1.rules().match(/192\.0\.2\.1:\d+/g)).toEqual(['192.0.2.1:80', '192.0.2.1:81', '192.0.2.1:99']);
  expect(reports).toMatchObject([OTHERS, { director: 'lb2', outcome: 'failed' }]);
  expect(applyExitCode(reports, true)).toBe(EXIT.partial);
});

test('ours is not taken for put back because somebody else’s was', async () => {
  const reports = await overtaken({ ports: [80, 81] }, async () => {
    options.refuseNth = 3;
    const [bob] = await apply({ ports: [80, 81, 99], only: 'lb1' }, 'bob@test');
    delete options.refuseNth;
    expect(bob).toMatchObject({ outcome: 'rolled-back' });
  });
  expect(lb1.rules().match(/192\.0\.2\.1:\d+/g)).toEqual(['192.0.2.1:80', '192.0.2.1:81']);
  expect(reports[0]).toMatchObject(OTHERS);
});

test('a ledger that somebody else wrote since stays', async () => {
  await apply({ drain: 5, only: 'lb1' }, 'ada@test');
  let written: string | undefined;
  const reports = await overtaken({ drain: 6 }, async () => {
    await apply({ drain: 7, only: 'lb1' }, 'bob@test');
    written = lb1.files()[LEDGER];
  });
  expect(written).toContain('bob@test');
  expect(lb1.files()[LEDGER]).toBe(written);
  expect(reports[0]).toMatchObject({ ...OTHERS, steps: 0 });
});

test('without anybody else all of it goes back', async () => {
  const reports = await overtaken({ ports: [80, 81] }, () => Promise.resolve());
  expect(lb1.rules()).toBe('');
  expect(reports[0]).toMatchObject({ outcome: 'rolled-back' });
});
