/** Rollouts over sixteen real directors: a canary that is not well, and a director that is cut off in the middle. */
import { type DesiredRollout, type DesiredStack, type Director, ApplyError } from '../../lib/model';
import { applyPlan, type ApplyHooks, type ApplyReport, planStacks } from '../../lib/pipeline';
import { createSshConnector } from '../../lib/transport';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { server, service } from '../plan/tables';
import { SilentProxy } from '../safe/silent-proxy';

jest.setTimeout(600_000);

const COUNT = 16;
const MIN_SERVING = 12;
const CONFIRM_SECONDS = 20;

/** Silence is noticed soon. */
const connect = createSshConnector({ env: { HOME: '/nonexistent' }, keepaliveMs: 1000, connectTimeoutMs: 40_000 });
const impatient = createSshConnector({ env: { HOME: '/nonexistent' }, keepaliveMs: 1000, connectTimeoutMs: 8000 });

describeLab('a rollout', () => {
  let lab: Lab;
  let machines: LabDirector[];
  let proxy: SilentProxy;

  beforeAll(async () => {
    lab = await startLab();
    machines = await lab.directors(COUNT);
    proxy = await SilentProxy.open(machines[9]!.port);
  });
  afterAll(async () => {
    proxy.close();
    await lab.close();
  });

  const names = Array.from({ length: COUNT }, (_, i) => `lb${i + 1}`);

  /** @param ninth port of the 9th director of the batch */
  function stackOf(weight: number, rollout: Partial<DesiredRollout>, ninth?: number): DesiredStack {
    const web = service({ by: 'address', protocol: 'tcp', address: '192.168.74.88', port: 80 }, [
      server('192.168.74.129', { port: 80, weight }),
    ]);
    const directors = machines.map(({ host, port, identityFile, hostKey }, at): Director => ({
      name: names[at]!, host, port: at === 9 ? (ninth ?? port) : port, user: 'lvsform', sudo: true, identityFile, hostKey, agent: false,
    })); // prettier-ignore
    const limits = {
      size: COUNT,
      maxFailures: 0,
      minServing: MIN_SERVING,
      pauseSeconds: 0,
      onFailure: 'stop' as const,
    };
    return {
      stack: 'edge',
      directors: directors.map((director) => ({
        director,
        table: { services: [web], marks: [], timeouts: {}, daemons: [] },
        policies: {},
        sources: {},
      })),
      gates: [],
      rollouts: [{ fleet: 'table', waves: [[names[0]!], names.slice(1)], ...limits, ...rollout }],
    };
  }

  async function apply(stack: DesiredStack, hooks: ApplyHooks = {}, connector = connect): Promise<ApplyReport[]> {
    const open = await planStacks([stack], { connect: connector, parallelism: 8 });
    try {
      return await applyPlan(
        open,
        { tool: '0.1.0', author: { by: 'ada@test' }, confirmSeconds: CONFIRM_SECONDS },
        hooks,
      );
    } finally {
      await open.close();
    }
  }

  const weights = (): Promise<(string | undefined)[]> =>
    Promise.all(machines.map(async (machine) => / -w (\d+)/.exec(await machine.listing('-Sn'))?.[1]));

  test('a canary that fails its check is put back, and the other fifteen are not touched', async () => {
    const reports = await apply(
      stackOf(1, { onFailure: 'rollback-batch', check: { url: 'http://192.168.74.88/', timeoutSeconds: 5 } }),
      {
        onCheck: () => Promise.reject(new ApplyError('check-failed', 'table', 'not well')),
      },
    );
    expect(reports.map(({ outcome }) => outcome)).toEqual(['rolled-back', ...names.slice(1).map(() => 'skipped')]);
    expect(await weights()).toEqual(names.map(() => undefined));
  });

  test('the ninth of a batch of fifteen is cut off: the floor holds, the report names it, the next run finishes it', async () => {
    const flying = new Set<string>();
    const failed = new Set<string>();
    const serving: number[] = [];
    const sample = (): void => void serving.push(COUNT - flying.size - failed.size);
    const sampler = setInterval(sample, 20);
    const reports = await apply(
      stackOf(2, { maxFailures: 1 }, proxy.port),
      {
        onFleet: (event) => {
          if (event.kind === 'begun') flying.add(event.director);
          sample();
        },
        onEvent: (director, event) => {
          if (director === 'lb10' && event.kind === 'locked') proxy.cut(false);
        },
        onDirector: ({ director, outcome }) => {
          flying.delete(director);
          if (outcome === 'failed' || outcome === 'rolled-back') failed.add(director);
          sample();
        },
      },
      // Only who was cut off is given up soon: a busy lab may take its time to let sixteen log in.
      (target) => (proxy.isCut && target.name === 'lb10' ? impatient : connect)(target),
    );
    clearInterval(sampler);
    expect(proxy.isCut).toBe(true);
    expect(Math.min(...serving)).toBeGreaterThanOrEqual(MIN_SERVING);
    expect(Math.min(...serving)).toBeLessThan(COUNT - 1);
    expect(serving.length).toBeGreaterThan(COUNT * 2);
    const bad = reports.filter(({ outcome }) => outcome !== 'applied');
    expect(bad).toMatchObject([{ director: 'lb10', outcome: 'failed' }]);
    expect((await weights()).filter((weight) => weight === '2').length).toBeGreaterThanOrEqual(COUNT - 1);

    // A director whose client is gone frees its lock, and what was not verified, by itself.
    await new Promise((resolve) => setTimeout(resolve, (CONFIRM_SECONDS + 10) * 1000));
    const again = await apply(stackOf(2, {}));
    expect(again.map(({ outcome }) => outcome)).toEqual(
      names.map((name) => (name === 'lb10' ? 'applied' : 'unchanged')),
    );
    expect(await weights()).toEqual(names.map(() => '2'));
  });
});
