/** A program from its start to its end, as somebody who types its name waits for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** The product as users start it. */
export const LVSFORM = [process.execPath, join(__dirname, '..', '..', 'bin', 'lvsform')] as const;

export interface ProcessRun {
  ms: number;
  code: number | null;
  stdout: string;
  stderr: string;
}

/** @param env what else it finds in its environment, beside PATH */
export async function runProcess(
  [command, ...args]: readonly [string, ...string[]],
  { cwd, env = {}, stdin = '' }: { cwd: string; env?: Readonly<Record<string, string>>; stdin?: string },
): Promise<ProcessRun> {
  const begin = performance.now();
  const child = spawn(command, args, { cwd, env: { PATH: process.env['PATH'], ...env } });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  const ms = performance.now() - begin;
  return { ms, code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** How long it took. @throws Error when it failed, or when its answer is not as it has to be */
export function timed(what: string, { ms, code, stdout, stderr }: ProcessRun, isRight: boolean): number {
  if (code === 0 && isRight) return ms;
  throw new Error(`${what} ended with exit code ${String(code)}:\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`);
}
