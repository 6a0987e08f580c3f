import type { Drift } from '../../model';
import { findDrift } from '../../pipeline';
import { renderDriftMarkdown, renderDriftText } from '../../report';
import { type AddCommand, EXIT, type ExitCode } from '../command';
import type { Io } from '../io';
import { journaled, type JournalFlags } from '../journal';
import {
  connector,
  type DirectorFlags,
  type ProjectFlags,
  withDirectors,
  withFormat,
  withJournal,
  withProject,
} from '../options';
import { loadProject } from '../project';
import { selectStacks } from '../selection';

interface DriftFlags extends ProjectFlags, DirectorFlags, JournalFlags {
  format: 'text' | 'json' | 'markdown';
}

export const addDrift: AddCommand = (program, io, exit) => {
  const command = program
    .command('drift')
    .description('tell how the directors differ from the program, and why where that is known; for cron and CI')
    .argument('[stack...]', 'only these stacks')
    .addHelpText(
      'after',
      `
Reads only. Causes are what the director shows: a real server that is draining, a program there that is known to write
IPVS tables (keepalived, kube-proxy …), or nothing but a weight that differs.

Exit codes: 0 no drift, 2 drift, 1 error; also when one director can't be read.`,
    );
  withJournal(withFormat(withDirectors(withProject(command)))).action(async (names: string[], flags: DriftFlags) => {
    exit(await journaled('drift', flags, io, () => run(names, flags, io)));
  });
};

async function run(names: readonly string[], flags: DriftFlags, io: Io): Promise<ExitCode> {
  const stacks = selectStacks(await loadProject(flags, io, names), names, flags);
  const drift = await findDrift(stacks, {
    connect: await connector(flags, io),
    ...(flags.parallelism === undefined ? {} : { parallelism: flags.parallelism }),
  });
  io.out(render(drift, flags.format, io));
  if (drift.failed.length > 0) return EXIT.error;
  return drift.directors.length > 0 ? EXIT.changesPending : EXIT.done;
}

function render(drift: Drift, format: DriftFlags['format'], io: Io): string {
  if (format === 'json') return `${JSON.stringify(drift, null, 2)}\n`;
  return format === 'markdown' ? renderDriftMarkdown(drift) : renderDriftText(drift, io.style);
}
