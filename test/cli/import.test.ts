/** A live director as a program: what import prints plans to nothing against the director it was read from. */
import * as cdktf from 'cdktf';
import fc from 'fast-check';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { transformSync } from '@swc/core';
import { loadStack } from '../../lib/artefact';
import { parseMarks, parseSave } from '../../lib/dialect';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import type { DesiredDirector, DirectorTable, LiveDirector } from '../../lib/model';
import { planTable } from '../../lib/plan';
import { renderProgram } from '../../lib/report';
import * as lvsform from '../../lib/index';
import { startSim } from '../../lib/sim';
import { arbitraryTable } from '../support/arbitraries';
import { asLive } from '../support/as-live';
import { newApp } from '../constructs/program';
import { runs } from '../support/seed';
import { stepsTo } from '../support/steps';
import { makeWorkbench, type Workbench } from './support';

let bench: Workbench;
beforeAll(() => {
  bench = makeWorkbench();
});
afterAll(() => {
  bench.remove();
});

const KERNEL_TIMEOUTS = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };

const CONNECTION = { host: 'lb1.example.net', user: 'ops', sudo: true };

/** Runs a printed program in this process, and reads what it synthesized. */
function evaluate(program: string): DesiredDirector {
  const { code } = transformSync(program, {
    jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
    module: { type: 'commonjs' },
  });
  const app = newApp();
  const modules: Record<string, unknown> = {
    lvsform,
    // Its output goes away with this test.
    cdktf: {
      ...cdktf,
      App: function App() {
        return app;
      },
    },
  };
  runInContext(code, createContext({ require: (name: string) => modules[name], exports: {} }));
  const artefact: unknown = JSON.parse(readFileSync(join(app.outdir, 'stacks', 'imported', 'cdk.tf.json'), 'utf8'));
  const [wish] = loadStack('imported', artefact).directors;
  if (wish === undefined) throw new RangeError('no director');
  return wish;
}

/** What import prints for a table that no stack of ours made: its mark rules stand in PREROUTING or in our chain. */
function expectImport(table: DirectorTable, live: LiveDirector): void {
  const wish = evaluate(renderProgram(table, { stack: 'imported', director: 'lb1', connection: CONNECTION }));
  expect(planTable('imported', wish, live).changes).toEqual([]);
  // Nothing is left over either: the same program for a director that it owns as a whole.
  const owner: DesiredDirector = { ...wish, director: { ...wish.director, owns: 'table' } };
  expect(planTable('imported', owner, live).changes).toEqual([]);
}

test('random tables: the program plans to nothing, also when it owns the whole table', () => {
  fc.assert(
    fc.property(arbitraryTable(), (table) => {
      // As other tools leave mark rules: in PREROUTING, some of them marking the same packets.
      expectImport(table, { ...asLive({ ...table, marks: [] }), otherMarks: table.marks });
    }),
    runs(100),
  );
}, 60_000);

test('a live director through the command line, from a folder with nothing in it', async () => {
  const sim = await startSim();
  try {
    const [director] = sim.directors;
    if (director === undefined) throw new RangeError('no director');
    const [table] = fc.sample(arbitraryTable({ maxServices: 6 }), { numRuns: 1, seed: 7 });
    if (table === undefined) throw new RangeError('no table');
    for (const { command } of stepsTo(
      table,
      asLive({ services: [], marks: [], daemons: [], timeouts: KERNEL_TIMEOUTS }),
    ))
      expect(director.exec([command.tool, ...command.args], command.input ?? '')).toMatchObject({ stderr: '' });
    const before = director.rules() + director.marks();
    const env = { LVSFORM_SSH_CONFIG: writeSshConfig(join(bench.path, 'ssh'), sim) };
    const cwd = 'fresh';
    bench.write('fresh/.keep', '');
    const imported = await bench.run(['import', 'root@lb1', '--stack', 'edge', '--out', 'main.ts'], { cwd, env });
    expect(imported).toMatchObject({ code: 0, stdout: '' });
    const planned = await bench.run(['plan', '--app', 'main.ts', '--detailed-exitcode'], { cwd, env });
    expect(planned.stdout).toMatch(/^No changes on 1 director\./m);
    expect(planned.code).toBe(0);
    expect(director.rules() + director.marks()).toBe(before);
  } finally {
    await sim.close();
  }
}, 30_000);

const NOTHING: DirectorTable = { services: [], marks: [], daemons: [], timeouts: KERNEL_TIMEOUTS };

test('IPv6 addresses that differ in nothing but where their zeros are', () => {
  const pool = (address: string): string =>
    `-A -t ${address} -s wlc\n-a -t ${address} -r [2001:db8:7::1]:80 -m -w 1\n-a -t ${address} -r [2001:db8:7:1::]:80 -m -w 1\n`;
  const services = parseSave(pool('[2001:db8::1]:80') + pool('[2001:db8:1::]:80'));
  expectImport({ ...NOTHING, services }, asLive({ ...NOTHING, services }));
});

test('a mark rule for port 0', () => {
  const text = '*mangle\n-A PREROUTING -d 192.0.2.1/32 -p tcp -m tcp --dport 0 -j MARK --set-xmark 0xc/0xffffffff\nCOMMIT\n';
  const { others } = parseMarks(text, 'inet', 'LVSFORM-imported');
  const table = { ...NOTHING, services: parseSave('-A -f 12 -s rr\n'), marks: others };
  expectImport(table, { ...asLive({ ...table, marks: [] }), otherMarks: others });
}); // prettier-ignore

test('services that ipvsadm could not have made stay foreign', () => {
  const services = parseSave(
    '-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -g -w 1\n-A -t 192.0.2.2:80 -s sh -b \n-A -t 192.0.2.3:80 -s rr\n',
  );
  const live = asLive({ ...NOTHING, services });
  const program = renderProgram(live.table, { stack: 'imported', director: 'lb1', connection: CONNECTION });
  expect(program).toContain("// Not declared, tcp/192.0.2.1:80: gatewaying can't change the port from 80 to 8080\n");
  expect(program).toContain('// Not declared, tcp/192.0.2.2:80: scheduler sh does not use flag-3');
  const { changes, foreign } = planTable('imported', evaluate(program), live);
  expect({ changes, foreign }).toEqual({ changes: [], foreign: ['tcp/192.0.2.1:80', 'tcp/192.0.2.2:80'] });
});

test('a path of Windows', () => {
  const connection = { ...CONNECTION, identityFile: 'C:\\keys\\op\'s "new"' };
  const wish = evaluate(renderProgram(NOTHING, { stack: 'imported', director: 'lb1', connection }));
  expect(wish.director).toMatchObject(connection);
});

test.each(['a b', 'a/b', ''])('stack %j is refused: the program could not run', async (stack) => {
  const { code, stderr } = await bench.run(['import', '--file', 'rules', '--stack', stack], {});
  expect(code).toBe(1);
  expect(stderr).toContain('without blanks and slashes');
});

test.each<[string, BufferEncoding]>([
  ['UTF-16, as a shell of Windows writes it', 'utf16le'],
  ['UTF-8 with a byte order mark', 'utf8'],
])('a file saved in %s', async (_, encoding) => {
  const path = join(bench.path, 'saved.rules');
  writeFileSync(path, '\uFEFF# saved\r\n-A -t 192.0.2.1:80 -s wrr \r\n', encoding);
  const { code, stdout } = await bench.run(['import', '--file', path], {});
  expect(code).toBe(0);
  expect(evaluate(stdout).table.services).toMatchObject([{ scheduler: 'wrr' }]);
  expect((await bench.run(['read', path], {})).stdout).toContain('"scheduler":"wrr"');
});

test('rules from standard input, and a folder in their place', async () => {
  const { stdout } = await bench.run(['import', '--file', '-'], { stdin: '-A -t 192.0.2.1:80 -s wrr\n' });
  expect(evaluate(stdout).table.services).toMatchObject([{ scheduler: 'wrr' }]);
  const refused = await bench.run(['import', '--file', '.'], {});
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('is a folder');
});

test('a saved rules file', async () => {
  bench.write('saved/rules', '-A -t 192.0.2.1:80 -s wrr -p 300\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3\n');
  const { code, stdout } = await bench.run(['import', '--file', 'rules', 'lb1.example.net'], { cwd: 'saved' });
  expect(code).toBe(0);
  expect(evaluate(stdout)).toMatchObject({
    director: { name: 'lb1', host: 'lb1.example.net' },
    table: {
      services: [
        {
          key: { protocol: 'tcp', address: '192.0.2.1', port: 80 },
          scheduler: 'wrr',
          persistence: { timeoutSeconds: 300, netmask: '255.255.255.255' },
          realServers: [{ address: '10.0.0.1', weight: 3 }],
        },
      ],
    },
  });
});
