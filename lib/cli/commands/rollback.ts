import { takeBackApply, withLock } from '../../apply';
import { ApplyError, RETRY_UNDO, UsageError } from '../../model';
import { authorOf } from '../../author';
import type { AddCommand } from '../command';
import { visitDirectors } from '../directors';
import { journaled, type JournalFlags } from '../journal';
import { type DirectorFlags, positive, type ProjectFlags, withDirectors, withJournal, withProject } from '../options';

interface RollbackFlags extends ProjectFlags, DirectorFlags, JournalFlags {
  autoApprove?: boolean;
  lockTimeout?: number;
}

export const addRollback: AddCommand = (program, io, exit) => {
  const command = program
    .command('rollback')
    .description("take a stack's last apply back on the directors")
    .argument('[stack...]', 'only these stacks')
    .option('--auto-approve', 'do not ask')
    .option('--lock-timeout <seconds>', 'wait this long for an apply to finish', positive)
    .addHelpText(
      'after',
      `
Runs the undo that the last apply left on each director: only what that apply touched, and only where it is still as it
was left. What somebody else changed since is left alone, and named. Boot files (persist) follow. A second rollback does
nothing, and neither does one after an apply that changed no more than the ledger or boot files.

Without lvsform, on the director: sh /var/lib/lvsform/STACK.undo/run now`,
    );
  withJournal(withDirectors(withProject(command))).action(async (names: string[], flags: RollbackFlags) => {
    const code = await journaled('rollback', flags, io, async (journal) => {
      if (flags.autoApprove !== true) {
        if (!io.interactive)
          throw new UsageError('not-approved', 'there is no terminal to ask on, so nothing is changed', {
            hint: 'add --auto-approve',
          });
        const answer = await io.ask("Take the last apply back? Only 'yes' is taken for a yes: ");
        if (answer.trim() !== 'yes') throw new UsageError('not-approved', 'not approved; nothing was changed');
      }
      return visitDirectors(names, flags, io, async ({ stack, wish, access }) => {
        const options = { stack, author: authorOf(io), waitSeconds: flags.lockTimeout ?? 0 };
        const undo = await withLock(access, options, ({ token }) => takeBackApply(access, { stack, wish, token }));
        journal.note('taken-back', { stack, director: access.name, ...undo });
        if (undo === undefined) io.out(`${access.name}: nothing to take back\n`);
        else if (undo.state === 'superseded') io.out(`${access.name}: nothing to take back: ${undo.detail}\n`);
        else if (undo.state === 'undone') {
          const what = undo.already ? 'nothing was left to do: it was taken back before' : 'taken back';
          io.out(`${access.name}: ${what} (${undo.detail})\n`);
        } else
          throw new ApplyError('interrupted', access.name, `taken back in part: ${undo.detail}`, {
            hint: undo.state === 'stuck' ? RETRY_UNDO : 'run `lvsform plan` to see how it stands',
          });
      });
    });
    exit(code);
  });
};
