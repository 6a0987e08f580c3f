/** What becomes of output that nobody takes, and of a question that nobody answers. */
import { PassThrough, Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { askOn, type Io, processIo, type Streams } from '../../lib/cli/io';

/** A stream that takes so many writes, and then fails. */
class Failing extends Writable {
  taken = '';

  constructor(
    private left: number,
    private readonly code: string,
  ) {
    super({ autoDestroy: false, decodeStrings: false });
  }

  override _write(text: string, _encoding: string, done: (error?: Error) => void): void {
    if (this.left-- > 0) this.taken += text;
    done(this.left < 0 ? Object.assign(new Error(`${this.code}: write`), { code: this.code }) : undefined);
  }
}

function open(stdout: Writable, stderr: Writable): Io {
  return processIo({ stdin: new PassThrough(), stdout, stderr, env: {} } as unknown as Streams);
}

async function print(io: Io): Promise<void> {
  for (const line of ['one\n', 'two\n', 'three\n']) {
    io.out(line);
    io.err(line);
    await turn();
  }
}

test('a pipe that is closed on both streams ends the printing, and nothing else', async () => {
  const [stdout, stderr] = [new Failing(1, 'EPIPE'), new Failing(2, 'EPIPE')];
  await print(open(stdout, stderr));
  expect([stdout.taken, stderr.taken]).toEqual(['one\n', 'one\ntwo\n']);
});

test('a full disk is told once, on the other stream', async () => {
  const [stdout, stderr] = [new Failing(1, 'ENOSPC'), new Failing(9, '')];
  await print(open(stdout, stderr));
  expect(stdout.taken).toBe('one\n');
  expect(stderr.taken).toBe('one\ntwo\nerror: the output is not complete: ENOSPC: write\nthree\n');
});

test('a write that throws at once', () => {
  const stdout = Object.assign(new Failing(0, ''), { write: () => { throw Object.assign(new Error('x'), { code: 'EPIPE' }); } }); // prettier-ignore
  const io = open(stdout, new Failing(0, ''));
  expect(() => {
    io.out('one\n');
  }).not.toThrow();
});

test.each([
  ['an answer', 'yes\r', 'yes'],
  ['Ctrl-C', 'ye\u0003', ''],
  ['Ctrl-D', '\u0004', ''],
])('%s at a question', async (_, typed, answer) => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 80 });
  const keys = new PassThrough();
  const asked = askOn(keys, terminal, 'Sure? ');
  keys.write(typed);
  expect(await asked).toBe(answer);
});

test('the end of the input', async () => {
  const keys = new PassThrough();
  const asked = askOn(keys, new PassThrough(), 'Sure? ');
  keys.end();
  expect(await asked).toBe('');
});
