/** What a run asks of a fleet: so many directors at once, so many connections, and no command twice. */
import { type AddressInfo, createServer, type Server } from 'node:net';
import { once } from 'node:events';
import { recognizeScript } from '../../lib/dialect/recognize';
import { type DesiredStack, type Director, TransportError } from '../../lib/model';
import { applyPlan, type OpenPlan, planStacks } from '../../lib/pipeline';
import { type Sim, startSim } from '../../lib/sim';
import { type Connect, createSshConnector } from '../../lib/transport';
import { server, service } from '../plan/tables';

const COUNT = 40;
const PARALLELISM = 7;
const CONNECT_TIMEOUT_MS = 1500;
const SILENT = 'lb5';
const LOST = 'lb9';

const services = [80, 81, 82, 83, 84].map((port) =>
  service({ by: 'address', protocol: 'tcp', address: '192.0.2.1', port }, [server('10.0.0.1', { port })]),
);

let sim: Sim;
/** Takes connections and says nothing. */
let silent: Server;
beforeAll(async () => {
  sim = await startSim({ directors: COUNT, latencyMs: 5 });
  silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
});
afterAll(async () => {
  silent.close();
  await sim.close();
});

/** Counts what goes to each director; the connection to `LOST` is lost just after its change was sent. */
class Watch {
  readonly connects = new Map<string, number>();
  readonly guards = new Map<string, number>();
  mostConnecting = 0;
  private connecting = 0;
  private readonly real = createSshConnector({ env: { HOME: '/nonexistent' }, connectTimeoutMs: CONNECT_TIMEOUT_MS });

  readonly connect: Connect<Director> = async (director) => {
    const { name } = director;
    this.connects.set(name, (this.connects.get(name) ?? 0) + 1);
    this.mostConnecting = Math.max(this.mostConnecting, ++this.connecting);
    const runner = await this.real(director).finally(() => (this.connecting -= 1));
    return {
      ...runner,
      run: async (script, options) => {
        const result = await runner.run(script, options);
        if (recognizeScript(script)?.kind !== 'guard') return result;
        this.guards.set(name, (this.guards.get(name) ?? 0) + 1);
        if (name === LOST) throw new TransportError('connection-lost', name, 'the cable was pulled');
        return result;
      },
    };
  };
}

function stackOf(): DesiredStack {
  const directors = sim.directors.map(({ name, host, port, user, identityFile, hostKey }) => ({
    director: { name, host, port: name === SILENT ? (silent.address() as AddressInfo).port : port, user, identityFile, hostKey, agent: false },
    table: { services, marks: [], timeouts: {}, daemons: [] },
    policies: {},
    sources: {},
  })); // prettier-ignore
  const waves = [['lb1'], sim.directors.slice(1).map(({ name }) => name)];
  const rollout = { fleet: 'table', waves, size: COUNT, maxFailures: 2, minServing: 0, pauseSeconds: 0, onFailure: 'stop' as const }; // prettier-ignore
  return { stack: 'edge', directors, gates: [], rollouts: [rollout] };
}

test('never more directors at once than allowed, two connections each, one connect timeout for who is silent, no command twice', async () => {
  const watch = new Watch();
  let open: OpenPlan | undefined;
  try {
    open = await planStacks([stackOf()], { connect: watch.connect, parallelism: PARALLELISM });
    expect(watch.mostConnecting).toBe(PARALLELISM);
    expect(open.plan.directors.filter((one) => 'error' in one)).toMatchObject([
      { director: SILENT, error: { code: 'timeout' } },
    ]);
    let [flying, most] = [0, 0];
    const reports = await applyPlan(
      open,
      { tool: '0.1.0', author: { by: 'ada@test' } },
      {
        onFleet: ({ kind }) => (most = Math.max(most, kind === 'begun' ? ++flying : flying)),
        onDirector: ({ director }) => void (flying -= director === SILENT ? 0 : 1),
      },
    );
    expect(most).toBe(PARALLELISM);
    const bad = reports.filter(({ outcome }) => outcome !== 'applied').map(({ director }) => director);
    expect(bad.sort()).toEqual([SILENT, LOST].sort());
    expect(open.sessions).toEqual([]);
  } finally {
    await open?.close();
  }
  const expected = (silentOnes: number): [string, number][] =>
    sim.directors.map(({ name }) => [name, name === SILENT ? silentOnes : 2]);
  expect(Object.fromEntries(watch.connects)).toEqual(Object.fromEntries(expected(1)));
  expect(Object.fromEntries(watch.guards)).toEqual(
    Object.fromEntries(sim.directors.filter(({ name }) => name !== SILENT).map(({ name }) => [name, 1])),
  );
}, 60_000);
