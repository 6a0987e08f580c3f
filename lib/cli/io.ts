import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import pc from 'picocolors';
import { PLAIN, type Style } from '../report';
import { errorCode } from './errors';

/** Everything a command sees of the outside: handed in, so that tests can run commands without a process. */
export interface Io {
  out(text: string): void;
  err(text: string): void;
  /** Whether a person sits at the other end and can be asked. */
  interactive: boolean;
  ask(question: string): Promise<string>;
  style: Style;
  /** A terminal that lines can be redrawn on; undefined where there is none. */
  screen?: NodeJS.WriteStream;
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** Colours on a terminal, unless NO_COLOR is set (no-color.org). */
export function colours(enabled: boolean): Style {
  if (!enabled) return PLAIN;
  const paint = pc.createColors(true);
  return {
    create: paint.green,
    update: paint.yellow,
    delete: paint.red,
    strong: paint.bold,
    faint: paint.dim,
    error: paint.red,
  };
}

/** Where a process reads and writes. */
export type Streams = Pick<NodeJS.Process, 'stdin' | 'stdout' | 'stderr' | 'env'>;

export function processIo({ stdin, stdout, stderr, env }: Streams = process): Io {
  // Not told on stdout when it is stderr that is full: what is there may be JSON.
  const err = printer(stderr, () => undefined);
  const out = printer(stdout, (reason) => {
    err(`error: the output is not complete: ${reason}\n`);
  });
  return {
    out,
    err,
    interactive: stdin.isTTY && stdout.isTTY,
    ask: (question) => askOn(stdin, stdout, question),
    style: colours(stdout.isTTY && (env['NO_COLOR'] ?? '') === ''),
    ...(stderr.isTTY ? { screen: stderr } : {}),
    cwd: process.cwd(),
    env,
  };
}

/**
 * Prints until that fails, and then no more: an apply has to come to its end whoever stops reading what it says.
 *
 * @param lost told the reason once, unless the reader just went away (`| head`)
 */
function printer(stream: NodeJS.WriteStream, lost: (reason: string) => void): (text: string) => void {
  // The program's prints are led away from stdout; ours stay.
  const print = stream.write.bind(stream);
  let isOver = false;
  const end = (error: unknown): void => {
    if (isOver) return;
    isOver = true;
    if (errorCode(error) !== 'EPIPE') lost(error instanceof Error ? error.message : String(error));
  };
  // Without a listener an error would end the process.
  stream.on('error', end);
  return (text) => {
    if (isOver) return;
    try {
      print(text);
    } catch (error) {
      end(error);
    }
  };
}

/** Waits until everything that was printed is out, or can't get there. */
export async function printed({ stdout, stderr }: Pick<Streams, 'stdout' | 'stderr'> = process): Promise<void> {
  const streams: readonly Writable[] = [stdout, stderr];
  await Promise.all(
    streams.map(
      (stream) =>
        new Promise<void>((resolve) => {
          // Not stream.write: a program's prints are led away from stdout.
          Writable.prototype.write.call(stream, '', 'utf8', () => {
            resolve();
          });
        }),
    ),
  );
}

/** Asks a person. Ctrl-C, Ctrl-D and the end of the input are an answer too: none. */
export function askOn(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, question: string): Promise<string> {
  return new Promise((resolve) => {
    const lines = createInterface({ input, output });
    let answer: string | undefined;
    lines.once('close', () => {
      if (answer === undefined) output.write('\n');
      resolve(answer ?? '');
    });
    lines.question(question, (line) => {
      answer = line;
      lines.close();
    });
  });
}
