/** A simulated director that persists: what an apply leaves on its disk, and what a reboot would bring back. */
import type { DesiredStack } from '../../lib/model';
import { applyPlan, planStacks } from '../../lib/pipeline';
import { startSim, type Sim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { server, service, WEB } from '../plan/tables';

let sim: Sim;
beforeEach(async () => {
  sim = await startSim();
});
afterEach(() => sim.close());

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });

function stack(): DesiredStack {
  const [director] = sim.directors;
  if (director === undefined) throw new Error('no director');
  const { name, host, port, user, identityFile, hostKey } = director;
  const services = [service(WEB, [server('10.0.0.1'), server('10.0.0.2')])];
  return {
    stack: 'edge',
    directors: [
      {
        director: { name, host, port, user, identityFile, hostKey, agent: false, persist: true },
        table: { services, marks: [], timeouts: { tcpSeconds: 700 }, daemons: [] },
        policies: {},
        sources: {},
      },
    ],
    gates: [],
  };
}

async function apply(destroy = false) {
  const open = await planStacks([stack()], { connect, destroy });
  try {
    return {
      plan: open.plan.directors[0],
      reports: await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' } }),
    };
  } finally {
    await open.close();
  }
}

const files = () => sim.directors[0]?.files() ?? {};

test('an apply writes the boot files, the next has nothing to do, a foreign edit is put right, destroy removes it', async () => {
  const first = await apply();
  expect(first.plan).toMatchObject({ boot: true, findings: [{ code: 'boot-drift' }] });
  expect(first.reports).toMatchObject([{ outcome: 'applied' }]);
  expect(files()['/var/lib/lvsform/edge.boot']).toContain('entry -A -t 192.0.2.10:80 -s wrr');
  expect(files()['/etc/systemd/system/lvsform-boot.service']).toContain('[Service]');

  const second = await apply();
  expect(second.plan).not.toHaveProperty('boot');
  expect(second.reports).toMatchObject([{ outcome: 'unchanged' }]);

  sim.directors[0]?.exec(['ipvsadm', '-E', '-t', '192.0.2.10:80', '-s', 'rr']);
  expect((await apply()).reports).toMatchObject([{ outcome: 'applied', steps: 1 }]);

  expect((await apply(true)).reports).toMatchObject([{ outcome: 'applied' }]);
  expect(files()).not.toHaveProperty('/var/lib/lvsform/edge.boot');
}, 60_000);
