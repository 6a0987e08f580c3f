import { Command, CommanderError } from 'commander';
import { type AddCommand, EXIT, exitCodeOf } from './command';
import { addAdopt } from './commands/adopt';
import { addApply, addDestroy } from './commands/apply';
import { addDrift } from './commands/drift';
import { addImport } from './commands/import';
import { addInit } from './commands/init';
import { addLocks } from './commands/locks';
import { addPlan } from './commands/plan';
import { addProvider } from './commands/provider';
import { addRead } from './commands/read';
import { addRollback } from './commands/rollback';
import { addShow } from './commands/show';
import { addSim } from './commands/sim';
import { addSynth } from './commands/synth';
import { formatError } from './errors';
import { type Io, printed, processIo } from './io';
import { VERSION } from './version';

const COMMANDS: readonly AddCommand[] = [
  addInit,
  addSynth,
  addPlan,
  addApply,
  addDestroy,
  addDrift,
  addRollback,
  addLocks,
  addAdopt,
  addShow,
  addImport,
  addRead,
  addSim,
  addProvider,
];

/** Runs one command line and returns the exit code. Prints errors; throws nothing. */
export async function main(args: readonly string[], io: Io = processIo()): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = new Command('lvsform')
    .description('Infrastructure as code for Linux Virtual Server (IPVS) directors')
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => {
        io.out(text);
      },
      writeErr: (text) => {
        io.err(text);
      },
    })
    .showSuggestionAfterError()
    .addHelpText('after', HELP);
  for (const add of COMMANDS) add(program, io, (code) => (exitCode = code));
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.error;
    io.err(formatError(error, io.style, io.env['LVSFORM_DEBUG'] !== undefined));
    return exitCodeOf(error);
  }
  return exitCode;
}

/** How long what is ours may take to close once the work is done. */
const CLOSE_MS = 1000;

/** Ends the process: by itself, or, when a program left something open (a pool of connections, a timer), soon. */
export function end(exitCode: number): void {
  process.exitCode = exitCode;
  const leave = (): void => {
    void printed().then(() => process.exit());
  };
  setTimeout(leave, CLOSE_MS).unref();
}

const HELP = `
A project is a TypeScript program that declares directors, virtual services and real servers; cdktf.json names it.
Its output is plain Terraform JSON. The live kernel table of each director, read over SSH, is the only state.

  $ lvsform init demo && cd demo      a project that works at once
  $ lvsform sim                       simulated directors to try it on, in another terminal
  $ lvsform plan                      what would change
  $ lvsform apply                     change it

Exit codes: 0 done, 1 error, 2 changes pending (plan --detailed-exitcode), 3 stale plan, 4 blocked by a finding,
5 locked, 6 rolled back, 7 stopped part-way. docs/exit-codes.md says more.

Environment: NO_COLOR, LVSFORM_SSH_CONFIG (like --ssh-config), LVSFORM_DEBUG (stack traces)`;
