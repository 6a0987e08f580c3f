/** A program from its start to its end, as somebody who types its name waits for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figures, figures, inTurn, type Turns } from './compare';

/** The product as users start it. */
export const LVSFORM = [process.execPath, join(__dirname, '..', '..', 'bin', 'lvsform')] as const;

export interface Times {
  wallMs: number;
  /** CPU time of the program and all it started; not of the servers it talked to. */
  cpuMs: number;
}

export interface ProcessRun extends Times {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** @param env what else it finds in its environment, beside PATH */
export async function runProcess(
  [command, ...args]: readonly [string, ...string[]],
  { cwd, env = {}, stdin = '' }: { cwd: string; env?: Readonly<Record<string, string>>; stdin?: string },
): Promise<ProcessRun> {
  const [begin, cpuBegin] = [performance.now(), childrenCpuMs()];
  const child = spawn(command, args, { cwd, env: { PATH: process.env['PATH'], ...env } });
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  const times = { wallMs: performance.now() - begin, cpuMs: childrenCpuMs() - cpuBegin };
  return { ...times, code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
}

/** CPU time of children that have ended, and of theirs: cutime and cstime of proc(5), in hundredths of a second. */
function childrenCpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}

/** What it took. @throws Error when it failed, or when its answer is not as it has to be */
export function timesOf(what: string, run: ProcessRun, isRight: boolean): Times {
  const { wallMs, cpuMs, code, stdout, stderr } = run;
  if (code === 0 && isRight) return { wallMs, cpuMs };
  throw new Error(`${what} ended with exit code ${String(code)}:\n${stdout.slice(-2000)}\n${stderr.slice(-2000)}`);
}

export interface ProcessContestant {
  name: string;
  run: () => Promise<Times>;
}

/** Runs all in turn. On a machine with other things to do, CPU time tells more than time on the wall. */
export async function measureProcesses(
  contestants: readonly ProcessContestant[],
  turns: Turns,
): Promise<{ wall: Figures[]; cpu: Figures[] }> {
  const all = await inTurn(contestants, turns);
  const of = (which: keyof Times): Figures[] =>
    all.map(({ name, results }) => figures(name, results.map((times) => times[which]))); // prettier-ignore
  return { wall: of('wallMs'), cpu: of('cpuMs') };
}
