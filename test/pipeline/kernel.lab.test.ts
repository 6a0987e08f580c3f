/**
 * The promise on a real kernel: random tables over everything IPVS can hold, applied, edited, and taken back.
 */
import fc from 'fast-check';
import { newNonce, type Runner } from '../../lib/transport';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { settled } from '../lab/listing';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { roundTrip, type Subject } from '../support/round-trip';
import { SEED } from '../support/seed';
import { hold } from '../support/runner';

/** Cases in all, shared between directors that work side by side. */
const CASES = 200;
const DIRECTORS = 4;

describeLab('random tables on the kernel', () => {
  let lab: Lab;
  let directors: LabDirector[];
  let subjects: Subject[];

  beforeAll(async () => {
    lab = await startLab();
    directors = [...(await lab.directors(DIRECTORS - 1)), await lab.director({ iptables: 'legacy' })];
    subjects = await Promise.all(directors.map(asSubject));
  }, 180_000);

  afterAll(async () => {
    await Promise.all(subjects.map(({ access }) => access.runner.close()));
    await lab.close();
  });

  test(`apply, empty plan, edit, empty plan, undo: ${CASES} pairs of tables`, async () => {
    const pairs = arbitraryTable().chain((table) =>
      fc.tuple(
        fc.constant(table),
        fc.oneof({ arbitrary: editedTable(table), weight: 4 }, { arbitrary: arbitraryTable(), weight: 1 }),
      ),
    );
    const share = (subject: Subject, at: number): Promise<void> => {
      console.log(`${directors[at]!.name}: seed ${SEED + at}`);
      return fc.assert(
        fc.asyncProperty(pairs, ([first, second]) => roundTrip(first, second, subject)),
        { numRuns: CASES / DIRECTORS, seed: SEED + at },
      );
    };
    await Promise.all(subjects.map(share));
  }, 3_000_000);
});

/** One process lists it all: `ipvsadm -R` takes listings too. */
const LISTINGS = [
  'printf "%s\\n" "-S -n" "-L -n --thresholds" "-L --timeout" "-L --daemon" | ipvsadm -R',
  'iptables-save -t mangle',
  'ip6tables-save -t mangle',
].join('; ');

/** A virtual service as `-S` and as `-L` print it. */
const SERVICE_LINES = [/^-A /gm, /^(?:TCP|UDP|SCTP|FWM) /gm];

/** What iptables-save prints anew each time: when it ran, and how many packets passed. */
const COMMENTS_AND_COUNTERS = /^#.*\n|\[\d+:\d+\]$/gm;

/**
 * The engine's own scripts, in a shell that stays: under emulation an SSH session for each of them would take more time
 * than all the rest. That they run over SSH is shown elsewhere.
 */
async function asSubject(director: LabDirector): Promise<Subject> {
  const shell = await director.shell();
  const runner: Runner = {
    run: (script, { stdin } = {}) => shell.run(script, stdin),
    hold,
    close: () => {
      shell.close();
      return Promise.resolve();
    },
  };
  return {
    access: { name: director.name, sudo: false, runner, nonce: newNonce },
    listAll: async (services) => {
      const read = async (): Promise<string> => (await shell.run(LISTINGS)).stdout.replace(COMMENTS_AND_COUNTERS, '');
      return settled(read, (listing) => {
        const [ipvs = ''] = listing.split('*mangle', 1);
        return SERVICE_LINES.every((line) => [...ipvs.matchAll(line)].length === services);
      });
    },
  };
}
