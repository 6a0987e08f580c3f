/** Totals of connections: what the script prints, read, and what is refused. */
import { parseTotals, totalsScript } from '../../lib/dialect';
import { type Sim, startSim } from '../../lib/sim';
import { connectSsh } from '../../lib/transport';

const NONCE = '0123abcd';
const LISTING = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  192.0.2.1:80                 1432225524     9     9     9     9
  -> 10.0.0.1:80                         2       12       11     1044      898
FWM  12 IPv6                             7     0     0     0     0
`;
const printed = (listing: string, code: number): string => `motd\n@@${NONCE} 86400.25\n${listing}@@${NONCE} ${code}\n`;

test('services with their totals, and the moment', () => {
  expect(parseTotals(printed(LISTING, 0), NONCE, 'lb1')).toEqual({
    uptimeSeconds: 86_400.25,
    connections: { 'tcp/192.0.2.1:80': 1_432_225_524, 'fwm6/12': 7 },
  });
});

test.each([
  ['a refusal', printed('sudo: a password is required\n', 1), 'lb1: its counters could not be read: sudo: a password is required'],
  ['an end too early', `@@${NONCE} 86400.25\n${LISTING}`, 'it ends too early'],
  ['no uptime', `@@${NONCE} \n${LISTING}@@${NONCE} 0\n`, 'it ends too early'],
  ['another listing', printed(LISTING.replace('Conns   InPkts  OutPkts  InBytes OutBytes', 'CPS InPPS OutPPS InBPS OutBPS'), 0), 'expected ipvsadm -Ln --stats'],
])('%s', (_, text, message) => {
  expect(() => parseTotals(text, NONCE, 'lb1')).toThrow(message);
}); // prettier-ignore

test('a simulated director counts, and -Z begins anew', async () => {
  const sim: Sim = await startSim({ permission: 'sudo', secondMs: 20 });
  try {
    const [director] = sim.directors;
    const runner = await connectSsh({ ...director!, agent: false }, { env: { HOME: '/nonexistent' } });
    const read = async () =>
      parseTotals((await runner.run(totalsScript({ nonce: NONCE, sudo: true }))).stdout, NONCE, 'lb1');
    director!.exec(['ipvsadm', '-A', '-t', '192.0.2.1:80']);
    const idle = await read();
    director!.setTraffic('tcp/192.0.2.1:80', { connectionsPerSecond: 1000 });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const later = await read();
    director!.setTraffic('tcp/192.0.2.1:80', { connectionsPerSecond: 0 });
    director!.exec(['ipvsadm', '-Z']);
    const zeroed = await read();
    expect(idle.connections).toEqual({ 'tcp/192.0.2.1:80': 0 });
    expect(later.uptimeSeconds - idle.uptimeSeconds).toBeGreaterThanOrEqual(2);
    expect(later.connections['tcp/192.0.2.1:80']).toBeGreaterThanOrEqual(2000);
    expect(zeroed.connections).toEqual({ 'tcp/192.0.2.1:80': 0 });
    await runner.close();
  } finally {
    await sim.close();
  }
});
