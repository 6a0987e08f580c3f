import {
  at,
  closedPort,
  connect,
  containing,
  failure,
  home,
  know,
  serve,
  until,
  withoutKey,
} from '../support/ssh-bench';
import { newKey } from '../support/ssh-server';

test('one, with a key of its own to verify', async () => {
  const [bastion, server] = [await serve({ forwarding: true, users: ['jump'] }), await serve()];
  know(bastion);
  await connect(at(server, { jump: `jump@127.0.0.1:${bastion.port}` }));
  expect(bastion.logins).toEqual(['jump publickey', 'jump publickey']);
  expect(server.logins).toEqual(['ops publickey', 'ops publickey']);
});

test('two in a row, from the config, and a jump host with a jump host', async () => {
  const [outer, inner, server] = [await serve({ forwarding: true }), await serve({ forwarding: true }), await serve()];
  know(outer, inner);
  const hosts = `Host outer\nPort ${outer.port}\nHost inner\nPort ${inner.port}\n`;
  const rest = 'Host outer inner\nHostName 127.0.0.1\nUser jump\n';
  home.write('config', `Host 127.0.0.1\nProxyJump outer,inner\n${hosts}${rest}`);
  await connect(at(server));
  home.write('config', `Host inner\nProxyJump outer\n${hosts}${rest}`);
  await connect(at(server, { jump: 'inner' }));
  expect([outer.accepted, inner.accepted, server.accepted]).toEqual([2, 2, 2]);
});

test('identityFile of the Director opens it too when the config names no other', async () => {
  const key = newKey();
  const [bastion, server] = [
    await serve({ forwarding: true, authorized: [key.public] }),
    await serve({ authorized: [key.public] }),
  ];
  know(bastion);
  const identityFile = home.writeKey('fleet', key);
  await connect(at(server, { identityFile, jump: `jump@127.0.0.1:${bastion.port}` }));
});

test('an unknown key of the jump host names the jump host', async () => {
  const [bastion, server] = [await serve({ forwarding: true }), await serve()];
  const error = await failure(connect(at(server, { jump: `jump@127.0.0.1:${bastion.port}` })));
  expect(error.code).toBe('host-key');
  expect(error.message).toContain(`lb1: the host key of jump host jump@127.0.0.1:${bastion.port} is not known`);
  expect(error.hint).not.toContain('hostKey:');
  expect([bastion.logins, server.accepted]).toEqual([[], 0]);
});

test('the key of the director is verified behind the jump host too', async () => {
  const [bastion, server] = [await serve({ forwarding: true }), await serve()];
  know(bastion);
  const error = await failure(connect(withoutKey(at(server, { jump: `127.0.0.1:${bastion.port}` }))));
  expect(error.message).toContain(`the host key of 127.0.0.1:${server.port} is not known`);
  await until(() => bastion.open === 0);
});

test('login refused by the jump host', async () => {
  const [bastion, server] = [await serve({ forwarding: true, authorized: [] }), await serve()];
  know(bastion);
  const error = await failure(connect(at(server, { jump: `jump@127.0.0.1:${bastion.port}` })));
  expect(error).toMatchObject({ code: 'auth', message: containing('on jump host jump@127.0.0.1') });
});

test('a director the jump host does not reach, or may not', async () => {
  const server = await serve();
  const closed = await closedPort();
  const open = await serve({ forwarding: true });
  const shut = await serve();
  know(open, shut);
  const beyond = await failure(connect(at(server, { port: closed, jump: `127.0.0.1:${open.port}` })));
  expect(beyond.code).toBe('unreachable');
  expect(beyond.message).toMatch(/^lb1: 127\.0\.0\.1:\d+ can not be reached from jump host .*@127\.0\.0\.1:\d+: /);
  const forbidden = await failure(connect(at(server, { jump: `127.0.0.1:${shut.port}` })));
  expect(forbidden).toMatchObject({ code: 'unreachable', hint: containing('AllowTcpForwarding') });
});

test('a jump host that is lost takes its directors along, and is connected again', async () => {
  const [bastion, server] = [await serve({ forwarding: true }), await serve({ command: () => undefined })];
  know(bastion);
  const connector = home.connector();
  const director = at(server, { jump: `127.0.0.1:${bastion.port}` });
  const runner = await connector(director);
  const running = failure(runner.run('x'));
  await until(() => server.scripts.length === 1);
  bastion.cut();
  expect((await running).code).toBe('connection-lost');
  const again = await connector(director);
  await Promise.all([runner.close(), again.close()]);
  expect(bastion.accepted).toBe(2);
  await until(() => bastion.open === 0);
});

test('directors behind one jump host share the connection to it, until the last one leaves', async () => {
  const bastion = await serve({ forwarding: true });
  const servers = await Promise.all([serve(), serve(), serve()]);
  know(bastion);
  const connector = home.connector();
  const runners = await Promise.all(
    servers.map((server) => connector(at(server, { jump: `127.0.0.1:${bastion.port}` }))),
  );
  expect(bastion.accepted).toBe(1);
  const [first, ...rest] = runners;
  await first?.close();
  expect(await rest[0]?.run('x')).toMatchObject({ code: 0 });
  await Promise.all(rest.map((runner) => runner.close()));
  await until(() => bastion.open === 0);
});
