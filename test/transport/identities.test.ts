import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import ssh2, { type ParsedKey } from 'ssh2';
import { connectSsh } from '../../lib/transport';
import { startAgent } from '../support/ssh-agent';
import { afterTest, at, connect, containing, failure, home, serve, user } from '../support/ssh-bench';
import { newKey } from '../support/ssh-server';

describe('login', () => {
  test('refused: says who, with what, and what to do; no secret in it', async () => {
    const server = await serve({ authorized: [] });
    const error = await failure(connect(at(server)));
    expect(error.code).toBe('auth');
    expect(error.message).toBe(
      `lb1: login as ops on 127.0.0.1:${server.port} was refused (tried ${home.path}/.ssh/id_ed25519; the server accepts publickey)`,
    );
    expect(error.hint).toContain('~ops/.ssh/authorized_keys');
    const told = JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error.cause);
    expect(told).not.toContain('PRIVATE KEY');
    expect(told).not.toContain(user.private.split('\n')[2]);
  });

  test('no such user', async () => {
    const server = await serve({ users: ['root'] });
    expect((await failure(connect(at(server)))).code).toBe('auth');
  });

  test('no key at all', async () => {
    const server = await serve();
    const error = await failure(connectSsh(at(server), { env: { HOME: join(home.path, 'nobody') } }));
    expect(error).toMatchObject({ code: 'auth', message: containing('there was no key to try') });
  });

  test('a server that wants no proof', async () => {
    const server = await serve({ open: true });
    const runner = await connectSsh(at(server), { env: { HOME: join(home.path, 'nobody') } });
    await runner.close();
    expect(server.logins).toEqual(['ops none']);
  });

  test('identityFile is the only key tried', async () => {
    const other = newKey('ecdsa');
    const server = await serve({ authorized: [user.public] });
    const error = await failure(connect(at(server, { identityFile: home.writeKey('other', other) })));
    expect(error.message).toContain('(tried ');
    expect(error.message).not.toContain('id_ed25519');
  });

  test.each([['ed25519' as const], ['ecdsa' as const], ['rsa' as const]])(
    'an %s key file, ~ expanded',
    async (kind) => {
      const key = newKey(kind);
      home.writeKey('deploy', key);
      const server = await serve({ authorized: [key.public] });
      expect(await (await connect(at(server, { identityFile: '~/.ssh/deploy' }))).run('x')).toMatchObject({ code: 0 });
    },
  );

  test('several identities of the config are tried in turn', async () => {
    home.writeKey('first', newKey());
    home.writeKey('second', user);
    home.write('config', 'IdentityFile ~/.ssh/missing\nIdentityFile ~/.ssh/first\nIdentityFile ~/.ssh/second');
    const server = await serve();
    await connect(at(server));
    expect(server.logins).toEqual(['ops publickey', 'ops publickey', 'ops publickey']);
  });

  test('an encrypted key file without agent', async () => {
    const file = home.writeKey('locked', newKey('ed25519', 'pass phrase'));
    const server = await serve();
    const error = await failure(connect(at(server, { identityFile: file })));
    expect(error.code).toBe('auth');
    expect(error.message).toBe(`lb1: ${file} is encrypted and no agent holds it`);
    expect(error.hint).toContain(`ssh-add ${file}`);
    expect(server.accepted).toBe(0);
  });

  test('an encrypted default key is passed over, and mentioned when nothing else works', async () => {
    home.writeKey('id_ed25519', newKey('ed25519', 'pass phrase'));
    const server = await serve();
    expect((await failure(connect(at(server)))).message).toContain('id_ed25519 is encrypted and no agent holds it');
  });

  test.each([
    ['missing', undefined, 'does not exist'],
    ['garbage', 'not a key', 'can not be used'],
  ])('an identityFile that is %s', async (name, text, message) => {
    if (text !== undefined) home.write(name, text);
    const server = await serve();
    const error = await failure(connect(at(server, { identityFile: `~/.ssh/${name}` })));
    expect(error).toMatchObject({ code: 'auth', message: containing(message) });
  });

  test('agent: true without an agent', async () => {
    const error = await failure(connect(at(await serve(), { agent: true })));
    expect(error).toMatchObject({ code: 'auth', hint: containing('SSH_AUTH_SOCK') });
  });

  test('an agent that is gone is passed over, and mentioned when nothing else works', async () => {
    const env = { ...home.env, SSH_AUTH_SOCK: join(home.path, 'gone') };
    await (await connectSsh(at(await serve()), { env })).close();
    const error = await failure(connectSsh(at(await serve({ authorized: [] })), { env }));
    expect(error.message).toContain(`the agent at ${home.path}/gone does not answer`);
  });
});

describe('through an agent', () => {
  test.each([
    ['OpenSSH format, which shows its public half', newKey('ed25519', 'secret').private, false],
    ['PEM, with its public half beside it', lockedPem('secret'), true],
  ])('an encrypted key file: %s', async (_name, text, withPublicHalf) => {
    const key = parsed(text, 'secret');
    const file = home.write('locked', text);
    if (withPublicHalf) home.write('locked.pub', publicLine(key));
    const { env, agent } = await agentWith(parsed(newKey().private), key);
    const server = await serve({ authorized: [publicLine(key)] });
    await (await connectSsh(at(server, { identityFile: file }), { env })).close();
    expect(server.logins).toEqual(['ops publickey', 'ops publickey']);
    expect(agent.signatures).toBe(1);
  });

  test('an identityFile that is a public key', async () => {
    const { env } = await agentWith(parsed(newKey().private), parsed(user.private));
    home.writeKey('held', user);
    const director = at(await serve(), { identityFile: '~/.ssh/held.pub' });
    await (await connectSsh(director, { env })).close();
    expect((await failure(connectSsh({ ...director, agent: false }, { env }))).message).toContain('is a public key');
  });

  test('a key file of which only the public half is here', async () => {
    const { env } = await agentWith(parsed(newKey().private), parsed(user.private));
    const server = await serve();
    home.write('absent.pub', user.public);
    await (await connectSsh(at(server, { identityFile: '~/.ssh/absent' }), { env })).close();
    home.write('config', 'IdentityFile ~/.ssh/absent\nIdentitiesOnly yes');
    await (await connectSsh(at(server), { env })).close();
    expect(server.logins).toEqual(Array<string>(4).fill('ops publickey'));
  });

  test('without an identityFile all its keys are tried, RSA with a hash the server takes', async () => {
    const key = newKey('rsa');
    const { env } = await agentWith(parsed(newKey('ecdsa').private), parsed(newKey().private), parsed(key.private));
    const runner = await connectSsh(at(await serve({ authorized: [key.public] })), { env });
    expect(await runner.run('x')).toMatchObject({ code: 0 });
    await runner.close();
  });

  test('an identityFile keeps its other keys out, unless agent: true lets them in', async () => {
    const { env } = await agentWith(parsed(user.private));
    const identityFile = home.writeKey('other', newKey());
    const server = await serve();
    expect((await failure(connectSsh(at(server, { identityFile }), { env }))).message).toContain(
      `(tried ${identityFile};`,
    );
    await (await connectSsh(at(server, { identityFile, agent: true }), { env })).close();
  });

  test('an agent that does not sign', async () => {
    const { agent, env } = await agentWith(parsed(user.private));
    agent.locked = true;
    const error = await failure(connectSsh(at(await serve()), { env }));
    expect(error).toMatchObject({ code: 'auth', message: containing('the agent did not sign') });
    expect(error.hint).toContain('agent: false');
  });

  test('IdentityAgent names it, IdentitiesOnly keeps its other keys out', async () => {
    const { agent } = await agentWith(parsed(user.private));
    home.writeKey('id_ed25519', newKey());
    const server = await serve();
    home.write('config', `IdentityAgent ${agent.socket}`);
    await connect(at(server));
    home.write('config', `IdentityAgent ${agent.socket}\nIdentitiesOnly yes`);
    expect((await failure(connect(at(server)))).message).toContain(`(tried ${home.path}/.ssh/id_ed25519;`);
  });
});

async function agentWith(...keys: ParsedKey[]) {
  const agent = await startAgent(join(home.path, 'agent'), keys);
  afterTest(() => agent.stop());
  return { agent, env: { ...home.env, SSH_AUTH_SOCK: agent.socket } };
}

function parsed(text: string, passphrase?: string): ParsedKey {
  const key = ssh2.utils.parseKey(text, passphrase);
  if (key instanceof Error) throw key;
  return key;
}

function publicLine(key: ParsedKey): string {
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

/** A key in the older format, all of it encrypted. */
function lockedPem(passphrase: string): string {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem', cipher: 'aes-256-cbc', passphrase },
  }).privateKey;
}
