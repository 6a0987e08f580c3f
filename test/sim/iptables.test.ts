/** iptables 1.8.9 against what was recorded of it, nft and legacy. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSim, type Sim, type SimDirector } from '../../lib/sim';

const transcript = readFileSync(join(__dirname, '..', 'fixtures', 'listings', 'transcript-iptables.txt'), 'utf8');
const flavours = ['nft', 'legacy'] as const;
type Flavour = (typeof flavours)[number];

const sims = new Map<Flavour, Sim>();
beforeAll(async () => {
  for (const flavour of flavours) sims.set(flavour, await startSim({ iptables: flavour }));
});
afterAll(async () => {
  await Promise.all([...sims.values()].map((sim) => sim.close()));
});

function directorWith(flavour: Flavour): SimDirector {
  const director = sims.get(flavour)?.directors[0];
  if (director === undefined) throw new Error('no director');
  director.reset();
  return director;
}

/** What was recorded of one kind of iptables. */
function recorded(flavour: Flavour): string {
  return transcript.split(`################ backend ${flavour}`)[1]?.split('################')[0] ?? '';
}

/** Rules as they were written and as they were read back. */
function forms(flavour: Flavour): { written: string; listed: string[] }[] {
  return recorded(flavour)
    .split(/^IN {2}/m)
    .slice(1)
    .map((text) => {
      const [head = '', ...lines] = text.split('\n');
      const listed = lines.filter((line) => line.startsWith('OUT ')).map((line) => line.slice(4));
      return { written: head.split('   rc=')[0] ?? '', listed };
    })
    .filter(({ listed }) => listed.length > 0);
}

describe.each(flavours)('%s', (flavour) => {
  test('every form of rule reads back as recorded', () => {
    expect(forms(flavour).length).toBeGreaterThan(12);
    const director = directorWith(flavour);
    for (const { written, listed } of forms(flavour)) {
      director.exec(['iptables', '-t', 'mangle', '-F']);
      const { code, stderr } = director.exec(['iptables', '-t', 'mangle', '-A', 'PREROUTING', ...written.split(' ')]);
      expect({ written, code, stderr }).toEqual({ written, code: 0, stderr: '' });
      expect(director.marks().split('\n').filter((line) => line.startsWith('-A'))).toEqual(listed); // prettier-ignore
    }
  });

  // As the kernel lab does it: nft looks for chains once, when the transaction begins.
  test.each([
    ['where there was no chain before', '-F', flavour === 'nft' ? 1 : 0],
    ['where there was one', '-N other', 0],
  ])('`-F` without a chain, after a rule of the same restore, %s', (_, before, kept) => {
    const director = directorWith(flavour);
    director.exec(['iptables', '-t', 'mangle', ...before.split(' ')]);
    director.exec(['iptables-restore', '--noflush'], '*mangle\n-A PREROUTING -j MARK --set-mark 12\n-F\nCOMMIT\n');
    expect(director.marks().match(/^-A/gm) ?? []).toHaveLength(kept);
  });

  test('an applied chain is flushed by its declaration, the jump is added again', () => {
    const director = directorWith(flavour);
    const rules = '*mangle\n:M - [0:0]\n-A PREROUTING -j M\n-A M -d 192.0.2.1 -j MARK --set-mark 1\nCOMMIT\n';
    for (let i = 0; i < 2; i++)
      expect(director.exec(['iptables-restore', '--noflush'], rules)).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(director.exec(['iptables', '-t', 'mangle', '-S', 'M']).stdout.split('\n').slice(0, 2)).toEqual([
      '-N M',
      '-A M -d 192.0.2.1/32 -j MARK --set-xmark 0x1/0xffffffff',
    ]);
    expect(director.marks().match(/-A PREROUTING -j M\n/g)).toHaveLength(2);
  });

  const failures: [string, string, Record<Flavour, [number, string]>][] = [
    ['a rule in a missing chain', '-A M -j ACCEPT\n-A NOSUCH -j ACCEPT', { nft: [1, 'iptables-restore: line 3 failed: No chain/target/match by that name.\n'], legacy: [1, 'iptables-restore: line 3 failed\n'] }],
    ['a rule that is not there', '-A M -j ACCEPT\n-D M -d 192.0.2.77/32 -j ACCEPT', { nft: [1, 'iptables-restore: line 3 failed: Bad rule (does a matching rule exist in that chain?).\n'], legacy: [1, 'iptables-restore: line 3 failed\n'] }],
    ['too many ports', '-A M -j ACCEPT\n-A M -p tcp -m multiport --dports 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16 -j ACCEPT', { nft: [2, "iptables-restore v1.8.9 (nf_tables): too many ports specified\nError occurred at line: 3\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n"], legacy: [2, "iptables-restore v1.8.9 (legacy): too many ports specified\nError occurred at line: 3\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n"] }],
    ['a jump to nowhere', '-A M -j NOSUCHT', { nft: [2, "iptables-restore v1.8.9 (nf_tables): Chain 'NOSUCHT' does not exist\nError occurred at line: 3\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n"], legacy: [2, "iptables-restore v1.8.9 (legacy): Couldn't load target `NOSUCHT':No such file or directory\n\nError occurred at line: 2\nTry `iptables-restore -h' or 'iptables-restore --help' for more information.\n"] }],
  ]; // prettier-ignore

  test.each(failures)('%s: nothing of the table is changed', (_name, lines, expected) => {
    const director = directorWith(flavour);
    director.exec(['iptables', '-t', 'mangle', '-N', 'M']);
    const before = director.marks();
    const { code, stderr } = director.exec(['iptables-restore', '--noflush'], `*mangle\n${lines}\nCOMMIT\n`);
    expect([code, stderr]).toEqual(expected[flavour]);
    expect(director.marks()).toBe(before);
  });

  test('without COMMIT, without a table, as a test', () => {
    const director = directorWith(flavour);
    const restore = (input: string, ...options: string[]): [number, string] => {
      const { code, stderr } = director.exec(['iptables-restore', '--noflush', ...options], input);
      return [code, stderr];
    };
    const before = director.marks();
    expect(restore('*mangle\n-A PREROUTING -j ACCEPT\n')).toEqual([1, 'iptables-restore: COMMIT expected at line 3\n']);
    expect(restore('garbage\n')).toEqual([1, 'iptables-restore: line 1 failed\n']);
    expect(restore('*mangle\n:M - [0:0]\nCOMMIT\n', '--test')).toEqual([0, '']);
    expect(director.marks()).toBe(before);
  });

  test('a chain in use stays', () => {
    const director = directorWith(flavour);
    director.exec(['iptables', '-t', 'mangle', '-N', 'M']);
    director.exec(['iptables', '-t', 'mangle', '-A', 'PREROUTING', '-j', 'M']);
    expect(director.exec(['iptables', '-t', 'mangle', '-X', 'M']).stderr).toBe(
      flavour === 'nft'
        ? 'iptables v1.8.9 (nf_tables):  CHAIN_DEL failed (Device or resource busy): chain M\n'
        : 'iptables: Too many links.\n',
    );
    expect(director.marks()).toContain('-A PREROUTING -j M\n');
  });
});

test('the families have tables of their own', () => {
  const director = directorWith('nft');
  director.exec(['ip6tables', '-t', 'mangle', '-A', 'PREROUTING', '-d', '2001:DB8:0:0::0010', '-j', 'MARK', '--set-mark', '12']); // prettier-ignore
  expect(director.exec(['iptables', '-t', 'mangle', '-S', 'PREROUTING']).stdout).toBe('-P PREROUTING ACCEPT\n');
  expect(director.exec(['ip6tables', '-t', 'mangle', '-S', 'PREROUTING']).stdout).toBe(
    '-P PREROUTING ACCEPT\n-A PREROUTING -d 2001:db8::10/128 -j MARK --set-xmark 0xc/0xffffffff\n',
  );
  expect(director.exec(['iptables', '-t', 'mangle', '-A', 'PREROUTING', '-d', '2001:db8::1', '-j', 'ACCEPT']).stderr).toMatch(/host\/network `2001:db8::1' not found/); // prettier-ignore
});
