/** An apply with its net, against a real director: what is recorded, who holds the lock, and what is put back when it goes wrong. */
import { setTimeout as wait } from 'node:timers/promises';
import { acquireLock, fetchLive, readHolder, takeBack } from '../../lib/apply';
import { SILENCE_SECONDS } from '../../lib/dialect/lock-script';
import { type DesiredStack, type Director, recordName, type VirtualService } from '../../lib/model';
import { applyPlan, type ApplySettings, planStacks } from '../../lib/pipeline';
import { createSshConnector, newNonce } from '../../lib/transport';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { server, service } from '../plan/tables';
import { SilentProxy } from '../safe/silent-proxy';

jest.setTimeout(600_000);

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
const SETTINGS: ApplySettings = { tool: '0.1.0', author: { by: 'ada@test', commit: 'abc123' }, confirmSeconds: 600 };

const asDirector = ({ host, port, identityFile, hostKey }: LabDirector, through = port): Director => ({
  name: 'lb1', host, port: through, user: 'lvsform', sudo: true, identityFile, hostKey, agent: false,
}); // prettier-ignore

const web = (port: number, ...weights: number[]): VirtualService =>
  service(
    { by: 'address', protocol: 'tcp', address: '192.168.74.88', port },
    weights.map((weight, at) => server(`192.168.74.${129 + at}`, { port, weight })),
  );

describeLab('an apply with a net', () => {
  let lab: Lab;
  let director: LabDirector;

  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    director = await lab.director();
  });
  afterEach(() => director.release());

  const stackOf = (...services: VirtualService[]): DesiredStack => ({
    stack: 'edge',
    directors: [{ director: asDirector(director), table: { services, marks: [], timeouts: {}, daemons: [] }, policies: {}, sources: {} }],
    gates: [],
  }); // prettier-ignore

  async function apply(stack: DesiredStack, settings = SETTINGS) {
    const open = await planStacks([stack], { connect });
    try {
      return { plan: open.plan, reports: await applyPlan(open, settings) };
    } finally {
      await open.close();
    }
  }

  async function access(port?: number) {
    const runner = await connect(asDirector(director, port));
    return { name: 'lb1', sudo: true, runner, nonce: newNonce };
  }

  const rules = () => director.listing('-Sn');

  test('records what it made, and removes what is no longer declared', async () => {
    await director.ok(['ipvsadm', '-A', '-t', '192.168.74.90:1', '-s', 'rr']);
    const first = await apply(stackOf(web(80, 1, 2), web(81, 1)));
    expect(first.reports).toMatchObject([{ outcome: 'applied' }]);
    const reader = await access();
    const live = await fetchLive(reader, 'LVSFORM-edge');
    expect(live.records.ledgers['edge']).toMatchObject({
      stack: 'edge',
      author: { by: 'ada@test', commit: 'abc123' },
      entries: ['tcp/192.168.74.88:80', 'tcp/192.168.74.88:81'],
    });
    expect(live.records.undo['edge']).toMatchObject({ state: 'confirmed' });
    expect(await readHolder(reader)).toBeNull();
    await reader.runner.close();

    expect((await apply(stackOf(web(80, 1, 2)))).reports).toMatchObject([{ outcome: 'applied' }]);
    const left = await rules();
    expect(left).not.toContain(':81');
    expect(left).toContain('-A -t 192.168.74.90:1 -s rr');
    expect((await apply(stackOf(web(80, 1, 2)))).reports).toMatchObject([{ outcome: 'unchanged' }]);
  });

  test('rollback by hand takes the last apply back, once', async () => {
    await apply(stackOf(web(80, 1, 2)));
    const before = await rules();
    await apply(stackOf(web(80, 5, 2), web(443, 1)));
    const there = await access();
    const lock = await acquireLock(there, { stack: 'edge', author: SETTINGS.author });
    await wait(2000);
    const header = { token: lock.token, record: recordName('edge') };
    expect(await takeBack(there, header)).toMatchObject({ state: 'undone' });
    expect(await rules()).toBe(before);
    expect(await takeBack(there, header)).toMatchObject({ state: 'undone' });
    expect(await rules()).toBe(before);
    await lock.release();
    await there.runner.close();
  });

  test('a refused command leaves the director as it was', async () => {
    await apply(stackOf(web(80, 1, 2)));
    const before = await rules();
    const broken = { ...web(82, 1), scheduler: 'twos' };
    const { reports } = await apply(stackOf(web(80, 4, 4), web(81, 1), broken));
    expect(reports).toMatchObject([{ outcome: 'rolled-back', error: { code: 'rolled-back' } }]);
    expect(reports[0]?.error?.message).toContain('Scheduler or persistence engine not found');
    expect(await rules()).toBe(before);
  });

  test('the second of two applies is told who holds the lock', async () => {
    const there = await access();
    const lock = await acquireLock(there, { stack: 'other', author: { by: 'bob@build-7', job: 'https://ci/42' } });
    const { reports } = await apply(stackOf(web(80, 1)));
    expect(reports).toMatchObject([{ outcome: 'failed', error: { code: 'locked' } }]);
    expect(reports[0]?.error?.message).toMatch(/locked by bob@build-7 for stack other since .*, https:\/\/ci\/42/);
    expect(await rules()).toBe('');
    setTimeout(() => void lock.release(), 1500);
    expect((await apply(stackOf(web(80, 1)), { ...SETTINGS, lockWaitSeconds: 30 })).reports).toMatchObject([
      { outcome: 'applied' },
    ]);
    await there.runner.close();
  });

  test('a director without bash keeps a lock while its client lives, and no longer', async () => {
    await director.ok(['sed', '-i', 's:/bin/bash$:/bin/sh:', '/etc/passwd']);
    await director.ok(['rm', '/bin/bash']);
    const network = await SilentProxy.open(director.port);
    const [holder, other] = [await access(network.port), await access()];
    expect(await other.runner.run('command -v bash || echo none')).toMatchObject({ stdout: 'none\n' });
    await acquireLock(holder, { stack: 'edge', author: SETTINGS.author });
    await wait(1.5 * SILENCE_SECONDS * 1000);
    expect(await readHolder(other)).toMatchObject({ author: SETTINGS.author });
    network.cut(false);
    await (await acquireLock(other, { stack: 'edge', author: { by: 'bob@test' }, waitSeconds: 60 })).release();
    await Promise.all([holder, other].map(({ runner }) => runner.close()));
    network.close();
  });
});
