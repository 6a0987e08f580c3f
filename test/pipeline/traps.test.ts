/** The traps of ipvsadm that concern applying, each shown not to bite; those of listings are in test/dialect. */
import fc from 'fast-check';
import { type DirectorAccess, executeCommands, executeSteps } from '../../lib/apply';
import { scriptInput, batchScript, BATCH_COMMAND, parseBatch, renderMove } from '../../lib/dialect';
import type { Command } from '../../lib/model';
import { planTable } from '../../lib/plan';
import { type Sim, type SimDirector, startSim } from '../../lib/sim';
import { connectSsh, newNonce } from '../../lib/transport';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { asLive, asWish } from '../support/as-live';
import { runs } from '../support/seed';

let sim: Sim;
let director: SimDirector;
let access: DirectorAccess;

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
});

beforeEach(() => {
  director.reset();
});

afterAll(async () => {
  await access.runner.close();
  await sim.close();
});

const ipvsadm = (line: string): Command => ({ tool: 'ipvsadm', args: line.split(' ') });

const steps = arbitraryTable().chain((table) =>
  editedTable(table).map((desired) => planTable('edge', asWish(desired), asLive(table)).moves.map(renderMove)),
);

test('trap 2: a refusal on a middle line, which -R hides from its exit code, is seen', async () => {
  const refusal = await executeCommands(
    ['-A -f 1 -s rr', '-a -f 9 -r 10.0.0.1:0 -g', '-A -f 2 -s rr'].map(ipvsadm),
    access,
  );
  expect(refusal).toMatchObject({ code: 0, words: 'Service not defined' });
  expect(director.rules()).toBe('-A -f 1 -s rr\n-A -f 2 -s rr\n');
});

test('trap 2: no later phase starts after a refused one', async () => {
  const { moves } = planTable('edge', asWish({ services: [], marks: [], timeouts: { tcpSeconds: 1, tcpFinSeconds: 1, udpSeconds: 1 }, daemons: [] }), asLive({ services: [], marks: [], timeouts: { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 }, daemons: [] })); // prettier-ignore
  const [last] = moves.map(renderMove);
  const refused = { ...last!, phase: 'build' as const, command: ipvsadm('-a -f 9 -r 10.0.0.1:0 -g') };
  await expect(executeSteps([refused, last!], access)).resolves.toMatchObject({ words: 'Service not defined' });
  expect(director.exec(['ipvsadm', '-L', '--timeout']).stdout).toBe('Timeout (tcp tcpfin udp): 900 120 300\n');
});

test("trap 5: ipvsadm's exit code 255 is told from SSH's, because it travels in the output", async () => {
  const nonce = newNonce();
  const script = batchScript([{ tool: 'ipvsadm', lines: 1 }], { nonce, sudo: false });
  const result = await access.runner.run(script, { stdin: scriptInput(['-D -f 9'], nonce) });
  expect(result.code).toBe(0);
  expect(parseBatch(result.stdout, nonce)).toEqual([{ code: 255, stderr: 'No such service' }]);
});

test('trap 16: no table is ever cleared and restored, whatever the plan', () => {
  fc.assert(
    fc.property(steps, (planned) => {
      for (const { command, undo } of planned)
        for (const { args } of [command, ...undo])
          expect(args.filter((word) => ['-C', '--clear', '-R', '--restore'].includes(word))).toEqual([]);
    }),
    runs(300),
  );
});

test('trap 17: no file that a director loads at boot is touched', () => {
  const tools = new Set<string>();
  fc.assert(
    fc.property(steps, (planned) => {
      planned.forEach(({ command }) => tools.add(command.tool));
    }),
    runs(300),
  );
  expect([...tools].sort()).toEqual(['ip6tables-restore', 'iptables-restore', 'ipvsadm']);
  expect(Object.values(BATCH_COMMAND)).toEqual([
    'ipvsadm -R',
    'iptables-restore --noflush -w 10',
    'ip6tables-restore --noflush -w 10',
  ]);
});

test('trap 19: a batch whose sender dies half-way changes nothing', async () => {
  const nonce = newNonce();
  const script = batchScript([{ tool: 'ipvsadm', lines: 3 }], { nonce, sudo: false });
  const { stdout } = await access.runner.run(script, { stdin: '-A -f 1\n-A -f 2\n' });
  expect(parseBatch(stdout, nonce)).toBe('truncated');
  expect(director.rules()).toBe('');
});
