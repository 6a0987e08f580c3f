import { spawnSync } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';

/** Told at once: no string is too long, however much a command prints. */
const CHUNK = 1024 * 1024;

/**
 * Runs a command of the user's in the shell, to its end, and tells everything it printed.
 *
 * @returns what went wrong, such as `failed with exit code 3` or `was ended by SIGKILL`; undefined when nothing did
 */
export function runLoudly(
  command: string,
  options: { cwd: string; env?: NodeJS.ProcessEnv },
  tell: (text: string) => void,
): string | undefined {
  const { stdout, stderr, status, signal, error } = spawnSync(command, {
    ...options,
    shell: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // By default a command that prints more than 1 MiB is killed.
    maxBuffer: Infinity,
  });
  // There are none when the shell could not be started.
  for (const output of [stdout, stderr] as (Buffer | null)[]) tellAll(output ?? Buffer.of(), tell);
  if (error !== undefined) return `could not be run: ${error.message}`;
  if (signal !== null) return `was ended by ${signal}`;
  return status === 0 ? undefined : `failed with exit code ${String(status)}`;
}

function tellAll(output: Buffer, tell: (text: string) => void): void {
  const decoder = new StringDecoder();
  for (let at = 0; at < output.length; at += CHUNK) tell(decoder.write(output.subarray(at, at + CHUNK)));
  const rest = decoder.end();
  if (rest !== '') tell(rest);
}
