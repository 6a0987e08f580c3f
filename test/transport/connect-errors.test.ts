import { closedPort, connect, containing, failure, listen } from '../support/ssh-bench';

test('nobody listens', async () => {
  const port = await closedPort();
  const error = await failure(connect({ name: 'lb1', host: '127.0.0.1', port, user: 'ops' }));
  expect(error).toMatchObject({ code: 'unreachable', message: `lb1: 127.0.0.1:${port} refused the connection` });
  expect(error.hint).toBe(`check that sshd runs there and listens on port ${port}`);
});

test('no such name', async () => {
  const error = await failure(connect({ name: 'lb1', host: 'no-such-host.invalid', user: 'ops' }));
  expect(error.code).toBe('unreachable');
  expect(error.message).toMatch(/^lb1: no-such-host\.invalid:22 (?:is no known host name|could not be looked up)/);
});

test('something else listens', async () => {
  const port = await listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  const error = await failure(connect({ name: 'lb1', host: '127.0.0.1', port, user: 'ops' }));
  expect(error).toMatchObject({ code: 'unreachable', message: containing('before the login') });
});

test('it hangs up at once, like an overloaded sshd', async () => {
  const port = await listen((socket) => socket.destroy());
  const error = await failure(connect({ name: 'lb1', host: '127.0.0.1', port, user: 'ops' }));
  expect(error).toMatchObject({ code: 'unreachable', hint: containing('MaxStartups') });
});

test('it accepts and says nothing', async () => {
  const port = await listen(() => undefined);
  const error = await failure(connect({ name: 'lb1', host: '127.0.0.1', port, user: 'ops' }, { connectTimeoutMs: 60 }));
  expect(error).toMatchObject({
    code: 'timeout',
    message: `lb1: 127.0.0.1:${port} accepted the connection, but the login did not finish within 0.06 s`,
  });
});
