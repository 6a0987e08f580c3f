/** What is removed after a drain, on a director that has other operators: their edits, their refusals, and what is put back. */
import { Ledger, RECORDS_FOLDER, type SyncDaemon, type VirtualService } from '../../lib/model';
import { type ApplyHooks, applyPlan, planStacks } from '../../lib/pipeline';
import { type Sim, type SimDirector, startSim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { server, service, WEB } from '../plan/tables';

let sim: Sim;
let lb1: SimDirector;
afterEach(() => sim.close());

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
const WEB_ID = 'tcp/192.0.2.10:80';
const OTHER = { ...WEB, address: '192.0.2.20' };
const LEFTOVER = service(OTHER, [server('10.0.1.1')]);
const web = (...weights: number[]): VirtualService =>
  service(
    WEB,
    weights.map((weight, at) => server(`10.0.0.${1 + at}`, { weight })),
  );

async function plan(services: VirtualService[], daemons: SyncDaemon[] = []) {
  const { name, host, port, user, identityFile, hostKey } = lb1;
  const director = { name, host, port, user, identityFile, hostKey, agent: false };
  const policies = { [WEB_ID]: { drain: { timeoutSeconds: 2 } } };
  const table = { services, marks: [], timeouts: {}, daemons };
  return planStacks([{ stack: 'edge', directors: [{ director, table, policies, sources: {} }], gates: [] }], {
    connect,
  });
}

async function apply(services: VirtualService[], hooks: ApplyHooks = {}, daemons: SyncDaemon[] = []) {
  const open = await plan(services, daemons);
  try {
    const [report] = await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' } }, hooks);
    if (report === undefined) throw new Error('nothing was planned');
    return report;
  } finally {
    await open.close();
  }
}

async function planned(services: VirtualService[]): Promise<string[]> {
  const open = await plan(services);
  await open.close();
  return open.plan.directors.flatMap((entry) => ('changes' in entry ? entry.changes.map(({ action, id }) => `${action} ${id}`) : [])); // prettier-ignore
}

/** Does something on the director once, while real servers are drained. */
function meanwhile(...commands: string[]): ApplyHooks {
  let left = commands;
  return {
    onEvent: (_, { kind }) => {
      if (kind !== 'draining') return;
      for (const command of left) expect(lb1.exec(command.split(' '))).toMatchObject({ code: 0 });
      left = [];
    },
  };
}

const entries = (): string[] => Ledger.parse(JSON.parse(lb1.files()[`${RECORDS_FOLDER}/edge.json`] ?? 'null')).entries;

describe('the second real server is removed and still has connections', () => {
  beforeEach(async () => {
    sim = await startSim();
    lb1 = sim.directors[0]!;
    await apply([web(1, 1, 1), LEFTOVER]);
    lb1.setConnections('10.0.0.2:80', { active: 3 });
  });
  const wished = (): VirtualService[] => [service(WEB, [server('10.0.0.1', { weight: 5 }), server('10.0.0.3')])];

  test('what somebody else edits meanwhile stays, and stops the removal', async () => {
    const report = await apply(wished(), meanwhile('ipvsadm -e -t 192.0.2.10:80 -r 10.0.0.1:80 -g -w 0'));
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'interrupted' } });
    expect(report.error?.message).toBe(
      `lb1: somebody else changed it while real servers were drained: lb1/${WEB_ID}/10.0.0.1:80\n  what was drained is not removed, everything else is done`,
    );
    expect(lb1.rules()).toBe(
      '-A -t 192.0.2.10:80 -s wrr\n-a -t 192.0.2.10:80 -r 10.0.0.1:80 -g -w 0\n-a -t 192.0.2.10:80 -r 10.0.0.2:80 -g -w 0\n-a -t 192.0.2.10:80 -r 10.0.0.3:80 -g -w 1\n',
    );
    expect(await planned(wished())).toEqual([`update lb1/${WEB_ID}/10.0.0.1:80`, `delete lb1/${WEB_ID}/10.0.0.2:80`]);
  });

  test('somebody else gives it its weight back: it is wanted, and stays', async () => {
    const report = await apply(wished(), meanwhile('ipvsadm -e -t 192.0.2.10:80 -r 10.0.0.2:80 -g -w 4'));
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'interrupted' } });
    expect(lb1.rules()).toContain('-r 10.0.0.2:80 -g -w 4');
  });

  test('where nothing else was to be done, nothing was changed', async () => {
    await apply([web(1, 0, 1), LEFTOVER]);
    const report = await apply(
      [service(WEB, [server('10.0.0.1'), server('10.0.0.3')]), LEFTOVER],
      meanwhile('ipvsadm -e -t 192.0.2.10:80 -r 10.0.0.1:80 -g -w 0'),
    );
    expect(report).toMatchObject({ outcome: 'failed', error: { code: 'stale' } });
  });

  test('somebody else removes it first: there is nothing left to do but to record it', async () => {
    const report = await apply(wished(), meanwhile('ipvsadm -d -t 192.0.2.10:80 -r 10.0.0.2:80'));
    expect(report).toMatchObject({ outcome: 'applied' });
    expect(entries()).toEqual([WEB_ID]);
    expect(await planned(wished())).toEqual([]);
  });
});

test('an undo of the second part brings back what the first had made of the ledger', async () => {
  // Somebody else puts the server back as soon as it is removed.
  let others = 1;
  sim = await startSim({
    beforeCommand: (director) => {
      if (director.rules().includes('-r 10.0.0.2') || !director.rules().includes('-r 10.0.0.1:80 -g -w 5')) return;
      if (others-- > 0) director.exec('ipvsadm -a -t 192.0.2.10:80 -r 10.0.0.2:80 -g -w 9'.split(' '));
    },
  });
  lb1 = sim.directors[0]!;
  await apply([web(1, 1), LEFTOVER]);
  const report = await apply([web(5)]);
  expect(report).toMatchObject({ outcome: 'rolled-back' });
  expect(report.error?.message).toContain(`somebody else changed: ${WEB_ID}/10.0.0.2:80`);
  expect(lb1.rules()).toContain('-r 10.0.0.1:80 -g -w 1');
  expect(lb1.rules()).toContain('-r 10.0.1.1:80');
  expect(entries()).toEqual([WEB_ID, 'tcp/192.0.2.20:80']);
});

test('a sync daemon starts after a drained real server of the other family is gone: the kernel has not both', async () => {
  sim = await startSim();
  lb1 = sim.directors[0]!;
  const other = server('2001:db8::2', { forwarding: 'ipip', tunnel: { type: 'ipip' } });
  await apply([service(WEB, [server('10.0.0.1'), other])]);
  const daemon: SyncDaemon = { role: 'master', interface: 'eth0', syncId: 1, maxLength: null, group: '224.0.0.81', port: 8848, ttl: 1 }; // prettier-ignore
  const report = await apply([web(1)], {}, [daemon]);
  expect(report).toMatchObject({ outcome: 'applied', drained: [{ server: '[2001:db8::2]:80' }] });
});
