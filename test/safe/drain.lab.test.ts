/** Removal of what still has connections: they survive until they end, or until the drain's time is up. */
import { setTimeout as wait } from 'node:timers/promises';
import type { ApplyEvent } from '../../lib/apply';
import { type DesiredDirector, serviceId, type VirtualService } from '../../lib/model';
import { describeLab, type Lab, startLab } from '../lab/lab';
import { server, service, table } from '../plan/tables';
import { Bench, connectSsh } from './bench';

jest.setTimeout(600_000);

const KEY = { by: 'address', protocol: 'tcp', address: '192.168.74.88', port: 7 } as const;
const ID = serviceId(KEY);

const echo = (...weights: number[]): VirtualService =>
  service(
    KEY,
    weights.map((weight, at) => server(['192.168.74.129', '192.168.74.133'][at] ?? '', { port: 7, weight })),
    { scheduler: 'rr' },
  );
const only = (...services: VirtualService[]) => table({ services });
const draining = (timeoutSeconds: number): DesiredDirector['policies'] => ({ [ID]: { drain: { timeoutSeconds } } });

describeLab('what still has connections', () => {
  let lab: Lab;
  let bench: Bench;

  beforeAll(async () => {
    lab = await startLab();
    bench = await Bench.open(lab);
    await bench.director.ensureTraffic();
  });
  afterAll(async () => {
    await bench.close();
    await lab.close();
  });

  const rules = () => bench.director.listing('-Sn');

  /** Two connections, one to each real server. */
  async function holdBoth() {
    const held = [await bench.director.client.hold(KEY.address), await bench.director.client.hold(KEY.address)];
    const names = await Promise.all(held.map(async (one) => (await one.say('hello')).slice(0, 3)));
    expect([...names].sort()).toEqual(['rs1', 'rs2']);
    const [rs1, rs2] = names[0] === 'rs1' ? held : [held[1], held[0]];
    if (rs1 === undefined || rs2 === undefined) throw new Error('no connection');
    return { rs1, rs2 };
  }

  test('a removed real server keeps its connection until it ends, and is removed at once then', async () => {
    expect(await bench.apply(only(echo(1, 1)), { policies: draining(60) })).toMatchObject({ outcome: 'applied' });
    const { rs1, rs2 } = await holdBoth();
    const events: ApplyEvent[] = [];
    const applying = bench.apply(only(echo(1)), {
      policies: draining(60),
      connect: connectSsh,
      hooks: { onEvent: (_, event) => events.push(event) },
    });
    while (!events.some(({ kind }) => kind === 'draining')) await wait(100);
    expect(await rs2.say('still')).toBe('rs2-still');
    expect(await bench.director.client.get('tcp://192.168.74.88:7', 4)).toMatchObject({ servers: { rs1: 4 } });
    expect(await rules()).toContain('-r 192.168.74.133:7 -g -w 0');
    await rs2.close();
    const report = await applying;
    expect(report).toMatchObject({ outcome: 'applied', drained: [{ service: ID, server: '192.168.74.133:7', endedBy: 'drained' }] }); // prettier-ignore
    expect(await rules()).not.toContain('192.168.74.133');
    const counts = events.flatMap((event) => (event.kind === 'draining' ? event.progress.map(({ connections }) => connections) : [])); // prettier-ignore
    expect(counts[0]).toBe(1);
    expect(counts.at(-1)).toBe(0);
    expect(await rs1.say('too')).toBe('rs1-too');
    await rs1.close();
  });

  test('an interrupted drain is picked up by the next plan; a server that is declared again serves again', async () => {
    expect(await bench.apply(only(echo(1, 3)), { policies: draining(60) })).toMatchObject({ outcome: 'applied' });
    const { rs1, rs2 } = await holdBoth();
    const stop = new AbortController();
    const interrupted = bench
      .apply(only(echo(1)), {
        policies: draining(60),
        hooks: { signal: stop.signal, onEvent: (_, { kind }) => { if (kind === 'draining') stop.abort(); } }, // prettier-ignore
      })
      .catch((error: unknown) => error);
    await interrupted;
    await bench.atRest();
    expect(await rules()).toContain('-r 192.168.74.133:7 -g -w 0');
    expect(await rs2.say('still')).toBe('rs2-still');

    expect(await bench.apply(only(echo(1, 3)), { policies: draining(60) })).toMatchObject({ outcome: 'applied' });
    expect(await rules()).toContain('-r 192.168.74.133:7 -g -w 3');

    // Removed again, and interrupted again: the next apply waits for what is left, and no longer than it may.
    const again = new AbortController();
    await bench
      .apply(only(echo(1)), {
        policies: draining(60),
        hooks: { signal: again.signal, onEvent: (_, { kind }) => { if (kind === 'draining') again.abort(); } }, // prettier-ignore
      })
      .catch(() => undefined);
    expect(await bench.apply(only(echo(1)), { policies: draining(3) })).toMatchObject({
      outcome: 'applied',
      drained: [{ server: '192.168.74.133:7', connections: 1, endedBy: 'timeout' }],
    });
    expect(await rules()).not.toContain('192.168.74.133');
    await Promise.all([rs1.close(), rs2.close()]);
  });

  test('a service that is no longer declared is drained as its ledger remembers', async () => {
    expect(await bench.apply(only(echo(2)), { policies: draining(4) })).toMatchObject({ outcome: 'applied' });
    const held = await bench.director.client.hold(KEY.address);
    await held.say('hello');
    expect(await bench.apply(only())).toMatchObject({ outcome: 'applied', drained: [{ endedBy: 'timeout' }] });
    expect(await bench.director.listing('-Sn')).not.toContain('192.168.74.88');
    await held.close();
  });

  test('persistence keeps sending clients to what drains: the plan says so', async () => {
    const sticky = (...weights: number[]): VirtualService => ({
      ...echo(...weights),
      persistence: { timeoutSeconds: 300, netmask: '255.255.255.255' },
    });
    await bench.director.ok(['sysctl', '-w', 'net.ipv4.vs.expire_quiescent_template=0']);
    expect(await bench.apply(only(sticky(1, 1)), { policies: draining(5) })).toMatchObject({ outcome: 'applied' });
    const warnings = async () =>
      (await bench.findings(only(sticky(1)), { policies: draining(5) })).filter(
        ({ code }) => code === 'drain-persistent',
      );
    expect(await warnings()).toMatchObject([
      { severity: 'warning', hint: expect.stringContaining('net.ipv4.vs.expire_quiescent_template=1') as string },
    ]);
    await bench.director.ok(['sysctl', '-w', 'net.ipv4.vs.expire_quiescent_template=1']);
    expect(await warnings()).toEqual([]);
  });
});
