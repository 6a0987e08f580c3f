/** Traps that only traffic shows: what the kernel does, and what an apply makes of it. */
import { connectSsh, newNonce } from '../../lib/transport';
import type { DirectorAccess } from '../../lib/apply';
import { executeSteps } from '../../lib/apply';
import type { RealServer, Step, VirtualService } from '../../lib/model';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { readLive, stepsTo, undo } from '../support/steps';

describeLab('traps that traffic shows', () => {
  let lab: Lab;
  let director: LabDirector;
  let access: DirectorAccess;

  beforeAll(async () => {
    lab = await startLab();
    director = await lab.director();
    const { name, host, port, user, identityFile, hostKey } = director;
    access = {
      name,
      sudo: false,
      runner: await connectSsh({ name, host, port, user, identityFile, hostKey }),
      nonce: newNonce,
    };
  }, 120_000);

  afterAll(async () => {
    await access.runner.close();
    await lab.close();
  });

  const server = (index: number, more: Partial<RealServer> = {}): RealServer => ({
    address: director.realServers[index]!.address,
    port: 7,
    forwarding: 'masquerading',
    tunnel: null,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    ...more,
  });

  const echo = (realServers: RealServer[], more: Partial<VirtualService> = {}): VirtualService => ({
    key: { by: 'address', protocol: 'tcp', address: director.vips[0]!, port: 7 },
    scheduler: 'rr',
    schedulerFlags: [],
    persistence: null,
    persistenceEngine: null,
    onePacket: false,
    realServers,
    ...more,
  });

  async function apply(service: VirtualService): Promise<Step[]> {
    const live = await readLive(access);
    const steps = stepsTo({ ...live.table, services: [service] }, live);
    expect(await executeSteps(steps, access)).toBeUndefined();
    return steps;
  }

  test('trap 8: a deleted server leaves its clients hanging, and the undo of the deletion gives them back', async () => {
    await apply(echo([server(0)]));
    const held = await director.client.hold(director.vips[0]!);
    expect(await held.say('a')).toBe('rs1-a');
    const removal = await apply(echo([server(1)]));
    await expect(held.say('lost', 1000)).rejects.toThrow('no answer');
    expect(held.ended).toBe(false);
    await undo(removal, access);
    // TCP sends the line again by itself: what comes first is the answer to it.
    expect(await held.say('b', 20_000)).toBe('rs1-lost');
    await held.close();
  }, 180_000);

  test('trap 9: weight 0 does not turn away a client that persistence binds', async () => {
    const persistence = { timeoutSeconds: 60, netmask: '255.255.255.255' };
    const first = [server(0), server(1, { weight: 0 })];
    await apply(echo(first, { persistence }));
    const bound = await director.client.hold(director.vips[0]!);
    expect(await bound.say('a')).toBe('rs1-a');
    await apply(echo([server(0, { weight: 0 }), server(1)], { persistence }));
    const again = await director.client.hold(director.vips[0]!);
    expect(await again.say('b')).toBe('rs1-b');
    await bound.close();
    await again.close();
  }, 180_000);

  test('trap 15: thresholds count connections that are over but not forgotten', async () => {
    const http = {
      ...echo([]),
      key: { by: 'address', protocol: 'tcp', address: director.vips[1]!, port: 80 },
    } as const;
    await apply({ ...http, realServers: [server(0, { port: 80, upperThreshold: 2, lowerThreshold: 1 })] });
    const { answered, failed } = await director.client.get(`http://${director.vips[1]!}/`, 4, { timeoutMs: 1000 });
    expect({ answered, failed }).toEqual({ answered: 2, failed: 2 });
  }, 180_000);
});
