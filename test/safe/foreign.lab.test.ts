/** What kube-proxy and keepalived keep on the same director comes through random applies untouched, byte for byte. */
import fc from 'fast-check';
import { describeLab, type Lab, startLab } from '../lab/lab';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { SEED } from '../support/seed';
import { Bench, foreignLines, WALKED } from './bench';
import { KEEPALIVED_SERVICES, KUBE_SERVICES } from './foreign';

const APPLIES = 50;
const DIRECTORS = 2;

describeLab('beside the tables of others', () => {
  let lab: Lab;
  const benches: Bench[] = [];

  beforeAll(async () => {
    lab = await startLab();
    for (let at = 0; at < DIRECTORS; at++)
      benches.push(await Bench.open(lab, at % 2 ? 'legacy' : 'nft', [...KUBE_SERVICES, ...KEEPALIVED_SERVICES]));
  }, 120_000);

  afterAll(async () => {
    await Promise.all(benches.map((bench) => bench.close()));
    await lab.close();
  });

  test(`${APPLIES} random applies`, async () => {
    const begin = Date.now();
    const outcomes = await Promise.all(benches.map(walk));
    console.log(`seed ${SEED}: ${APPLIES} applies in ${Math.round((Date.now() - begin) / 1000)} s`);
    expect(outcomes.flat().filter((outcome) => outcome === 'applied').length).toBeGreaterThan(APPLIES / 2);
  }, 600_000);
});

async function walk(bench: Bench, lane: number): Promise<string[]> {
  const services = (): Promise<string> => bench.director.listing('-Ln', '--thresholds');
  const others = await services();
  const before = await bench.list();
  const foreign = foreignLines(before);
  // As many as there are in the listing: what is compared below is all of it.
  for (const line of [...KUBE_SERVICES, ...KEEPALIVED_SERVICES])
    if (line.startsWith('-A')) expect(foreign).toContain(line.split(' -s ')[0]);
  const outcomes: string[] = [];
  let table = sample(arbitraryTable(WALKED), lane);
  for (let run = 0; run < APPLIES / DIRECTORS; run++) {
    const { outcome, error } = await bench.apply(table);
    if (error !== undefined) throw new Error(`seed ${SEED}, director ${lane}, apply ${run}: ${error.message}`, { cause: error }); // prettier-ignore
    outcomes.push(outcome);
    expect(foreignLines(await bench.list((now) => foreignLines(now) === foreign))).toBe(foreign);
    table = sample(editedTable(table, WALKED), 1000 * (lane + 1) + run);
  }
  // And when everything of ours is gone, nothing of ours is left.
  await bench.apply({ services: [], marks: [], timeouts: { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 }, daemons: [] }); // prettier-ignore
  expect(await services()).toBe(others);
  expect(await bench.list((now) => now === before)).toBe(before);
  return outcomes;
}

function sample<T>(arbitrary: fc.Arbitrary<T>, offset: number): T {
  const [value] = fc.sample(arbitrary, { numRuns: 1, seed: SEED + offset });
  if (value === undefined) throw new Error('no sample');
  return value;
}
