import { at, connect, failure, home, serve, user } from '../support/ssh-bench';
import { newKey } from '../support/ssh-server';

test('an alias: host, port, user, identity, HostKeyAlias', async () => {
  const server = await serve({ users: ['lvs'] });
  home.writeKey('fleet', user);
  home.writeKey('id_ed25519', newKey());
  home.write('known_hosts', `edge-key ${server.hostKey}\n`);
  home.write(
    'config',
    `Host edge
       HostName 127.0.0.1
       Port ${server.port}
       User lvs
       IdentityFile %d/.ssh/fleet
       HostKeyAlias edge-key
       ConnectTimeout 5`,
  );
  await connect({ name: 'lb1', host: 'edge' });
  expect(server.logins).toEqual(['lvs publickey', 'lvs publickey']);
});

test('%k, the name of a host among host keys', async () => {
  const server = await serve();
  home.write('keys.d/edge', `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
  home.write('keys.d/other', `other ${server.hostKey}\n`);
  home.write(
    'config',
    `UserKnownHostsFile ~/.ssh/keys.d/%k\nHost aliased\nHostKeyAlias other\nHost *\nHostName 127.0.0.1\nPort ${server.port}`,
  );
  await connect({ name: 'lb1', host: 'edge', user: 'ops' });
  await connect({ name: 'lb1', host: 'aliased', user: 'ops' });
});

test('fields of the Director win', async () => {
  const server = await serve({ users: ['ops'] });
  home.write('config', 'Host 127.*\nPort 1\nUser wrong\nIdentityFile ~/.ssh/wrong\nProxyJump nowhere.invalid');
  await connect(at(server, { jump: 'none', identityFile: '~/.ssh/id_ed25519' }));
});

test('a file of another name', async () => {
  const server = await serve();
  const sshConfigFile = home.write('other-config', `Host edge\nHostName 127.0.0.1\nPort ${server.port}`);
  await connect({ name: 'lb1', host: 'edge', user: 'ops', hostKey: server.hostKey }, { sshConfigFile });
});

test.each([
  ['ProxyCommand nc %h %p', 'config:1: ProxyCommand for 127.0.0.1 is not supported'],
  ['HostName %k', 'the token %k is not supported'],
  ['IdentityFile ${NOWHERE}/key', 'the environment has no NOWHERE'],
  ['ProxyJump "a b"', "'a b' is not a jump host"],
  ['ProxyJump loop\nUser x', 'is a jump host reached through itself?'],
])('refuses %j', async (config, message) => {
  home.write('config', config);
  const error = await failure(connect(at(await serve())));
  expect(error.source).toBe('user');
  expect(error.message).toContain(message);
});
