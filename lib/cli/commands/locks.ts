import { describeHolder, readHolder } from '../../apply';
import type { AddCommand } from '../command';
import { visitDirectors } from '../directors';
import { type DirectorFlags, type ProjectFlags, withDirectors, withFormat, withProject } from '../options';

interface LocksFlags extends ProjectFlags, DirectorFlags {
  format: 'text' | 'json';
}

export const addLocks: AddCommand = (program, io, exit) => {
  const command = program
    .command('locks')
    .description('show who holds the lock of each director')
    .argument('[stack...]', 'only these stacks')
    .addHelpText(
      'after',
      `
One apply at a time changes a director. The lock belongs to a process there that ends with its client: within seconds of
a client being killed or cut off, the lock is free again. There is nothing to unlock by hand.`,
    );
  withFormat(withDirectors(withProject(command)), ['text', 'json']).action(
    async (names: string[], flags: LocksFlags) => {
      const seen = new Set<string>();
      const locks: object[] = [];
      const code = await visitDirectors(names, flags, io, async ({ access }) => {
        if (seen.has(access.name)) return;
        seen.add(access.name);
        const holder = await readHolder(access);
        // The token is what changes are let through by.
        const { token: _token, ...shown } = holder ?? { token: '' };
        locks.push({ director: access.name, held: holder !== null, ...(holder ? { holder: shown } : {}) });
        if (flags.format === 'text')
          io.out(`${access.name}: ${holder === null ? 'free' : `held by ${describeHolder(holder)}`}\n`);
      });
      if (flags.format === 'json') io.out(`${JSON.stringify({ format: 1, locks }, undefined, 2)}\n`);
      exit(code);
    },
  );
};
