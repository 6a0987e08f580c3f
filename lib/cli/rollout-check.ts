/** What has to hold after a wave, asked from this machine. */
import { spawn } from 'node:child_process';
import { ApplyError, type DesiredRollout, type DesiredStack, type RolloutCheck, UsageError } from '../model';
import type { Io } from './io';

/** @throws UsageError when a check would have to run a command and may not: without it a rollout is no rollout */
export function refuseUnchecked(stacks: readonly DesiredStack[], allowExec: boolean): void {
  if (allowExec) return;
  const commands = stacks.flatMap(({ stack, rollouts = [] }) =>
    rollouts.flatMap(({ fleet, check }) =>
      check?.command === undefined ? [] : [`    ${stack}/${fleet}: ${check.command}`],
    ),
  );
  if (commands.length === 0) return;
  throw new UsageError(
    'exec-not-allowed',
    `rollouts check their waves with commands on this machine; nothing was changed:\n${commands.join('\n')}`,
    { hint: '--allow-exec lets them run' },
  );
}

/** @throws ApplyError `check-failed` when it does not hold */
export async function checkWave(
  rollout: DesiredRollout,
  number: number,
  io: Io,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { check, fleet } = rollout;
  if (check === undefined) return;
  const limit = AbortSignal.any([AbortSignal.timeout(check.timeoutSeconds * 1000), ...(signal ? [signal] : [])]);
  const problems = (await Promise.all([runCommand(check, io, limit), probe(check, limit)])).flat();
  if (problems.length === 0) return;
  throw new ApplyError('check-failed', fleet, `the check after wave ${number} failed: ${problems.join('; ')}`, {
    hint: 'mend what it found, then apply again: what is left is planned anew',
  });
}

function runCommand({ command, timeoutSeconds }: RolloutCheck, io: Io, signal: AbortSignal): Promise<string[]> {
  if (command === undefined) return Promise.resolve([]);
  return new Promise((resolve) => {
    const child = spawn(command, { shell: true, cwd: io.cwd, stdio: ['ignore', 'pipe', 'pipe'], signal });
    let said = '';
    const hear = (chunk: Buffer): void => void (said = (said + chunk.toString()).slice(-2000));
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', () => {
      resolve([`'${command}' did not end within ${timeoutSeconds} s`]);
    });
    child.once('close', (code, killed) => {
      const how = code === null ? `was ended by ${String(killed)}` : `ended with exit code ${code}`;
      resolve(code === 0 ? [] : [`'${command}' ${how}${said.trim() === '' ? '' : `: ${said.trim()}`}`]);
    });
  });
}

async function probe({ url }: RolloutCheck, signal: AbortSignal): Promise<string[]> {
  if (url === undefined) return [];
  try {
    const response = await fetch(url, { signal, redirect: 'manual' });
    await response.body?.cancel();
    return response.status >= 200 && response.status < 400 ? [] : [`${url} answered ${response.status}`];
  } catch (error) {
    const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
    return [`${url}: ${cause instanceof Error ? cause.message : String(cause)}`];
  }
}
