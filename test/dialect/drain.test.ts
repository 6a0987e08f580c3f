/** Counting connections: what the script prints in a real shell, and what is known afterwards. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { drainInput, drainScript, parseDrain } from '../../lib/dialect';
import type { ServiceKey } from '../../lib/model';

const NONCE = '0123abcd';
const KEYS: ServiceKey[] = [
  { by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 },
  { by: 'fwmark', family: 'inet6', mark: 12 },
];
const FIRST = 'tcp/192.0.2.1:80';
const SECOND = 'fwm6/12';
const COUNTS = {
  [FIRST]: { '10.0.0.1:80': { active: 3, inactive: 4 } },
  [SECOND]: { '[2001:db8::1]:0': { active: 0, inactive: 7 } },
};

/** Instead of ipvsadm and sudo: lists the two services, and does first what it is told to. */
const IPVSADM = `#!/bin/sh
read -r list numeric what option name rest
eval "$FIRST"
echo "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn"
echo "  -> RemoteAddress:Port"
case $name in
  12) echo "FWM  12 IPv6 rr"; echo "  -> [2001:db8::1]:0              1         0          0          7" ;;
  *) echo "TCP  $name wrr"; echo "  -> 10.0.0.1:80                  1         0          3          4" ;;
esac
`;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lvsform-drain-'));
  writeFileSync(join(folder, 'ipvsadm'), IPVSADM, { mode: 0o755 });
  writeFileSync(join(folder, 'sudo'), '#!/bin/sh\neval "$SUDO"\nshift; exec "$@"\n', { mode: 0o755 });
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function print({ first = '', sudo = '' } = {}): string {
  return execFileSync('sh', ['-c', drainScript({ nonce: NONCE, sudo: true })], {
    input: drainInput(KEYS, NONCE),
    env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, FIRST: first, SUDO: sudo },
    encoding: 'utf8',
  });
}

const read = (stdout: string) => parseDrain(stdout, NONCE, KEYS);
const says = (words: string, code: number): string => `echo "${words}" >&2; exit ${code}`;
const nothing = (why: string) => ({ connections: {}, failures: { [FIRST]: why, [SECOND]: why } });
const only = (id: typeof FIRST | typeof SECOND) => ({ [id]: COUNTS[id] });

test('every service and its servers', () => {
  expect(read(print())).toEqual({ connections: COUNTS, failures: {} });
});

test('a service that is gone has no connections, and those after it do', () => {
  const gone = `[ "$name" = 12 ] || { ${says('No such service', 1)}; }`;
  expect(read(print({ first: gone }))).toEqual({ connections: only(SECOND), failures: {} });
  const unresolved = 'echo "sudo: unable to resolve host lb1: Name or service not known" >&2';
  expect(read(print({ first: gone, sudo: unresolved }))).toEqual({ connections: only(SECOND), failures: {} });
});

test.each([
  ['a refusal of sudo', { sudo: says('sudo: a password is required', 1) }, 'sudo: a password is required'],
  ['a word of the kernel, or of an ipvsadm before 1.30', { first: says('Memory allocation problem', 1) }, 'Memory allocation problem'],
  ['a failure without a word', { first: 'exit 1' }, 'exit code 1'],
  ['no service, and no failure', { first: 'exit 0' }, 'ipvsadm did not list it'],
])('%s says nothing about connections', (_what, how, why) => {
  const stdout = print(how);
  if (why === 'ipvsadm did not list it') expect(stdout).toContain(`@@${NONCE} 0\n`);
  expect(read(stdout)).toEqual(nothing(why));
}); // prettier-ignore

test('a failure of one service leaves the others', () => {
  const first = `[ "$name" != 12 ] || { ${says('Memory allocation problem', 1)}; }`;
  expect(read(print({ first }))).toEqual({
    connections: only(FIRST),
    failures: { [SECOND]: 'Memory allocation problem' },
  });
});

test('an answer that is cut short, or a question that was, says nothing', () => {
  const cut = nothing('the answer is cut short');
  const whole = print();
  expect(read(whole.replace(`@@${NONCE} end\n`, ''))).toEqual(cut);
  expect(read('')).toEqual(cut);
  expect(read(`@@${NONCE} end\n`)).toEqual(cut);
  expect(read(`@@${NONCE} truncated\n`)).toEqual(cut);
});

test('what a login prints is no part of it', () => {
  expect(read(`Welcome to lb1\nProt LocalAddress:Port\n${print()}`)).toEqual({ connections: COUNTS, failures: {} });
});

test('a server that is listed twice: the table moved while it was read', () => {
  const line = '  -> 10.0.0.1:80                  1         0          3          4\n';
  const reading = read(print().replace(line, line + line));
  expect(reading.connections).toEqual(only(SECOND));
  expect(reading.failures[FIRST]).toContain('real server 10.0.0.1:80');
});
