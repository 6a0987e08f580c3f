import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Deep enough for the user's own classes and functions above ours. */
const FRAMES = 60;
/** Where the sources are; the build is one file instead (tools/bundle-library.js), and has nothing of its own around it. */
const LIBRARY = __dirname.endsWith(join('providers', 'ipvs', 'kit'))
  ? ['../../../lib', '../..'].map((folder) => resolve(__dirname, folder) + sep)
  : [];
const FRAME = /^\s*at (?:.*? \()?(?<file>.+?):(?<line>\d+):(?<column>\d+)\)?$/;

/** Where in the user's program something was made. Taking one is cheap; the text is only made when it is asked for. */
export class Trace {
  private readonly holder: { stack?: string } = {};

  private constructor() {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    Error.captureStackTrace(this.holder);
    Error.stackTraceLimit = limit;
  }

  static here(): Trace {
    return new Trace();
  }

  /** The user's line, `main.ts:12:3`, relative to the working directory; undefined when only libraries were involved. */
  get line(): string | undefined {
    for (const frame of (this.holder.stack ?? '').split('\n')) {
      const { file, line, column } = FRAME.exec(frame)?.groups ?? {};
      if (file === undefined || file.startsWith('node:')) continue;
      const path = file.startsWith('file:') ? fileURLToPath(file) : file;
      if (!isAbsolute(path) || path.includes(`${sep}node_modules${sep}`)) continue;
      if (path === __filename || LIBRARY.some((folder) => path.startsWith(folder))) continue;
      return `${shorten(path)}:${line}:${column}`;
    }
    return undefined;
  }
}

function shorten(path: string): string {
  const below = relative(process.cwd(), path);
  return below.startsWith('..') ? path : below;
}
