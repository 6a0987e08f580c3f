import { createHmac, randomBytes } from 'node:crypto';
import {
  hostKeyAlgorithms,
  judgeHostKey,
  type KnownHosts,
  knownHostsName,
  lookUpKeys,
  parseKnownHosts,
} from '../../lib/transport/known-hosts';
import { newKey } from '../support/ssh-server';

const [a, b] = [newKey().public, newKey().public];
const rsa = newKey('rsa').public;
const blob = (key: string): Buffer => Buffer.from(key.split(' ')[1] ?? '', 'base64');

function judge(file: string | KnownHosts[], name: string, port: number | undefined, key: string) {
  const files = typeof file === 'string' ? [parseKnownHosts(file, 'kh')] : file;
  return judgeHostKey(lookUpKeys(files, { name, port }), key.split(' ')[0] ?? '', blob(key));
}

function hashed(name: string, key: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')} ${key}\n`;
}

test.each([
  ['plain name', `lb1 ${a}\n`, 'lb1', 22],
  ['upper case on either side', `LB1.example ${a}\n`, 'lb1.EXAMPLE', 22],
  ['one of several names', `lb0,lb1,10.0.0.1 ${a} comment here\n`, '10.0.0.1', 22],
  ['port', `[lb1]:2222 ${a}\n`, 'lb1', 2222],
  ['IPv6 with port', `[2001:db8::1]:2222 ${a}\n`, '2001:db8::1', 2222],
  ['IPv6 on port 22', `2001:db8::1 ${a}\n`, '2001:db8::1', 22],
  ['any port when only the host is known, like OpenSSH', `lb1 ${a}\n`, 'lb1', 2222],
  ['wildcard', `*.example ${a}\n`, 'lb1.example', 22],
  ['wildcard over ports', `[lb1]:* ${a}\n`, 'lb1', 2222],
  ['question mark', `lb? ${a}\n`, 'lb1', 22],
  ['hashed', hashed('lb0', b) + hashed('lb1', a), 'lb1', 22],
  ['hashed with port', hashed('[lb1]:2222', a), 'lb1', 2222],
  ['several keys of one type', `lb1 ${b}\nlb1 ${a}\n`, 'lb1', 22],
  ['HostKeyAlias, without port', `alias ${a}\n`, 'alias', undefined],
  ['Windows line ends, tabs, leading space', `# hi\r\n\n  lb1\t${a.replace(' ', '\t')}\r\n`, 'lb1', 22],
])('trusts: %s', (_name, file, host, port) => {
  expect(judge(file, host, port, a)).toEqual({ is: 'trusted' });
});

test.each([
  ['empty file', '', 'lb1', 22],
  ['another host', `lb2 ${a}\n`, 'lb1', 22],
  ['a negated pattern', `*.example,!lb1.example ${a}\n`, 'lb1.example', 22],
  ['a dot is no wildcard', `lb1.example ${a}\n`, 'lb1xexample', 22],
  ['a key of another port', `[lb1]:2222 ${a}\n`, 'lb1', 22],
  ['a certificate authority', `@cert-authority lb1 ${a}\n`, 'lb1', 22],
  ['a comment', `# lb1 ${a}\n`, 'lb1', 22],
  ['no key', `lb1 ssh-ed25519\n`, 'lb1', 22],
  ['a key of protocol 1', `lb1 1024 35 ${'9'.repeat(300)}\n`, 'lb1', 22],
])('does not know: %s', (_name, file, host, port) => {
  expect(judge(file, host, port, a)).toEqual({ is: 'unknown', others: [] });
});

test('another key of the same type is a changed key, with its line', () => {
  expect(judge(`# x\nlb1 ${b}\n`, 'lb1', 22, a)).toMatchObject({ is: 'changed', known: { file: 'kh', line: 2 } });
});

test('a key of another type is unknown, and says what is known', () => {
  expect(judge(`lb1 ${rsa}\n`, 'lb1', 22, a)).toMatchObject({ is: 'unknown', others: [{ type: 'ssh-rsa', line: 1 }] });
});

test('a changed key on the port is not saved by the same key on port 22', () => {
  expect(judge(`[lb1]:2222 ${b}\nlb1 ${a}\n`, 'lb1', 2222, a)).toMatchObject({ is: 'changed', known: { line: 1 } });
});

test('a revoked key is refused though another line, in another file, trusts it', () => {
  const files = [parseKnownHosts(`lb1 ${a}\n`, 'user'), parseKnownHosts(`@revoked * ${a}\n`, 'global')];
  expect(judge(files, 'lb1', 22, a)).toMatchObject({ is: 'revoked', known: { file: 'global' } });
});

test('names as ssh-keyscan and ssh write them', () => {
  expect(knownHostsName('LB1', 22)).toBe('lb1');
  expect(knownHostsName('LB1', 2222)).toBe('[lb1]:2222');
});

test('known types are asked for first', () => {
  expect(hostKeyAlgorithms([])).toBeUndefined();
  expect(hostKeyAlgorithms(['ssh-ed25519', 'ssh-rsa'])).toBeUndefined();
  expect(hostKeyAlgorithms(['ssh-rsa'])?.slice(0, 4)).toEqual([
    'rsa-sha2-512',
    'rsa-sha2-256',
    'ssh-rsa',
    'ssh-ed25519',
  ]);
  expect(hostKeyAlgorithms(['ecdsa-sha2-nistp256'])?.[0]).toBe('ecdsa-sha2-nistp256');
});
