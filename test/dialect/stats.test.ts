/** Counters: what the script prints, read, and what is refused. */
import { setTimeout as wait } from 'node:timers/promises';
import { parseStats, statsScript } from '../../lib/dialect';
import { type Sim, startSim } from '../../lib/sim';
import { connectSsh } from '../../lib/transport';

const NONCE = '0123abcd';
const LISTING = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  192.0.2.1:80                 1432225524     9     9     9     9
  -> 10.0.0.1:80                         2       12       11 9007199254740993      898
FWM  12 IPv6                             7     0     0     0     0
`;
const printed = (listing: string, code: number): string => `motd\n@@${NONCE} 86400.25\n${listing}@@${NONCE} ${code}\n`;

const counters = (connections: bigint, packets: bigint, bytes: bigint) => ({ connections, inPackets: packets, outPackets: packets, inBytes: bytes, outBytes: bytes }); // prettier-ignore

test('services and real servers with their counters to the last digit, and the moment', () => {
  expect(parseStats(printed(LISTING, 0), NONCE, 'lb1')).toEqual({
    uptimeSeconds: 86_400.25,
    services: {
      'tcp/192.0.2.1:80': {
        ...counters(1_432_225_524n, 9n, 9n),
        realServers: {
          '10.0.0.1:80': { ...counters(2n, 12n, 9_007_199_254_740_993n), outPackets: 11n, outBytes: 898n },
        },
      },
      'fwm6/12': { ...counters(7n, 0n, 0n), realServers: {} },
    },
  });
});

test('the remark of a sudo that can’t resolve its host is no part of the listing', () => {
  const remark = 'sudo: unable to resolve host lb1: Name or service not known\n';
  expect(parseStats(printed(remark + LISTING, 0), NONCE, 'lb1')).toEqual(parseStats(printed(LISTING, 0), NONCE, 'lb1'));
});

test.each([
  ['a refusal', printed('sudo: a password is required\n', 1), 'lb1: its counters could not be read: sudo: a password is required'],
  ['an end too early', `@@${NONCE} 86400.25\n${LISTING}`, 'it ends too early'],
  ['no uptime', `@@${NONCE} \n${LISTING}@@${NONCE} 0\n`, 'it ends too early'],
  ['another listing', printed(LISTING.replace('Conns   InPkts  OutPkts  InBytes OutBytes', 'CPS InPPS OutPPS InBPS OutBPS'), 0), 'expected ipvsadm -Ln --stats'],
])('%s', (_, text, message) => {
  expect(() => parseStats(text, NONCE, 'lb1')).toThrow(message);
}); // prettier-ignore

test('a simulated director counts, and -Z begins anew', async () => {
  const sim: Sim = await startSim({ permission: 'sudo', secondMs: 20 });
  try {
    const [director] = sim.directors;
    const runner = await connectSsh({ ...director!, agent: false }, { env: { HOME: '/nonexistent' } });
    const read = async () =>
      parseStats((await runner.run(statsScript({ nonce: NONCE, sudo: true }))).stdout, NONCE, 'lb1');
    director!.exec(['ipvsadm', '-A', '-t', '192.0.2.1:80']);
    const idle = await read();
    director!.setTraffic('tcp/192.0.2.1:80', { connectionsPerSecond: 1000 });
    // Five seconds: what came in the first three is counted by then.
    await wait(100);
    const later = await read();
    director!.setTraffic('tcp/192.0.2.1:80', { connectionsPerSecond: 0 });
    await wait(100);
    director!.exec(['ipvsadm', '-Z']);
    const zeroed = await read();
    expect(idle.services['tcp/192.0.2.1:80']?.connections).toBe(0n);
    expect(later.uptimeSeconds - idle.uptimeSeconds).toBeGreaterThanOrEqual(2);
    expect(later.services['tcp/192.0.2.1:80']?.connections).toBeGreaterThanOrEqual(2000n);
    expect(zeroed.services['tcp/192.0.2.1:80']?.connections).toBe(0n);
    await runner.close();
  } finally {
    await sim.close();
  }
});
