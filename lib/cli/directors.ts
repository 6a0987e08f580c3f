/** Commands that go from director to director, each on its own: what fails on one is told, and the others go on. */
import type { DirectorAccess } from '../apply';
import { type DesiredDirector, type DesiredStack, LvsformError } from '../model';
import { newNonce } from '../transport';
import { EXIT, exitCodeOf, type ExitCode } from './command';
import { formatError } from './errors';
import type { Io } from './io';
import { connector, type DirectorFlags, type ProjectFlags } from './options';
import { loadProject } from './project';
import { selectStacks } from './selection';

/** One director of one stack, connected. */
export interface Visit {
  stack: string;
  wish: DesiredDirector;
  access: DirectorAccess;
}

/** Visits the chosen directors one after the other. @returns the exit code: that of the first failure */
export async function visitDirectors(
  names: readonly string[],
  flags: ProjectFlags & DirectorFlags,
  io: Io,
  visit: (visit: Visit) => Promise<void>,
): Promise<ExitCode> {
  const stacks = selectStacks(await loadProject(flags, io, names), names, flags);
  const connect = await connector(flags, io);
  let exitCode: ExitCode = EXIT.done;
  for (const { stack, wish } of wishesOf(stacks)) {
    const { director } = wish;
    try {
      const runner = await connect(director);
      try {
        await visit({
          stack,
          wish,
          access: { name: director.name, sudo: director.sudo ?? false, runner, nonce: newNonce },
        });
      } finally {
        await runner.close();
      }
    } catch (error) {
      if (!(error instanceof LvsformError)) throw error;
      io.err(formatError(error, io.style));
      if (exitCode === EXIT.done) exitCode = exitCodeOf(error);
    }
  }
  return exitCode;
}

const wishesOf = (stacks: readonly DesiredStack[]): { stack: string; wish: DesiredDirector }[] =>
  stacks.flatMap(({ stack, directors }) => directors.map((wish) => ({ stack, wish })));
