/** Drains on a simulated director: who waits, how it ends, and what an interruption leaves. */
import type { Meaning } from '../../lib/artefact';
import { type DesiredStack, type DirectorTable, Ledger, type MarkRule, type ServicePolicy } from '../../lib/model';
import { applyPlan, type ApplyHooks, planStacks } from '../../lib/pipeline';
import { type Sim, startSim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { DirectorLink } from '../../providers/terraform/directors/link';
import { virtualService } from '../../providers/terraform/resources/virtual-service';
import { MARKED, markRule, server, service, WEB } from '../plan/tables';

let sim: Sim;
beforeEach(async () => {
  sim = await startSim();
});
afterEach(() => sim.close());

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
const WEB_ID = 'tcp/192.0.2.10:80';

function lb1(): Sim['directors'][number] {
  const [director] = sim.directors;
  if (director === undefined) throw new Error('no director');
  return director;
}

async function apply(addresses: readonly string[], policy: ServicePolicy = {}, hooks: ApplyHooks = {}) {
  const services = addresses.length === 0 ? [] : [service(WEB, addresses.map((address) => server(address)))]; // prettier-ignore
  return applyTable({ services }, { [WEB_ID]: policy }, hooks);
}

async function applyTable(
  content: Partial<DirectorTable>,
  policies: Record<string, ServicePolicy>,
  hooks: ApplyHooks = {},
) {
  const { name, host, port, user, identityFile, hostKey } = lb1();
  const stack: DesiredStack = {
    stack: 'edge',
    directors: [
      {
        director: { name, host, port, user, identityFile, hostKey, agent: false },
        table: { services: [], marks: [], daemons: [], ...content, timeouts: {} },
        policies,
        sources: {},
      },
    ],
    gates: [],
  };
  const open = await planStacks([stack], { connect });
  try {
    const [report] = await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' } }, hooks);
    return report;
  } finally {
    await open.close();
  }
}

const drain = { timeoutSeconds: 60 };
const BOTH = ['10.0.0.1', '10.0.0.2'];

test('a real server is removed as soon as its connections are over, and the service is never without the other', async () => {
  await apply(BOTH, { drain });
  lb1().setConnections('10.0.0.2:80', { active: 3 });
  const heard: string[] = [];
  const report = await apply(['10.0.0.1'], { drain }, {
    onEvent: (_, event) => {
      heard.push(event.kind);
      if (event.kind !== 'draining') return;
      expect(event.progress[0]).toMatchObject({ service: WEB_ID, server: '10.0.0.2:80' });
      expect(lb1().rules()).toContain('-r 10.0.0.2:80 -g -w 0');
      lb1().setConnections('10.0.0.2:80', { active: 0 });
    },
  }); // prettier-ignore
  expect(report).toMatchObject({ outcome: 'applied', drained: [{ server: '10.0.0.2:80', endedBy: 'drained' }] });
  expect(heard.filter((kind) => kind === 'confirmed')).toHaveLength(2);
  expect(lb1().rules()).toBe('-A -t 192.0.2.10:80 -s wrr\n-a -t 192.0.2.10:80 -r 10.0.0.1:80 -g -w 1\n');
}, 60_000);

test('a service that is no longer declared is drained as its ledger remembers, and its time is up some day', async () => {
  await apply(BOTH, { drain: { timeoutSeconds: 1 } });
  lb1().setConnections('10.0.0.2:80', { active: 3 });
  const report = await apply([]);
  expect(report).toMatchObject({
    outcome: 'applied',
    drained: [
      { server: '10.0.0.1:80', endedBy: 'drained' },
      { server: '10.0.0.2:80', endedBy: 'timeout', connections: 3 },
    ],
  });
  expect(lb1().rules()).toBe('');
}, 60_000);

test('an interrupted drain says so; declared again, the server serves again', async () => {
  await apply(BOTH, { drain });
  lb1().setConnections('10.0.0.2:80', { active: 3 });
  const stop = new AbortController();
  const report = await apply(['10.0.0.1'], { drain }, { signal: stop.signal, onEvent: (_, { kind }) => { if (kind === 'draining') stop.abort(); } }); // prettier-ignore
  expect(report).toMatchObject({ outcome: 'failed', error: { code: 'interrupted' } });
  expect(lb1().rules()).toContain('-r 10.0.0.2:80 -g -w 0');
  expect(await apply(BOTH, { drain })).toMatchObject({ outcome: 'applied' });
  expect(lb1().rules()).toContain('-r 10.0.0.2:80 -g -w 1');
}, 60_000);

test.each([
  ['UDP', ['udp'], { endedBy: 'timeout', connections: 400 }],
  ['TCP', ['tcp'], { endedBy: 'drained', connections: 0 }],
  ['TCP and UDP', ['tcp', 'udp'], { endedBy: 'timeout', connections: 400 }],
] as const)(
  'flows of %s by mark: UDP has inactive connections only',
  async (_what, protocols, ended) => {
    const marks = protocols.map((protocol): MarkRule => markRule({ protocol, ports: ['53'] }));
    const services = (names: string[]) => [service(MARKED, names.map((name) => server(name, { port: 0 })))]; // prettier-ignore
    const policies = { 'fwm/12': { drain: { timeoutSeconds: 1 } } };
    await applyTable({ marks, services: services(BOTH) }, policies);
    lb1().setConnections('10.0.0.2:0', { inactive: 400 });
    const report = await applyTable({ marks, services: services(['10.0.0.1']) }, policies);
    expect(report).toMatchObject({ outcome: 'applied', drained: [{ server: '10.0.0.2:0', ...ended }] });
  },
  60_000,
);

describe('with keepLiveWeights, declared again after a drain that was cut short', () => {
  const policy = { drain, keepLiveWeights: true };
  const SERVER = '10.0.0.2:80';
  const ledger = (): Ledger => Ledger.parse(JSON.parse(lb1().files()['/var/lib/lvsform/edge.json'] ?? 'null'));
  const setWeight = (weight: number): void => {
    const words = ['ipvsadm', '-e', '-t', '192.0.2.10:80', '-r', SERVER, '-g', '-w', String(weight)];
    expect(lb1().exec(words)).toMatchObject({ code: 0 });
  };
  const weight = (): string | undefined => /10\.0\.0\.2:80 -g -w (\d+)/.exec(lb1().rules())?.[1];

  /** @param before the weight it had, where an operator had set one */
  async function cutShort(before?: number): Promise<void> {
    await apply(BOTH, policy);
    if (before !== undefined) setWeight(before);
    lb1().setConnections(SERVER, { active: 3 });
    const stop = new AbortController();
    await apply(['10.0.0.1'], policy, { signal: stop.signal, onEvent: (_, { kind }) => { if (kind === 'draining') stop.abort(); } }); // prettier-ignore
    expect(weight()).toBe('0');
  }

  test('a real server gets its weight back, once: a 0 that comes later is the operator’s', async () => {
    await cutShort();
    expect(ledger().quiesced).toEqual([`${WEB_ID}/${SERVER}`]);
    // Another attempt that is cut short finds it at 0 already.
    const stop = AbortSignal.abort();
    await apply(['10.0.0.1'], policy, { signal: stop });
    expect(ledger().quiesced).toEqual([`${WEB_ID}/${SERVER}`]);
    expect(await apply(BOTH, policy)).toMatchObject({ outcome: 'applied', steps: 1 });
    expect(weight()).toBe('1');
    expect(ledger()).not.toHaveProperty('quiesced');
    setWeight(0);
    expect(await apply(BOTH, policy)).toMatchObject({ outcome: 'unchanged' });
    expect(weight()).toBe('0');
  });

  test('one that an operator gave another weight meanwhile keeps that', async () => {
    await cutShort();
    setWeight(7);
    // Only the ledger has something to forget.
    expect(await apply(BOTH, policy)).toMatchObject({ outcome: 'applied', steps: 0 });
    expect(ledger()).not.toHaveProperty('quiesced');
    setWeight(0);
    expect(await apply(BOTH, policy)).toMatchObject({ outcome: 'unchanged' });
    expect(weight()).toBe('0');
  });

  test('one whose 0 was an operator’s before keeps it', async () => {
    await cutShort(0);
    expect(ledger()).not.toHaveProperty('quiesced');
    expect(await apply(BOTH, policy)).toMatchObject({ outcome: 'unchanged' });
    expect(weight()).toBe('0');
  });

  test('with its whole service', async () => {
    await cutShort();
    lb1().setConnections('10.0.0.1:80', { active: 1 });
    const stop = new AbortController();
    await apply([], {}, { signal: stop.signal, onEvent: (_, { kind }) => { if (kind === 'draining') stop.abort(); } }); // prettier-ignore
    expect(ledger().quiesced).toEqual([`${WEB_ID}/10.0.0.1:80`, `${WEB_ID}/${SERVER}`]);
    expect(await apply(BOTH, policy)).toMatchObject({ outcome: 'applied', steps: 2 });
    expect(lb1().rules()).not.toContain('-w 0');
  });

  test('a drain that comes to its end leaves nothing to remember', async () => {
    await cutShort();
    lb1().setConnections(SERVER, { active: 0 });
    expect(await apply(['10.0.0.1'], policy)).toMatchObject({ outcome: 'applied' });
    expect(ledger()).not.toHaveProperty('quiesced');
  });

  test('under terraform it is drift, and another resource’s change does not forget it', async () => {
    await cutShort();
    const { name, host, port, user, identityFile, hostKey } = lb1();
    const director = { name, host, port, user, identityFile, hostKey, agent: false };
    const link = new DirectorLink(
      { stack: 'edge', director, connect, author: { by: 'ada@test' }, tool: '0.1.0', allowed: [] },
      new AbortController().signal,
    );
    try {
      await link.change({ drop: [], put: [{ on: 'service', service: service(MARKED) }] });
      expect(ledger().quiesced).toEqual([`${WEB_ID}/${SERVER}`]);
      const known = service(WEB, [server('10.0.0.1'), server('10.0.0.2')]);
      const state = { keep_live_weights: true, real_servers: { rs1: {}, rs2: {} } };
      const meaning = { issues: [], entries: [{ on: 'service', service: known }] } as unknown as Meaning;
      const seen = async (): Promise<unknown> => virtualService.look(await link.live(), meaning, state);
      expect(await seen()).toMatchObject({ real_servers: { rs1: { weight: 1 }, rs2: { weight: 0 } } });
      await link.change({ drop: [], put: [{ on: 'service', service: known }], policy });
      expect(weight()).toBe('1');
      setWeight(0);
      expect(await seen()).toMatchObject({ real_servers: { rs1: { weight: 1 }, rs2: { weight: 1 } } });
    } finally {
      await link.close();
    }
  });
});
