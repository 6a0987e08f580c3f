import { createInterface } from 'node:readline/promises';
import pc from 'picocolors';
import { PLAIN, type Style } from '../report';

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

export function processIo(): Io {
  const { stdin, stdout, stderr, env } = process;
  // The program's prints are led away from stdout; ours stay.
  const print = stdout.write.bind(stdout);
  return {
    out: (text) => void print(text),
    err: (text) => void stderr.write(text),
    interactive: stdin.isTTY && stdout.isTTY,
    ask: async (question) => {
      const lines = createInterface({ input: stdin, output: stdout });
      try {
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
    style: colours(stdout.isTTY && (env['NO_COLOR'] ?? '') === ''),
    ...(stderr.isTTY ? { screen: stderr } : {}),
    cwd: process.cwd(),
    env,
  };
}
