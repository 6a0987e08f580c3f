/** A shell that stays: running something in it costs no SSH channel and no new process, only what it runs itself. */
import type { ClientChannel } from 'ssh2';
import type { Connection, ExecResult } from './ssh';

export class Shell {
  private stdout = '';
  private stderr = '';
  private last: Promise<unknown> = Promise.resolve();
  private wake: () => void = () => undefined;
  private closed = false;
  private count = 0;

  private constructor(private readonly channel: ClientChannel) {
    channel
      .on('data', (data: Buffer) => {
        this.heard(() => (this.stdout += data.toString('latin1')));
      })
      .on('close', () => {
        this.heard(() => (this.closed = true));
      });
    channel.stderr.on('data', (data: Buffer) => {
      this.heard(() => (this.stderr += data.toString('latin1')));
    });
  }

  static async open(connection: Connection): Promise<Shell> {
    return new Shell(await connection.channel('exec bash --norc --noprofile'));
  }

  /** Runs a script as a function body of its own; one after another, in the order of the calls. */
  run(script: string, stdin = ''): Promise<ExecResult> {
    const result = this.last.then(() => this.runNow(script, stdin));
    this.last = result.catch(() => undefined);
    return result;
  }

  private async runNow(script: string, stdin: string): Promise<ExecResult> {
    const mark = `--end-${++this.count}--`;
    this.stdout = '';
    this.stderr = '';
    // In a subshell, so that neither `exit` nor `cd` nor `set` outlives the script. Its output is told from the
    // mark by a line break of our own, which is taken off again.
    const input = stdin === '' ? '</dev/null' : `< <(printf %s ${bashString(stdin)})`;
    this.channel.write(
      `( eval ${bashString(script)} ) ${input}; printf '\\n${mark} %d\\n' $?; printf '\\n${mark}\\n' >&2\n`,
    );
    const found = new RegExp(`\\n${mark} (\\d+)\\n$`);
    for (;;) {
      const end = found.exec(this.stdout);
      if (end && this.stderr.endsWith(`\n${mark}\n`)) {
        const text = (latin1: string, length: number): string =>
          Buffer.from(latin1.slice(0, length), 'latin1').toString();
        return {
          code: Number(end[1]),
          stdout: text(this.stdout, end.index),
          stderr: text(this.stderr, this.stderr.length - mark.length - 2),
        };
      }
      if (this.closed) throw new Error(`the shell ended while running: ${script}`);
      await new Promise<void>((resolve) => (this.wake = resolve));
    }
  }

  close(): void {
    this.channel.end();
  }

  private heard(note: () => void): void {
    note();
    this.wake();
  }
}

/** $'…': any text on one line. */
function bashString(text: string): string {
  const escaped = text.replaceAll(/[\\'\n\r\t]/g, (character) => ESCAPES[character] ?? character);
  return `$'${escaped}'`;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', "'": "\\'", '\n': '\\n', '\r': '\\r', '\t': '\\t' };
