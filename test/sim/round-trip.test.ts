import fc from 'fast-check';
import { startSim, type Sim } from '../../lib/sim';
import { runs } from '../support/seed';
import { ipvsadmSequence } from './commands';

let sim: Sim;
beforeAll(async () => (sim = await startSim({ directors: 2 })));
afterAll(() => sim.close());

/** ipvsadm's comparison of addresses overflows: where the list puts a service depends on where it came from. */
const blocks = (rules: string): string[] => rules.split(/^(?=-A)/m).sort();

test('what -Sn prints, -R makes again', () => {
  const [first, second] = sim.directors;
  if (first === undefined || second === undefined) throw new Error('two directors, please');
  let services = 0;
  fc.assert(
    fc.property(ipvsadmSequence, (sequence) => {
      first.reset();
      second.reset();
      for (const { argv, stdin } of sequence) first.exec(argv, stdin);
      const rules = first.rules();
      // `-b` with nothing behind it is how flag-3 of sh and mh is listed, and -R refuses it.
      fc.pre(!/ -b $/m.test(rules));
      services += rules.match(/^-A/gm)?.length ?? 0;
      expect(second.exec(['ipvsadm', '-R'], rules)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(blocks(second.rules())).toEqual(blocks(rules));
    }),
    runs(500),
  );
  expect(services).toBeGreaterThan(300);
});
