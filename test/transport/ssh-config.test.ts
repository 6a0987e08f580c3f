import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileCache } from '../../lib/transport/file-cache';
import { loadSshConfig } from '../../lib/transport/load-config';
import { lookUpHost, parseSshConfig } from '../../lib/transport/ssh-config';

const look = (text: string, host = 'lb1', user?: string) =>
  lookUpHost(parseSshConfig(text, 'config'), { host, localUser: 'me', ...(user === undefined ? {} : { user }) });

test('the first value wins, identity files add up', () => {
  const text = `
    Host lb1
      User ops
      IdentityFile ~/.ssh/one
    Host *
      User nobody
      Port 2222
      IdentityFile ~/.ssh/two`;
  expect(look(text)).toEqual({ user: 'ops', port: 2222, identityFiles: ['~/.ssh/one', '~/.ssh/two'] });
});

test.each([
  ['keywords in any case, = and quotes', 'HOST "lb1"\nhostname = "10.0.0.1"', { hostName: '10.0.0.1' }],
  ['several patterns, one of them negated', 'Host lb* !lb1\nPort 1', {}],
  ['a question mark', 'Host lb?\nPort 1', { port: 1 }],
  ['a value before any Host', 'Port 1\nHost lb1\nPort 2', { port: 1 }],
  ['comments', '# Port 3\nHost lb1 # mine\nPort 1 # one', { port: 1 }],
  ['Match all', 'Host x\nMatch all\nPort 1', { port: 1 }],
  ['Match host after HostName', 'Host lb1\nHostName real\nMatch host real\nPort 1', { hostName: 'real', port: 1 }],
  ['Match originalhost', 'HostName real\nMatch originalhost lb1\nPort 1', { hostName: 'real', port: 1 }],
  ['Match with a negated criterion', 'Match !host lb1\nPort 1', {}],
  ['Match user, from the config', 'User ops\nMatch user ops\nPort 1', { user: 'ops', port: 1 }],
  ['Match localuser', 'Match localuser a,me\nPort 1', { port: 1 }],
  ['Match final comes last', 'Match final host lb1\nPort 1\nMatch all\nPort 2', { port: 2 }],
  ['Match final applies', 'Match final all\nPort 1\nUser ops', { port: 1, user: 'ops' }],
  ['Host after HostName, once more for Match final', 'HostName real\nHost real\nPort 1\nMatch final all', { hostName: 'real', port: 1 }], // prettier-ignore
  ['Match canonical, once more for Match final', 'Match final all\nMatch canonical all\nPort 1', { port: 1 }],
  ['Match with =', 'Match host=lb1 !user = ops\nPort 1', { port: 1 }],
  ['Match with = for another host', 'Match host = lb2\nPort 1', {}],
  ['quotes inside a word', 'IdentityFile ~/"my keys"/id', { identityFiles: ['~/my keys/id'] }],
  ['escaped spaces and quotes', String.raw`IdentityFile ~/my\ keys/"\"id\""`, { identityFiles: ['~/my keys/"id"'] }],
  ['ConnectTimeout with units', 'ConnectTimeout 1m30s', { connectTimeoutSeconds: 90 }],
  ['ConnectTimeout 0, which is none', 'ConnectTimeout 0', {}],
  ['Match canonical alone never applies', 'Match canonical all\nPort 1', {}],
  ['Match exec for another host', 'Match host other exec "true"\nPort 1', {}],
  ['Match exec that sets nothing we use', 'Match exec "true"\nSendEnv LANG', {}],
  ['Match exec that comes too late', 'Port 1\nMatch exec "true"\nPort 2', { port: 1 }],
  ['ProxyJump before ProxyCommand', 'ProxyJump b\nProxyCommand nc %h', { proxy: { by: 'jump', hops: 'b' } }],
  ['ProxyCommand none', 'ProxyCommand none\nProxyJump b', { proxy: { by: 'jump', hops: 'none' } }],
  ['ProxyCommand', '\nProxyCommand nc %h', { proxy: { by: 'command', at: 'config:2' } }],
  ['several known_hosts', 'UserKnownHostsFile a "b c"', { userKnownHostsFiles: ['a', 'b c'] }],
  ['IdentitiesOnly', 'IdentitiesOnly yes', { identitiesOnly: true }],
  ['StrictHostKeyChecking is not honoured', 'StrictHostKeyChecking no', {}],
])('%s', (_name, text, expected) => {
  expect(look(text)).toEqual({ identityFiles: [], ...expected });
});

test('the login name of the caller decides Match user and wins', () => {
  expect(look('User cfg\nMatch user ops\nPort 1', 'lb1', 'ops')).toEqual({ user: 'ops', port: 1, identityFiles: [] });
});

test.each([
  ['Host lb1\nPort many', "config:2: port: 'many' is not a number from 1 to 65535"],
  ['IdentitiesOnly maybe', "config:1: identitiesonly: 'maybe' is neither yes nor no"],
  ['HostName', 'config:1: hostname has no value'],
  ['ConnectTimeout 10x', "config:1: connecttimeout: '10x' is not a time of at most 86400 seconds"],
  ['ConnectTimeout 2d', "config:1: connecttimeout: '2d' is not a time of at most 86400 seconds"],
  [
    'Match host lb1 exec "test -e vpn"\nProxyJump b',
    "config:1: 'Match host lb1 exec test -e vpn' would set proxyjump for lb1 (line 2), and whether it applies is not decided here",
  ],
])('refuses %j', (text, message) => {
  expect(() => look(text)).toThrow(message);
});

describe('Include', () => {
  const home = mkdtempSync(join(tmpdir(), 'lvsform-config-'));
  afterAll(() => {
    rmSync(home, { recursive: true });
  });

  const write = (name: string, text: string): string => {
    mkdirSync(join(home, '.ssh/conf.d'), { recursive: true });
    writeFileSync(join(home, '.ssh', name), text);
    return join(home, '.ssh', name);
  };
  const load = async (path: string, host = 'lb1') =>
    lookUpHost(await loadSshConfig(path, home, new FileCache()), { host, localUser: 'me' });

  test('files by pattern in order, relative to ~/.ssh, and a Host block that ends with its file', async () => {
    write('conf.d/20-b', 'Port 20\nUser b');
    write('conf.d/10-a', 'Host other\nPort 10');
    write('conf.d/.hidden', 'Port 1');
    const config = write('config', 'Include conf.d/*\nHostName real\n');
    expect(await load(config)).toEqual({ port: 20, user: 'b', hostName: 'real', identityFiles: [] });
    expect(await load(config, 'other')).toMatchObject({ port: 10 });
  });

  test('sets of characters', async () => {
    write('conf.d/30-c', 'Port 30');
    write('conf.d/x-d', 'User d');
    expect(await load(write('config', 'Include conf.d/[3-9]*'))).toMatchObject({ port: 30 });
    expect(await load(write('config', 'Include conf.d/[!0-9]*'))).toEqual({ user: 'd', identityFiles: [] });
  });

  test('inside a Host block it counts for that host only', async () => {
    write('extra', 'Port 7\nHost lb2\nPort 8');
    const config = write('config', 'Host lb1\nInclude ~/.ssh/extra\nUser ops');
    expect(await load(config)).toEqual({ port: 7, user: 'ops', identityFiles: [] });
    expect(await load(config, 'lb2')).toEqual({ identityFiles: [] });
  });

  test('a missing file is no error, a circle is', async () => {
    expect(await load(write('config', 'Include gone gone/*\nPort 5'))).toMatchObject({ port: 5 });
    await expect(load(write('loop', 'Include loop'))).rejects.toThrow('Include nests deeper than 16 files');
  });

  test('no config at all', async () => {
    expect(await load(join(home, 'nothing'))).toEqual({ identityFiles: [] });
  });
});
