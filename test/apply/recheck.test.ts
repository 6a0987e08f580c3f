/** What is judged anew under the lock: connections that came after the review stop a change that would cut them. */
import type { DesiredStack } from '../../lib/model';
import { applyPlan, type ApplySettings, planStacks } from '../../lib/pipeline';
import { type Sim, type SimDirector, startSim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { server, service, WEB } from '../plan/tables';

let sim: Sim;
beforeEach(async () => {
  sim = await startSim({ directors: ['lb1', 'lb2'] });
});
afterEach(() => sim.close());

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
const BOTH = ['10.0.0.1', '10.0.0.2'];

function stackOf(addresses: readonly string[], directors: readonly SimDirector[]): DesiredStack {
  const services = [
    service(
      WEB,
      addresses.map((address) => server(address)),
    ),
  ];
  return {
    stack: 'edge',
    directors: directors.map(({ name, host, port, user, identityFile, hostKey }) => ({
      director: { name, host, port, user, identityFile, hostKey, agent: false },
      table: { services, marks: [], timeouts: {}, daemons: [] },
      policies: {},
      sources: {},
    })),
    gates: [],
    rollouts: [
      { fleet: 'table', waves: directors.map(({ name }) => [name]), size: directors.length, maxFailures: 0, minServing: 0, pauseSeconds: 0, onFailure: 'stop' }, // prettier-ignore
    ],
  };
}

/** @param meanwhile happens between the review and the change */
async function apply(
  addresses: readonly string[],
  directors: readonly SimDirector[],
  meanwhile: () => void = () => undefined,
  more: Partial<ApplySettings> = {},
) {
  const open = await planStacks([stackOf(addresses, directors)], { connect });
  try {
    meanwhile();
    return await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' }, ...more });
  } finally {
    await open.close();
  }
}

const busy = (director: SimDirector, active: number): void => {
  director.setConnections('10.0.0.2:80', { active });
};

test('connections that came after the review stop the change, unless they are allowed', async () => {
  const lb1 = sim.directors[0]!;
  await apply(BOTH, [lb1]);
  const [before, files] = [lb1.rules(), lb1.files()];
  const [report] = await apply(['10.0.0.1'], [lb1], () => {
    busy(lb1, 300);
  });
  expect(report).toMatchObject({ outcome: 'failed', steps: 0, error: { code: 'blocked' } });
  expect(report?.error?.message).toBe(
    'lb1: findings stop this change, nothing was changed:\n  lb1/tcp/192.0.2.10:80/10.0.0.2:80: is removed with 300 active connections [active-connections]',
  );
  expect(report?.error?.hint).toBe('plan again and review it; `--allow active-connections` lets it pass');
  expect(lb1.rules()).toBe(before);
  expect(lb1.files()['/var/lib/lvsform/edge.json']).toBe(files['/var/lib/lvsform/edge.json']);
  expect(lb1.files()['/var/lib/lvsform/edge.undo/plan']).toBe(files['/var/lib/lvsform/edge.undo/plan']);

  busy(lb1, 0);
  const meanwhile = (): void => {
    busy(lb1, 300);
  };
  expect(await apply(['10.0.0.1'], [lb1], meanwhile, { allowed: ['active-connections'] })).toMatchObject([
    { outcome: 'applied' },
  ]);
  expect(lb1.rules()).not.toContain('10.0.0.2');
});

test('what the review had already found stays reviewed when its numbers change', async () => {
  const lb1 = sim.directors[0]!;
  await apply(BOTH, [lb1]);
  busy(lb1, 2);
  const meanwhile = (): void => {
    busy(lb1, 300);
  };
  expect(await apply(['10.0.0.1'], [lb1], meanwhile)).toMatchObject([{ outcome: 'applied' }]);
});

test('in a rollout, a director whose clients came meanwhile is a failed one', async () => {
  await apply(BOTH, sim.directors);
  const [lb1, lb2] = [sim.directors[0]!, sim.directors[1]!];
  const before = lb2.rules();
  const reports = await apply(['10.0.0.1'], sim.directors, () => {
    busy(lb2, 5);
  });
  expect(reports).toMatchObject([{ outcome: 'applied' }, { outcome: 'failed', error: { code: 'blocked' } }]);
  expect(lb1.rules()).not.toContain('10.0.0.2');
  expect(lb2.rules()).toBe(before);
});
