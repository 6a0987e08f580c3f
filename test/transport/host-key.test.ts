import { createHmac, randomBytes } from 'node:crypto';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { at, connect, containing, failure, home, know, serve, withoutKey } from '../support/ssh-bench';
import { newKey } from '../support/ssh-server';

test('known_hosts', async () => {
  const server = await serve();
  know(server);
  expect(await (await connect(withoutKey(at(server)))).run('x')).toMatchObject({ code: 0 });
});

test('hashed known_hosts', async () => {
  const server = await serve();
  const salt = randomBytes(20);
  const hash = createHmac('sha1', salt).update(`[127.0.0.1]:${server.port}`).digest('base64');
  home.write('known_hosts', `|1|${salt.toString('base64')}|${hash} ${server.hostKey}\n`);
  expect(await (await connect(withoutKey(at(server)))).run('x')).toMatchObject({ code: 0 });
});

test('unknown: refused before any login, with fingerprint and both ways to add it, each of which works', async () => {
  const server = await serve();
  const director = withoutKey(at(server));
  const error = await failure(connect(director));
  expect(error).toMatchObject({ code: 'host-key', director: 'lb1' });
  expect(error.message).toMatch(/^lb1: the host key of 127\.0\.0\.1:\d+ is not known: ssh-ed25519 SHA256:[\w+/]{43}$/);
  expect(server.logins).toEqual([]);

  const [, line = '', , property = ''] = error.hint?.split('\n') ?? [];
  const hostKey = /^hostKey: '(.*)'$/.exec(property)?.[1] ?? '';
  await connect({ ...director, hostKey });
  home.write('known_hosts', `${line}\n`);
  await connect(director);
});

test('a file that can not be read is named, and the director is refused: it might say that a key is revoked', async () => {
  const server = await serve();
  know(server);
  const loop = home.write('known_hosts2', '');
  rmSync(loop);
  symlinkSync(loop, loop);
  const error = await failure(connect(withoutKey(at(server))));
  expect(error).toMatchObject({
    code: 'host-key',
    director: 'lb1',
    message: containing(`${loop} can't be read: ELOOP`),
  });
  expect(server.accepted).toBe(0);
  rmSync(loop);
});

test('changed: refused loudly, naming file and line', async () => {
  const server = await serve();
  know({ port: 1, hostKey: newKey().public }, { port: server.port, hostKey: newKey().public });
  const error = await failure(connect(withoutKey(at(server))));
  expect(error.code).toBe('host-key');
  expect(error.message).toContain('HOST KEY MISMATCH');
  expect(error.message).toContain(`${join(home.path, '.ssh/known_hosts')}:2 has SHA256:`);
  expect(server.logins).toEqual([]);
});

test('revoked', async () => {
  const server = await serve();
  know(server);
  home.write('known_hosts2', `@revoked * ${server.hostKey}\n`);
  expect((await failure(connect(withoutKey(at(server))))).message).toContain('HOST KEY REVOKED');
});

test('RevokedHostKeys: refused however the key is known, and so is every other one while the file can not be read', async () => {
  const server = await serve();
  know(server);
  const list = home.write('revoked', `# gone\n\n${newKey().public} old\n`);
  home.write('config', 'RevokedHostKeys ~/.ssh/revoked');
  await connect(withoutKey(at(server)));
  const refusals = async (): Promise<string[]> => [
    (await failure(connect(withoutKey(at(server))))).message,
    (await failure(connect(at(server)))).message,
  ];
  const everyTime = (text: string): unknown => [containing(text), containing(text)];
  home.write('revoked', `${server.hostKey} stolen\n`);
  expect(await refusals()).toEqual(everyTime(`, which ${list} revokes. Nothing was sent`));
  home.write('revoked', 'SSHKRL\n\0');
  expect(await refusals()).toEqual(everyTime(`RevokedHostKeys ${list} can't be read: a binary list (KRL)`));
  home.write('revoked', `${newKey().public}\nssh-ed25519\n`);
  expect(await refusals()).toEqual(everyTime(`${list} can't be read: line 2 is not a public key`));
  rmSync(list);
  expect(await refusals()).toEqual(everyTime(`${list} can't be read: there is no such file`));
  home.write('config', 'RevokedHostKeys none');
  await connect(withoutKey(at(server)));
});

test('a key on the Director decides alone', async () => {
  const server = await serve();
  know(server);
  const error = await failure(connect(at(server, { hostKey: newKey().public })));
  expect(error).toMatchObject({ code: 'host-key', message: containing("the Director's hostKey is") });
  expect(server.logins).toEqual([]);
});

test.each([['rsa' as const], ['ecdsa' as const]])(
  'a server with several keys is asked for the known %s one',
  async (kind) => {
    const [other, known] = [newKey(), newKey(kind)];
    const server = await serve({ hostKeys: [other, known] });
    know({ port: server.port, hostKey: known.public });
    expect(await (await connect(withoutKey(at(server)))).run('x')).toMatchObject({ code: 0 });
    expect(await (await connect(at(server, { hostKey: known.public }))).run('x')).toMatchObject({ code: 0 });
  },
);

test('StrictHostKeyChecking no and an empty UserKnownHostsFile change nothing', async () => {
  const server = await serve();
  know(server);
  home.write('config', 'StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\nGlobalKnownHostsFile none');
  expect((await failure(connect(withoutKey(at(server))))).code).toBe('host-key');
});

test('knownHostsFiles instead of the usual ones', async () => {
  const server = await serve();
  const elsewhere = home.write('elsewhere', `[127.0.0.1]:${server.port} ${server.hostKey}\n`);
  await connect(withoutKey(at(server)), { knownHostsFiles: [elsewhere] });
  know(server);
  const empty = home.write('empty', '');
  expect((await failure(connect(withoutKey(at(server)), { knownHostsFiles: [empty] }))).code).toBe('host-key');
});
