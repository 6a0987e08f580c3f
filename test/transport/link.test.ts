import { connect as dial } from 'node:net';
import type { ServerChannel } from 'ssh2';
import { TransportError } from '../../lib/model';
import { afterTest, at, connect, containing, failure, listen, serve, until } from '../support/ssh-bench';
import { SilentProxy } from '../safe/silent-proxy';
import { echo, finish } from '../support/ssh-server';

test('output exactly as it is, exit code, and the script as it was given', async () => {
  const server = await serve({
    command: (channel) => {
      channel.write('  out\n\n');
      channel.stderr.write(' err \n');
      finish(channel, 7);
    },
  });
  const runner = await connect(at(server));
  expect(await runner.run("sh -c 'x'")).toEqual({ code: 7, stdout: '  out\n\n', stderr: ' err \n' });
  expect(server.scripts).toEqual(["sh -c 'x'"]);
});

test('closing does not wait for a network that fell silent', async () => {
  const server = await serve({ command: echo });
  const proxy = await SilentProxy.open(server.port);
  afterTest(() => {
    proxy.close();
  });
  const runner = await connect({ ...at(server), port: proxy.port });
  expect(await runner.run('cat', { stdin: 'x' })).toMatchObject({ stdout: 'x' });
  const lock = await runner.hold('cat');
  proxy.cut(true);
  await lock.close();
  await runner.close();
  await expect(runner.run('cat')).rejects.toMatchObject({ code: 'connection-lost' });
});

test('a signal has no exit code', async () => {
  const server = await serve({
    command: (channel) => {
      channel.exit('TERM', false, '');
      channel.end();
    },
  });
  expect(await (await connect(at(server))).run('x')).toEqual({ code: null, stdout: '', stderr: '' });
});

test('characters that span packets stay whole', async () => {
  const server = await serve({
    command: (channel) => {
      const [first, ...rest] = Buffer.from('ü€');
      channel.write(Buffer.from([first ?? 0]));
      setTimeout(() => {
        channel.write(Buffer.from(rest));
        finish(channel, 0);
      }, 20);
    },
  });
  expect((await (await connect(at(server))).run('x')).stdout).toBe('ü€');
});

test('4 MB of stdin arrive in full and come back', async () => {
  const server = await serve({ command: echo });
  const stdin = `${'-A -t 192.0.2.1:80 -s wrr é\n'.repeat(150_000)}end`;
  const result = await (await connect(at(server))).run('cat', { stdin });
  expect(result.stdout === stdin).toBe(true);
});

test('a command that does not read its stdin', async () => {
  const server = await serve({
    command: (channel) => {
      finish(channel, 2);
    },
  });
  const stdin = 'x'.repeat(8_000_000);
  expect(await (await connect(at(server))).run('false', { stdin })).toMatchObject({ code: 2 });
});

test('several at once on one connection', async () => {
  const server = await serve({ command: echo });
  const runner = await connect(at(server));
  const results = await Promise.all(['a', 'b', 'c', 'd'].map((stdin) => runner.run('cat', { stdin })));
  expect(results.map((result) => result.stdout)).toEqual(['a', 'b', 'c', 'd']);
  expect(server.accepted).toBe(1);
});

test('a command that takes too long: timeout, its channel is closed, the connection lives on', async () => {
  let closed = false;
  const server = await serve({
    command: (channel, script) => {
      channel.on('close', () => (closed = true)).resume();
      if (script === 'fast') finish(channel, 0);
    },
  });
  const runner = await connect(at(server), { commandTimeoutMs: 50 });
  const error = await failure(runner.run('slow'));
  expect(error).toBeInstanceOf(TransportError);
  expect(error.code).toBe('timeout');
  expect(error.message).toBe(`lb1: the command on 127.0.0.1:${server.port} did not end within 0.05 s`);
  await until(() => closed);
  expect(await runner.run('fast', { timeoutMs: 0 })).toMatchObject({ code: 0 });
});

test('a connection cut in the middle of a command', async () => {
  let channels: ServerChannel[] = [];
  const server = await serve({ command: (channel) => (channels = [...channels, channel]) });
  const runner = await connect(at(server));
  const running = failure(Promise.resolve(runner.run('x')));
  await until(() => channels.length === 1);
  server.cut();
  expect(await running).toMatchObject({
    code: 'connection-lost',
    message: containing(`lb1: the connection to 127.0.0.1:${server.port} was lost`),
    hint: containing('plan again'),
  });
  expect((await failure(runner.run('y'))).code).toBe('connection-lost');
});

test('a command that ends without an exit code is lost, not a success', async () => {
  const server = await serve({
    command: (channel) => {
      channel.close();
    },
  });
  expect((await failure((await connect(at(server))).run('x'))).code).toBe('connection-lost');
});

test('a peer that stops answering is noticed by keepalive', async () => {
  const server = await serve({ command: () => undefined });
  const proxy = await frozenProxy(server.port);
  const runner = await connect({ ...at(server), port: proxy.port }, { keepaliveMs: 200 });
  const running = failure(runner.run('x'));
  await until(() => server.scripts.length === 1);
  proxy.freeze();
  const error = await running;
  expect(error.code).toBe('connection-lost');
  expect(error.message).toContain('Keepalive timeout');
});

test('close() is prompt, ends running commands, may be called twice', async () => {
  const server = await serve({ command: () => undefined });
  const times: number[] = [];
  for (let round = 1; round <= 3; round++) {
    const runner = await connect(at(server));
    const running = failure(runner.run('x'));
    await until(() => server.scripts.length === round);
    const start = Date.now();
    await Promise.all([runner.close(), runner.close()]);
    times.push(Date.now() - start);
    expect((await running).message).toContain('it was closed here');
    await until(() => server.open === 0);
  }
  // A busy machine may keep one waiting; a close that waits for its grace to pass takes 500.
  expect(times.sort((a, b) => a - b)[1]).toBeLessThan(450);
});

/** A TCP proxy that can stop passing anything on, with the connections left open. */
async function frozenProxy(target: number): Promise<{ port: number; freeze(): void }> {
  const pipes: (() => void)[] = [];
  const port = await listen((socket) => {
    const onward = dial(target, '127.0.0.1');
    onward.on('error', () => undefined);
    afterTest(() => onward.destroy());
    socket.pipe(onward).pipe(socket);
    pipes.push(() => {
      socket.unpipe(onward);
      onward.unpipe(socket);
    });
  });
  return {
    port,
    freeze: () => {
      pipes.forEach((unpipe) => {
        unpipe();
      });
    },
  };
}
