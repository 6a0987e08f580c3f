import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FETCH_PARTS, type FetchPart, parseLive, type PartResult, TornReadError } from '../../lib/dialect';
import { TransportError } from '../../lib/model';
import { refusal } from './refusal';

const CHAIN = 'IPVS-MARK';
const recording = (name: string): string => readFileSync(join(__dirname, '../fixtures/listings', name), 'utf8');
const ok = (stdout: string): PartResult => ({ code: 0, stdout, stderr: '' });
const failed = (code: number, stderr: string): PartResult => ({ code, stdout: '', stderr });

const OURS = `*mangle
:PREROUTING ACCEPT [0:0]
:${CHAIN} - [0:0]
-A PREROUTING -j ${CHAIN}
-A PREROUTING -d 192.0.2.9/32 -j MARK --set-xmark 0x9/0xffffffff
-A ${CHAIN} -d 192.0.2.10/32 -p tcp -m multiport --dports 80,443 -j MARK --set-xmark 0xc/0xffffffff
COMMIT
`;

const GOOD: Record<FetchPart, PartResult> = {
  path: ok('/usr/sbin/ipvsadm\n'),
  version: ok('ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n'),
  save: ok(recording('Sn-full.1.31.txt')),
  thresholds: ok(recording('Ln-thresholds.1.31.txt')),
  timeout: ok(recording('timeout.1.31.txt')),
  daemon: ok(recording('daemon-both.1.31.txt')),
  kernel: ok('6.1.0-50-cloud-amd64\n'),
  package: ok('1:1.31-1+b1'),
  iptables: ok('iptables v1.8.9 (nf_tables)\n'),
  ip6tables: ok('ip6tables v1.8.9 (legacy)\n'),
  marks: ok(OURS),
  marks6: ok(recording('ip6tables-save-mangle.nft.txt')),
  records: ok(''),
};

const live = (parts: Partial<Record<FetchPart, PartResult>> = {}) => parseLive({ ...GOOD, ...parts }, 'lb1', CHAIN);

const refused = (parts: Partial<Record<FetchPart, PartResult>>) => refusal(TransportError, () => live(parts));

/** What the shell and sudo say for a tool on every privileged part. */
const everywhere = (answer: (tool: string) => PartResult): Partial<Record<FetchPart, PartResult>> =>
  Object.fromEntries(
    FETCH_PARTS.filter((part) => part.privileged).map((part) => [part.name, answer(part.command.split(' ')[0] ?? '')]),
  );

describe('parseLive', () => {
  it('puts listings together', () => {
    const { table, chain, otherMarks, capabilities } = live();
    expect(table.services).toHaveLength(22);
    expect(table.timeouts).toEqual({ tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 });
    expect(table.daemons.map((daemon) => daemon.role)).toEqual(['backup', 'master']);
    expect(table.marks).toMatchObject([{ family: 'inet', destination: '192.0.2.10/32', mark: 12 }]);
    expect(otherMarks).toMatchObject([{ family: 'inet', mark: 9 }, { family: 'inet6', mark: 12 }]);
    expect(chain).toEqual({ inet: { present: true, jumps: 1 }, inet6: { present: false, jumps: 0 } });
    expect(capabilities).toEqual({
      ipvsadm: '1.31',
      kernel: '6.1.0-50-cloud-amd64',
      iptables: { inet: 'nft', inet6: 'legacy' },
      maxWeight: 2147483647,
    });
  }); // prettier-ignore

  it('knows upstream builds by the missing package', () => {
    expect(live({ package: failed(127, 'sh: dpkg-query: not found') }).capabilities.maxWeight).toBe(65535);
    expect(live({ package: failed(1, 'dpkg-query: no packages found matching ipvsadm') }).capabilities.maxWeight).toBe(65535); // prettier-ignore
  });

  it('reads an empty director', () => {
    const empty = live({ save: ok(''), thresholds: ok(recording('Ln-empty.1.31.txt').replace('Scheduler Flags', 'Uthreshold Lthreshold ActiveConn InActConn').replace(/Port {11}Forward.*/, 'Port')), daemon: ok('') }); // prettier-ignore
    expect(empty.table).toMatchObject({ services: [], daemons: [] });
  });

  it('does without iptables', () => {
    const { capabilities, chain, table } = live({
      iptables: failed(127, 'sh: 1: iptables: not found'),
      marks: failed(127, 'sh: 1: iptables-save: not found'),
      ip6tables: ok('ip6tables v1.8.9 (legacy)\n'),
      marks6: failed(1, "ip6tables-save v1.8.9 (legacy): can't initialize ip6tables table `mangle': Table does not exist (do you need to insmod?)"), // prettier-ignore
    });
    expect(capabilities.iptables).toEqual({ inet: null, inet6: null });
    expect(chain.inet).toEqual({ present: false, jumps: 0 });
    expect(table.marks).toEqual([]);
  });

  it('merges real servers that two listings sort differently', () => {
    const [head = '', ...rows] = GOOD.thresholds.stdout.split('\n').slice(2);
    const lines = [...GOOD.thresholds.stdout.split('\n').slice(0, 2), head, ...rows];
    const first = lines.findIndex((line) => line.includes('10.1.0.1:80 '));
    const swapped = lines.map((line, at) => (at === first ? lines[at + 1] : at === first + 1 ? lines[at - 1] : line));
    expect(live({ thresholds: ok(swapped.join('\n')) })).toEqual(live());
  });
});

describe('a torn read', () => {
  it.each([
    ['a service came', (text: string) => `${text}FWM  99 rr\n`],
    ['a service went', (text: string) => text.replace(/^UDP .*ops\n/m, '').replace(/^ {2}-> 10.1.0.6:53 .*\n/m, '')],
    ['a service changed its name', (text: string) => text.replace('FWM  13 ', 'FWM  14 ')],
    ['a real server came', (text: string) => `${text}  -> 10.9.9.9:80 0 0 0 0\n`],
    ['a real server changed its name', (text: string) => text.replace('10.1.0.9:443', '10.1.0.8:443')],
    ['services without real servers', (text: string) => text.replace(/^ {2}-> \S+:\d.*\n/gm, '')],
  ])('%s between two listings', (_, change) => {
    expect(() => live({ thresholds: ok(change(GOOD.thresholds.stdout)) })).toThrow(TornReadError);
    expect(() => live({ thresholds: ok(change(GOOD.thresholds.stdout)) })).toThrow('lb1: the table changed');
  });
});

describe('a director that refuses', () => {
  it.each([
    ['no ipvsadm', (tool: string) => failed(127, `sh: 1: ${tool}: not found`), 'no-ipvsadm'],
    ['no ipvsadm, in the words of bash', (tool: string) => failed(127, `bash: line 2: ${tool}: command not found`), 'no-ipvsadm'],
    ['no ipvsadm behind sudo', (tool: string) => failed(1, `sudo: ${tool}: command not found`), 'no-ipvsadm'],
    ['no sudo', () => failed(127, 'sh: 6: sudo: not found'), 'no-permission'],
    ['sudo wants a password', () => failed(1, 'sudo: a password is required'), 'no-permission'],
    ['sudo wants a terminal', () => failed(1, 'sudo: a terminal is required to read the password; either use the -S option'), 'no-permission'],
    ['not in sudoers', () => failed(1, 'ops is not in the sudoers file.'), 'no-permission'],
    ['not allowed by sudoers', () => failed(1, "Sorry, user ops is not allowed to execute '/usr/sbin/ipvsadm -Sn' as root on lb1."), 'no-permission'],
    ['not root', () => failed(2, "Can't initialize ipvs: Permission denied (you must be root)"), 'no-permission'],
    ['not root, 1.27 to 1.29', () => failed(2, "Can't initialize ipvs: No space left on device\nAre you sure"), 'no-permission'],
    ['no module', () => failed(2, "Can't initialize ipvs: Protocol not available\nAre you sure that IP Virtual Server is built in the kernel or as module?"), 'no-module'],
    ['anything else', () => failed(139, 'Segmentation fault'), 'command-failed'],
  ])('%s', (_, answer, code) => {
    const error = refused(everywhere(answer));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^lb1: /);
    expect(String(error.cause)).toContain('ipvsadm --version');
  }); // prettier-ignore

  it('gives the line for sudoers', () => {
    expect(refused({ save: failed(1, 'sudo: a password is required') }).hint).toContain('NOPASSWD: /usr/sbin/ipvsadm');
  });

  it('says what the tool said', () => {
    expect(refused({ save: failed(139, 'Segmentation fault') }).message).toBe(
      'lb1: ipvsadm -Sn failed with exit code 139: Segmentation fault',
    );
  });

  it('may not read mark rules', () => {
    const marks = failed(4, 'iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)'); // prettier-ignore
    expect(refused({ marks }).code).toBe('no-permission');
  });

  it('has mark rules made with nft, which iptables 1.8.9 says like this', () => {
    const said = "Error: meta sreg key not supported\niptables-save v1.8.9 (nf_tables): Parsing nftables rule failed\nPerhaps iptables-save or your kernel needs to be upgraded."; // prettier-ignore
    const { code, message, hint } = refused({ marks: { ...GOOD.marks, code: 3, stderr: said } });
    expect({ code, hint }).toEqual({ code: 'command-failed', hint: 'move them to a table of another name' });
    expect(message).toMatch(/^lb1: table mangle has rules made with nft that iptables can't list \(iptables-save -t mangle: Error: meta sreg/); // prettier-ignore
  });

  it('is not mistaken for one whose iptables warns', () => {
    const warning = '# Warning: iptables-legacy tables present, use iptables-legacy-save to see them';
    expect(live({ marks: { ...GOOD.marks, stderr: warning } })).toEqual(live());
  });
});

test('an ipvsadm that is not there is told from a sudo that hides it', () => {
  const parts = { ...GOOD, path: failed(1, ''), version: failed(1, 'sudo: a password is required') };
  expect(() => parseLive(parts, 'lb1', CHAIN)).toThrow(expect.objectContaining({ code: 'no-ipvsadm' }) as Error);
});
