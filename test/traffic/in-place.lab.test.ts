/**
 * What the kernel does when a real server changes its forwarding method in place: the ground of the finding
 * `gatewaying-in-place`, and of what the never-dark test leaves out. A connection keeps the method it began with; the
 * route is the server's, and the first packet after the change renews it.
 */
import { describeLab, type HeldConnection, type Lab, type LabDirector, startLab } from '../lab/lab';

const FAMILIES = [
  { family: 'IPv4', vip: '192.168.74.88', at: '192.168.74.88:7', server: '192.168.74.129:7' },
  { family: 'IPv6', vip: '2001:db8:74::88', at: '[2001:db8:74::88]:7', server: '[2001:db8:74::129]:7' },
];
const SILENCE_MS = 2000;

describeLab('a real server that changes its forwarding method in place', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab();
  }, 900_000);
  afterAll(() => lab.close());

  describe.each(FAMILIES)('$family', ({ vip, at, server }) => {
    let director: LabDirector;
    let held: HeldConnection;

    afterEach(async () => {
      await held.close();
      await director.release();
    });

    /** A service with one real server and a connection through it; then the other method. */
    async function change(from: '-g' | '-m', to: '-g' | '-m'): Promise<void> {
      director = await lab.director();
      await director.ok(['ipvsadm', '-A', '-t', at, '-s', 'rr']);
      await director.ok(['ipvsadm', '-a', '-t', at, '-r', server, from]);
      held = await director.client.hold(vip);
      expect(await held.say('before')).toBe('rs1-before');
      await director.ok(['ipvsadm', '-e', '-t', at, '-r', server, to]);
    }

    const answered = async (): Promise<number> =>
      (await director.client.get(`tcp://${at}`, 3, { timeoutMs: SILENCE_MS })).answered;

    test('from gatewaying to masquerading: a new connection cuts the one that is open', async () => {
      await change('-g', '-m');
      expect(await answered()).toBe(3);
      await expect(held.say('after', SILENCE_MS)).rejects.toThrow('no answer');
    });

    test('from gatewaying to masquerading: the one that is open goes on when it is heard first', async () => {
      await change('-g', '-m');
      expect(await held.say('after')).toBe('rs1-after');
      expect(await answered()).toBe(3);
      expect(await held.say('still')).toBe('rs1-still');
    });

    test('from masquerading to gatewaying: the one that is open keeps new ones out', async () => {
      await change('-m', '-g');
      expect(await held.say('after')).toBe('rs1-after');
      expect(await answered()).toBe(0);
    });

    test('from masquerading to gatewaying: nothing is lost when a new one comes first', async () => {
      await change('-m', '-g');
      expect(await answered()).toBe(3);
      expect(await held.say('after')).toBe('rs1-after');
    });
  });
});
