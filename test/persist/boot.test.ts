/** Boot files as text, and what a boot makes of them. reboot.lab.test.ts boots them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  BOOT_UNIT,
  type BootJob,
  bootJob,
  bootReadScript,
  bootWriteScript,
  mergeRules,
  parseBootFile,
  parseBootState,
  recognizeBootScript,
  renderBoot,
  renderBootFile,
  renderUnboot,
} from '../../lib/dialect';
import { chainName, type DesiredDirector, type DirectorTable, serviceId } from '../../lib/model';
import { bootDrift, bootFindings, tableAfterBoot, tableAtBoot } from '../../lib/plan/boot';
import { arbitraryTable } from '../support/arbitraries';
import { runs } from '../support/seed';

const NONCE = '0123456789abcdef';
const STACK = 'edge';

function wishOf(table: DirectorTable, owns: 'declared' | 'table' = 'declared'): DesiredDirector {
  return { director: { name: 'lb1', host: 'lb1', owns, persist: true }, table, policies: {}, sources: {} };
}

interface Files {
  texts?: Record<string, string>;
  closed?: string[];
  there?: string[];
}

/** What the reading script would print. */
function listing({ texts = {}, closed = [], there = [] }: Files): string {
  return [
    ...Object.entries(texts).map(([path, text]) => `\n@@${NONCE} text ${path}\n${text}`),
    ...closed.map((path) => `\n@@${NONCE} closed ${path}\n`),
    ...there.map((path) => `\n@@${NONCE} there ${path}\n`),
    `\n@@${NONCE} end\n`,
  ].join('');
}

const stateOf = (files: Files) => parseBootState(listing(files), NONCE, STACK);

const UNIT = '/etc/systemd/system/lvsform-boot.service';
const SYSTEMD = ['/run/systemd/system', '/etc/systemd/system/multi-user.target.wants/lvsform-boot.service'];
const DEBIAN = [...SYSTEMD, '/etc/debian_version', '/etc/systemd/system/multi-user.target.wants/ipvsadm.service'];
const AUTO = { '/etc/default/ipvsadm': '# comment\nAUTO="false"\nAUTO="true"\nDAEMON="none"\n' };

test('a boot file reads back as the table it was made from', () => {
  fc.assert(
    fc.property(arbitraryTable(), (table) => {
      const wanted = tableAtBoot(wishOf(table), table, []);
      expect(parseBootFile(renderBootFile(STACK, wanted), STACK)).toEqual(wanted);
    }),
    runs(200),
  );
});

test('after writing what is asked for there is no drift and nothing more to write', () => {
  fc.assert(
    fc.property(arbitraryTable(), arbitraryTable(), fc.constantFrom('declared', 'table'), (table, old, owns) => {
      const wanted = tableAtBoot(wishOf(table, owns), table, []);
      const before = stateOf({
        texts: {
          ...AUTO,
          '/etc/ipvsadm.rules': '# by hand\n',
          '/var/lib/lvsform/edge.boot': renderBootFile(STACK, old),
        },
        there: DEBIAN,
      });
      const { own, rules, unit } = renderBoot(STACK, before, wanted, owns);
      const after = stateOf({
        texts: {
          ...AUTO,
          '/etc/ipvsadm.rules': rules?.text ?? '# by hand\n',
          '/var/lib/lvsform/edge.boot': own ?? renderBootFile(STACK, old),
          [UNIT]: unit ?? '',
        },
        there: DEBIAN,
      });
      expect(bootDrift('lb1', after, wanted, owns)).toEqual({ changes: [], foreign: [] });
      expect(renderBoot(STACK, after, wanted, owns)).toEqual({ record: STACK });
      const { rules: cleared } = renderUnboot(STACK, after);
      expect(cleared?.text ?? '').not.toMatch(/^-[Aa]/m);
    }),
    runs(60),
  );
});

const WEB = '-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n';
const HAND = `# ada's file\n  ipvsadm -A -t 192.0.2.9:9 -s rr\n\n${WEB}--set 0 0 55\n`;

test('lines of others stay to the letter, lines about our services are replaced wherever they stand', () => {
  const own = parseBootFile('entry -A -t 192.0.2.1:80 -s rr\n', STACK);
  const ours = new Set(['tcp/192.0.2.1:80']);
  const merged = mergeRules(HAND, STACK, own, ours);
  expect(merged).toBe(
    [
      "# ada's file",
      '  ipvsadm -A -t 192.0.2.9:9 -s rr',
      '',
      '--set 0 0 55',
      '# lvsform edge begin: made by lvsform, every apply writes it anew',
      '-A -t 192.0.2.1:80 -s rr',
      '--set 0 0 0',
      '# lvsform edge end',
      '',
    ].join('\n'),
  );
  expect(mergeRules(merged, STACK, own, ours)).toBe(merged);
  const byWindows = mergeRules(merged.replaceAll('\n', '\r\n'), STACK, own, ours);
  expect(byWindows.replaceAll('\r', '')).toBe(merged);
});

test('where the end of our block was deleted, what comes after it is taken for theirs', () => {
  const own = parseBootFile('entry -A -t 192.0.2.1:80 -s rr\n', STACK);
  const ours = new Set(['tcp/192.0.2.1:80']);
  const begin = '# lvsform edge begin: made by lvsform, every apply writes it anew\n';
  const block = `${begin}-A -t 192.0.2.1:80 -s rr\n--set 0 0 0\n# lvsform edge end\n`;
  const others =
    '# lvsform other begin: made by lvsform, every apply writes it anew\n--set 0 0 7\n# lvsform other end\n';
  const theirs = '-A -t 192.0.2.9:9 -s rr\n';
  expect(mergeRules(`${begin}${WEB}${theirs}`, STACK, own, ours)).toBe(`${theirs}${block}`);
  expect(mergeRules(`${begin}${WEB}${theirs}${others}`, STACK, own, ours)).toBe(`${theirs}${others}${block}`);
  expect(mergeRules(`${begin}${theirs}${block}`, STACK, own, ours)).toBe(`${theirs}${block}`);
  expect(mergeRules(`${theirs}# lvsform edge end\n`, STACK, own, ours)).toBe(`${theirs}${block}`);
});

test('a loaded file counts, one that is not does not, and ours comes over it', () => {
  const hand = { '/etc/ipvsadm.rules': WEB };
  const ids = (files: Files) => tableAfterBoot(stateOf(files)).services.map(({ key }) => serviceId(key));
  expect(ids({ texts: hand, there: DEBIAN })).toEqual([]);
  expect(ids({ texts: { ...hand, ...AUTO }, there: DEBIAN })).toEqual(['tcp/192.0.2.1:80']);
  const own = renderBootFile(STACK, parseBootFile('entry -A -t 192.0.2.1:80 -s rr\nentry -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1 -x 9 -y 0\n', STACK)); // prettier-ignore
  const both = { ...hand, ...AUTO, '/var/lib/lvsform/edge.boot': own };
  expect(tableAfterBoot(stateOf({ texts: { ...both, [UNIT]: BOOT_UNIT }, there: DEBIAN })).services).toMatchObject([
    { scheduler: 'rr', realServers: [{ upperThreshold: 9 }] },
  ]);
  // Without its unit the file is only a file.
  expect(tableAfterBoot(stateOf({ texts: both, there: DEBIAN })).services).toMatchObject([{ scheduler: 'wrr' }]);
});

test('what keeps a director from booting as wished is said', () => {
  const table = parseBootFile('entry -A -t 192.0.2.1:80 -s rr\n', STACK);
  const said = (files: Files): string[] => {
    const state = stateOf(files);
    return bootFindings('lb1', state, bootDrift('lb1', state, table)).map(({ code, message }) => `${code}: ${message}`);
  };
  const rules = { '/etc/ipvsadm.rules': '-A -t web:http -s rr\n' };
  expect(said({ texts: { ...rules, ...AUTO }, there: DEBIAN })).toEqual([
    'boot-drift: lb1: nothing is persisted for this stack yet (1 entries)',
    expect.stringContaining("boot-file: lb1: /etc/ipvsadm.rules can't be understood and stays as it is: line 1"),
  ]);
  const own = { '/var/lib/lvsform/edge.boot': renderBootFile(STACK, table) };
  expect(said({ texts: own, there: SYSTEMD })).toEqual([
    'boot-drift: would not be there after a reboot',
    'boot-file: lb1: lvsform-boot.service is missing: nothing of this stack is restored at boot by it',
  ]);
  expect(said({ texts: { '/var/lib/lvsform/edge.boot': 'nonsense\n', [UNIT]: BOOT_UNIT }, there: SYSTEMD })).toEqual([
    'boot-drift: would not be there after a reboot',
    'boot-file: lb1: the file that persists this stack was changed by hand',
  ]);
});

test('Debian starts daemons by its settings, loaded or not', () => {
  const settings = { '/etc/default/ipvsadm': 'AUTO="false"\nDAEMON="both"\nIFACE="eth3"\t\n# SYNCID="0"\nSYNCID=7\n' };
  expect(tableAfterBoot(stateOf({ texts: settings, there: DEBIAN })).daemons).toMatchObject([
    { role: 'backup', interface: 'eth3', syncId: 7 },
    { role: 'master', interface: 'eth3', syncId: 7 },
  ]);
});

test('the distribution is only switched on where the stack owns the table', () => {
  const table = parseBootFile('entry -A -t 192.0.2.1:80 -s rr\n', STACK);
  const off = stateOf({ texts: { '/etc/ipvsadm.rules': HAND }, there: DEBIAN });
  expect(renderBoot(STACK, off, table)).not.toHaveProperty('rules');
  const owned = renderBoot(STACK, off, table, 'table');
  expect(owned).toMatchObject({ rulesSwitch: { layout: 'debian', on: true }, unit: BOOT_UNIT, enableUnit: true });
  expect(owned.rules?.text).not.toContain('192.0.2.9');
  // And what was switched on is switched off again.
  const on = stateOf({ texts: { '/var/lib/lvsform/edge.boot': owned.own ?? '' }, there: DEBIAN });
  expect(renderUnboot(STACK, on)).toMatchObject({ own: null, rulesSwitch: { layout: 'debian', on: false } });
});

test('the RHEL family: what its stop wrote is not written again, but there has to be a file before its unit is enabled', () => {
  const table = parseBootFile('entry -A -t 192.0.2.1:80 -s wrr\nentry -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1 -x 9 -y 0\n', STACK); // prettier-ignore
  const there = [...SYSTEMD, '/etc/sysconfig'];
  const nothing = { services: [], marks: [], timeouts: {}, daemons: [] };
  expect(renderBoot(STACK, stateOf({ there }), nothing, 'table')).toMatchObject({
    rules: { path: '/etc/sysconfig/ipvsadm' },
    rulesSwitch: { layout: 'rhel', on: true },
  });
  const links = [...there, '/etc/systemd/system/multi-user.target.wants/ipvsadm.service'];
  const texts = { '/etc/sysconfig/ipvsadm': WEB, [UNIT]: BOOT_UNIT, '/var/lib/lvsform/edge.boot': renderBootFile(STACK, table) }; // prettier-ignore
  for (const owns of ['declared', 'table'] as const) {
    expect(renderBoot(STACK, stateOf({ texts, there: links }), table, owns)).toEqual({ record: STACK });
  }
});

test('scripts are recognised as what they are, and nothing that merely looks like them', () => {
  const jobs: BootJob[] = [
    { record: 'edge', own: 3, rules: { layout: 'rhel', lines: 4 }, unit: 9, enableUnit: true },
    { record: 'a.b-c', own: 'remove', unit: 'remove', rulesSwitch: { layout: 'debian', on: false } },
    { record: 'edge', enableUnit: true },
  ];
  for (const sudo of [true, false]) {
    const options = { nonce: NONCE, sudo };
    for (const job of jobs) {
      const text = bootWriteScript(job, options);
      expect(recognizeBootScript(text)).toEqual({ kind: 'boot-write', job, options });
      expect(recognizeBootScript(text.replace('umask 022', 'umask 000'))).toBeUndefined();
    }
    expect(recognizeBootScript(bootReadScript(options))).toMatchObject({ kind: 'boot-read' });
  }
});

test('texts reach the script in the order it takes them', () => {
  const { job, stdin } = bootJob({ record: 'edge', own: 'a\nb\n', unit: 'u\n', rules: { path: '/etc/ipvsadm.rules', text: 'r\n' } }, NONCE); // prettier-ignore
  expect(stdin).toBe(`a\nb\nu\nr\n@@${NONCE} end\n`);
  const script = bootWriteScript(job, { nonce: NONCE, sudo: true });
  const ranges = [...script.matchAll(/sed -n "([\d,]+)p" (?:> |\| sudo -n tee )(\S+)/g)].map(([, ...at]) => at);
  expect(ranges).toEqual([
    ['1,2', '/var/lib/lvsform/edge.boot.lvsform;'],
    ['3,3', '/etc/systemd/system/lvsform-boot.service.lvsform'],
    ['4,4', '/etc/ipvsadm.rules.lvsform'],
  ]);
});

test('the documentation has the unit to the letter, and every command that needs sudo for a file of rules', () => {
  const text = readFileSync(join(__dirname, '../../docs/boot.md'), 'utf8');
  expect(text).toContain(`\`\`\`ini\n${BOOT_UNIT}\`\`\``);
  const script = bootWriteScript({ record: 'edge', own: 1, rules: { layout: 'debian', lines: 1 } }, { nonce: NONCE, sudo: true }); // prettier-ignore
  const commands = new Set([...script.matchAll(/sudo -n ([^>;\n]*[^>;\s])/g)].map(([, command]) => command));
  expect(commands.size).toBe(4);
  for (const command of commands) expect(text).toContain(`/usr/bin/${command}`);
});

test('chains of stacks with odd names', () => {
  const stack = 'a stack with a name that is too long\nfor a chain';
  const table = parseBootFile('entry -A -f 1 -s rr\n', stack);
  const marks = [{ family: 'inet', protocol: null, destination: null, source: null, inputInterface: null, ports: [], mark: 1 } as const]; // prettier-ignore
  const text = renderBootFile(stack, { ...table, marks: marks.map((rule) => ({ ...rule, ports: [] })) });
  expect(text).toContain(`jump-inet ${chainName(stack)}\n`);
  expect(parseBootFile(text, stack).marks).toHaveLength(1);
});
