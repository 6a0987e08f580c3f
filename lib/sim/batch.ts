/** The part of a script that runs a batch: tools on consecutive lines of its input, until one is refused anything. */
import { BATCH_COMMAND, type BatchPart, isAccepted } from '../dialect/script';
import type { ScriptOptions } from '../dialect/shell';
import type { Machine } from './machine';
import { runScripted, withoutNewlines } from './programs';

export class BatchRun {
  private report = '';
  private next = 0;

  constructor(
    private readonly machine: Machine,
    /** The whole script: where a missing tool is missed is told by line. */
    private readonly script: string,
    private readonly lines: readonly string[],
    private readonly options: ScriptOptions,
  ) {}

  /** @returns whether the tool took all of it without a word */
  run(part: BatchPart): boolean {
    const given = this.lines.slice(this.next, this.next + part.lines);
    this.next += part.lines;
    const { code, stderr } = runScripted(this.machine, BATCH_COMMAND[part.tool].split(' '), {
      sudo: this.options.sudo,
      line: this.script.split('\n').findIndex((line) => line.includes('| "$@" 2>&1')) + 1,
      stdin: given.map((line) => `${line}\n`).join(''),
    });
    this.report = withoutNewlines(`${this.report}\n@@${this.options.nonce} ${code}\n${withoutNewlines(stderr)}`);
    return isAccepted({ code, stderr });
  }

  /** What the script prints when it is done. */
  print(): string {
    return `${this.report}\n@@${this.options.nonce} end\n`;
  }
}

/** All of a script's input but its end mark; undefined when that is missing. */
export function wholeInput(stdin: string, { nonce }: ScriptOptions): string[] | undefined {
  const input = withoutNewlines(stdin);
  return input.endsWith(`@@${nonce} end`) ? input.split('\n').slice(0, -1) : undefined;
}

export const TRUNCATED = 9;
