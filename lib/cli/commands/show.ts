import { fetchLive } from '../../apply';
import { chainName, LvsformError, serviceId, UsageError } from '../../model';
import { renderTable } from '../../report';
import { newNonce } from '../../transport';
import { type AddCommand, EXIT, type ExitCode } from '../command';
import { formatError } from '../errors';
import { connector, type DirectorFlags, type ProjectFlags, withDirectors, withFormat, withProject } from '../options';
import { planFileArgument } from '../plan-file';
import { loadProject } from '../project';
import { selectStacks } from '../selection';
import { showPlanFile } from './show-plan-file';

export interface ShowFlags extends ProjectFlags, DirectorFlags {
  format: 'text' | 'json' | 'markdown';
  live?: boolean;
}

export const addShow: AddCommand = (program, io, exit) => {
  const command = program
    .command('show')
    .description('show the live tables of the directors, and what in them is not ours; or a plan file')
    .argument('[stack...]', 'only these stacks; or one plan file')
    .option('--live', 'with a plan file: read the directors, and list what moved since')
    .addHelpText(
      'after',
      `
A plan file is shown whatever became of it: the first lines say when it was made, by whom, and whether it can still be
applied. The program of this folder, when there is one, is run and compared with it. --format markdown is for plan files.

Examples:
  $ lvsform show edge --director lb1
  $ lvsform show plan.json --live`,
    );
  withFormat(withDirectors(withProject(command))).action(async (names: string[], flags: ShowFlags) => {
    const file = planFileArgument(names, io);
    if (file !== undefined) {
      exit(await showPlanFile(file, flags, io));
      return;
    }
    if (flags.live === true || flags.format === 'markdown')
      throw new UsageError(
        'no-plan-file',
        `${flags.live === true ? '--live' : '--format markdown'} goes with a plan file`,
        {
          hint: 'lvsform show plan.json',
        },
      );
    const stacks = selectStacks(await loadProject(flags, io, names), names, flags);
    const connect = await connector(flags, io);
    const shown: object[] = [];
    let code: ExitCode = EXIT.done;
    for (const { stack, directors } of stacks) {
      for (const { director, table } of directors) {
        try {
          const runner = await connect(director);
          try {
            const live = await fetchLive(
              { name: director.name, sudo: director.sudo ?? false, runner, nonce: newNonce },
              chainName(stack),
            );
            const ours = new Set([
              ...table.services.map((service) => serviceId(service.key)),
              ...table.daemons.map(({ role }) => `sync/${role}`),
            ]);
            shown.push({
              director: director.name,
              stack,
              ...live.table,
              otherMarks: live.otherMarks,
              capabilities: live.capabilities,
            });
            if (flags.format === 'text') io.out(`${renderTable(director.name, live, ours, io.style)}\n`);
          } finally {
            await runner.close();
          }
        } catch (error) {
          if (!(error instanceof LvsformError)) throw error;
          code = EXIT.error;
          shown.push({ director: director.name, stack, error: { code: error.code, message: error.message } });
          if (flags.format === 'text') io.err(formatError(error, io.style));
        }
      }
    }
    if (flags.format === 'json') io.out(`${JSON.stringify({ format: 1, directors: shown }, null, 2)}\n`);
    exit(code);
  });
};
