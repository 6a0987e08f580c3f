import fc from 'fast-check';
import { connectSsh, newNonce } from '../../lib/transport';
import { type Sim, type SimDirector, startSim } from '../../lib/sim';
import type { DirectorAccess } from '../../lib/apply';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { roundTrip, type Subject } from '../support/round-trip';
import { runs } from '../support/seed';

let sim: Sim;
let director: SimDirector;
let access: DirectorAccess;
let subject: Subject;

beforeAll(async () => {
  sim = await startSim();
  director = sim.directors[0]!;
  const { name, host, port, user, identityFile, hostKey } = director;
  access = {
    name,
    sudo: false,
    runner: await connectSsh({ name, host, port, user, identityFile, hostKey }),
    nonce: newNonce,
  };
  subject = { access, listAll };
});

afterAll(async () => {
  await access.runner.close();
  await sim.close();
});

const listAll = (): Promise<string> =>
  Promise.resolve(
    [['-Sn'], ['-Ln', '--thresholds'], ['-L', '--timeout'], ['-L', '--daemon']]
      .map((args) => director.exec(['ipvsadm', ...args]).stdout)
      .join('') + director.marks(),
  );

test('apply, empty plan, edit, empty plan, undo: on the simulator, over SSH', async () => {
  const pairs = arbitraryTable().chain((table) => fc.tuple(fc.constant(table), editedTable(table)));
  await fc.assert(
    fc.asyncProperty(pairs, ([first, second]) => roundTrip(first, second, subject)),
    runs(150),
  );
}, 120_000);
