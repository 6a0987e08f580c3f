/** The recordings of the real tool, command by command. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { startSim, type Sim, type SimDirector } from '../../lib/sim';

const listings = join(__dirname, '..', 'fixtures', 'listings');
const recording = (name: string): string => readFileSync(join(listings, name), 'utf8');

let sim: Sim;
let director: SimDirector;

beforeAll(async () => {
  sim = await startSim({
    hosts: { 'www-vip.example.test': '192.0.2.80', 'rs1.example.test': '10.1.0.1' },
    interfaces: { lo: 65536, eth0: 1500, dmx: 1500 },
  });
  director = sim.directors[0]!;
});
beforeEach(() => {
  director.reset();
});
afterAll(() => sim.close());

const run = (...words: string[]): string => {
  const { code, stdout, stderr } = director.exec(['ipvsadm', ...words]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
};

test('every command of errors.tsv, in sequence on one table', () => {
  const rows = recording('errors.tsv').split('\n').map((line) => line.split('\t')); // prettier-ignore
  const own = rows.filter(([build]) => build === '1.31-1');
  expect(own).toHaveLength(215);
  const bars = (text: string): string => text.replace(/\n$/, '').replaceAll('\n', '|');
  const seen = own.map(([, , command = '']) => {
    const { code, stdout, stderr } = director.exec(command.split(' '));
    return { command, code, stderr: bars(stderr), stdout: stdout.replaceAll('\n', '|') };
  });
  const recorded = own.map(([, , command = '', code, stderr, head = ''], i) => {
    const stdout = seen[i]?.stdout ?? '';
    // The first 160 bytes. With marks and addresses 2^31 apart the order depends on the kernel's hash table.
    const comparable = OVERFLOWING.test(command) ? stdout : stdout.startsWith(head) && head !== '' ? stdout : head;
    return { command, code: Number(code), stderr, stdout: comparable };
  });
  expect(seen).toEqual(recorded);
});

const OVERFLOWING = /--stats --rate|--persistent-conn --thresholds/;

test('odd inputs and what is stored', () => {
  const rows = recording('odd-inputs.txt').split('\n').map((line) => line.split('\t')); // prettier-ignore
  const own = rows.filter(([build]) => build === '1.31-1');
  expect(own.length).toBeGreaterThan(30);
  for (const [, command = '', code = '', stderr = '', stored = ''] of own) {
    director.reset();
    const seen = director.exec(['ipvsadm', ...command.split(' ')]);
    expect([command, `rc=${seen.code}`, seen.stderr.replaceAll('\n', '|'), `=> ${director.rules().replaceAll('\n', '|')}`]).toEqual([command, code, stderr, stored]); // prettier-ignore
  }
});

/** One case of R-matrix.txt: input, exit code, what was said, table afterwards. */
interface RestoreCase {
  title: string;
  input: string;
  code: number;
  stdout: string;
  stderr: string;
  table: string;
}

/** `cat -A` undone: `$` ends a line, `^I` is a tab, `^M` a carriage return. */
const visible = (line: string): string => line.replace(/\$$/, '\n').replaceAll('^I', '\t').replaceAll('^M', '\r');

function restoreCases(): RestoreCase[] {
  return recording('R-matrix.txt')
    .split(/^### /m)
    .filter((text) => text.startsWith('[1.31-1]'))
    .map((text) => {
      const [title, rest] = splitOnce(text, '\n--- stdin:\n');
      const [input, after] = splitOnce(rest, '--- rc=');
      const [head, table] = splitOnce(after, '--- table after:\n');
      const [code = '', ...said] = head.replace(/\n$/, '').split('\n');
      const only = (stream: string): string =>
        said.filter((line) => line.startsWith(`${stream}: `)).map((line) => `${line.slice(stream.length + 2)}\n`).join(''); // prettier-ignore
      return {
        title,
        input: input.split('\n').map(visible).join(''),
        code: Number(code),
        stdout: only('stdout').replaceAll('ipvsadm-1.31-1', 'ipvsadm'),
        stderr: only('stderr').replaceAll('ipvsadm-1.31-1', 'ipvsadm'),
        table,
      };
    });
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}

test.each(restoreCases().map((entry) => [entry.title, entry] as const))('ipvsadm -R: %s', (_title, entry) => {
  const { code, stdout, stderr } = director.exec(['ipvsadm', '-R'], entry.input);
  expect({ code, stdout, stderr }).toEqual({ code: entry.code, stdout: entry.stdout, stderr: entry.stderr });
  // Of the case that prints the usage the recording ends before the table.
  if (!entry.title.includes('-h inside')) expect(director.rules()).toBe(entry.table);
});

test('there are recordings of -R', () => {
  expect(restoreCases().length).toBeGreaterThan(20);
});

describe('edit semantics', () => {
  const steps = recording('edit-semantics.txt').split(/^\$ /m).slice(1);

  test('every recorded step in sequence', () => {
    expect(steps.length).toBeGreaterThan(25);
    for (const step of steps) {
      const [line = '', ...rest] = step.split('\n');
      const stdout = rest.filter((text) => !/^(?:\[stderr\] |\[rc=|#+ )/.test(text) && text !== '');
      const stderr = rest.filter((text) => text.startsWith('[stderr] ')).map((text) => text.slice(9));
      const seen = { line, ...runLine(line) };
      const proc = stdout.findIndex((text) => text.startsWith('TCP  C0000201:0050'));
      expect(seen).toEqual({ line, stdout: proc < 0 ? stdout : stdout.slice(0, proc), stderr });
    }
  });

  /** `ipvsadm …; echo rc=$?; …` without a shell; what is not ours (`cat /proc/…`, `ip addr …`) is left out. */
  function runLine(line: string): { stdout: string[]; stderr: string[] } {
    const result = { stdout: [] as string[], stderr: [] as string[] };
    let last = 0;
    for (const command of line.split(';').map((part) => part.trim().split(/\s+/))) {
      if (command[0] === 'echo') result.stdout.push(`rc=${last}`);
      if (command[0] !== 'ipvsadm') continue;
      const { code, stdout, stderr } = director.exec(command);
      last = code;
      result.stdout.push(...stdout.split('\n').filter((text) => text !== ''));
      result.stderr.push(...stderr.split('\n').filter((text) => text !== ''));
    }
    return result;
  }
});

test.each([
  ['Sn-full.1.31.txt', ['-Sn']],
  ['S-full-names.1.31.txt', ['-S']],
  ['L-full-names.1.31.txt', ['-L']],
  ['L-full-names.1.31.txt', []],
  ['Ln-full.1.31.txt', ['-Ln']],
  ['Ln-full.1.31.txt', ['-l', '-n']],
  ['Ln-thresholds.1.31.txt', ['-Ln', '--thresholds']],
  ['Ln-persistent-conn.1.31.txt', ['-Ln', '--persistent-conn']],
  ['Ln-tun-info.1.31.txt', ['-Ln', '--tun-info']],
  ['Ln-stats-zero.1.31.txt', ['-Ln', '--stats']],
  ['Ln-rate-zero.1.31.txt', ['-Ln', '--rate']],
  ['Ln-one-service.1.31.txt', ['-Ln', '-t', '192.0.2.10:80']],
  ['timeout.1.31.txt', ['-L', '--timeout']],
  ['daemon-none.1.31.txt', ['-L', '--daemon']],
])('%s by %j', (file, words) => {
  expect(director.exec(['ipvsadm', '-R'], recording('input-full.rules'))).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(run(...words)).toBe(recording(file));
});

test.each([
  ['Ln-conns-stats.1.31.txt', ['-Ln', '--stats']],
  ['Ln-conns-stats-exact.1.31.txt', ['-Ln', '--stats', '--exact']],
])('%s by %j, once the same has passed', (file, words) => {
  let service: string[] = [];
  for (const line of recording('Ln-conns-stats-exact.1.31.txt').split('\n').slice(3)) {
    const [first = '', name = '', ...counts] = line.trim().split(/\s+/);
    if (first === '') continue;
    if (first !== '->') {
      service = first === 'FWM' ? ['-f', name] : [first === 'TCP' ? '-t' : '-u', name];
      run('-A', ...service);
      continue;
    }
    run('-a', ...service, '-r', name);
    const [connections = 0n, inPackets = 0n, outPackets = 0n, inBytes = 0n, outBytes = 0n] = counts.map(BigInt);
    director.addTraffic(name, { connections, inPackets, outPackets, inBytes, outBytes });
  }
  expect(run(...words)).toBe(recording(file));
  run('-Z');
  expect(run(...words)).not.toMatch(/[1-9]\d* *$/m);
});

test('--nosort lists the same services, newest real servers first', () => {
  director.exec(['ipvsadm', '-R'], recording('input-full.rules'));
  const nosort = run('-Ln', '--nosort');
  const entries = (text: string): string[] => text.split(/^(?=\w)/m).sort();
  expect(entries(nosort)).toEqual(entries(recording('Ln-nosort.1.31.txt')));
});

test('marks from 2^31 up are printed negative and can not be restored', () => {
  for (const mark of ['1', '2147483647', '2147483648', '4294967295', '12']) run('-A', '-f', mark);
  expect(director.rules().split('\n').sort()).toEqual(recording('Sn-fwmark-negative.1.31.txt').split('\n').sort());
  director.reset();
  run('-A', '-f', '4294967295');
  expect(director.exec(['ipvsadm', '-R'], director.rules())).toMatchObject({ code: 2, stderr: "invalid fwmark value `-1' specified\n" }); // prettier-ignore
});

test('addresses 2^31 apart are sorted the wrong way round', () => {
  for (const address of ['1.1.1.1', '200.1.1.1']) run('-A', '-t', `${address}:80`);
  expect(director.rules()).toBe('-A -t 200.1.1.1:80 -s wlc\n-A -t 1.1.1.1:80 -s wlc\n');
});

test('daemons as recorded', () => {
  run('--start-daemon', 'master', '--mcast-interface', 'dmx', '--syncid', '5');
  expect(run('-L', '--daemon')).toBe(recording('daemon-master.1.31.txt'));
  run('--start-daemon', 'backup', '--mcast-interface', 'dmx', '--syncid', '9', '--sync-maxlen', '1400', '--mcast-group', 'ff02::81', '--mcast-port', '9999', '--mcast-ttl', '3'); // prettier-ignore
  expect(run('-L', '--daemon')).toBe(recording('daemon-both.1.31.txt'));
  run('--stop-daemon', 'master');
  expect(run('-L', '--daemon')).toBe(recording('daemon-backup.1.31.txt'));
});
