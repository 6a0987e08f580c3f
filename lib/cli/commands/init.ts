import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { UsageError } from '../../model';
import { type AddCommand, EXIT } from '../command';
import { projectFiles } from '../template';
import { VERSION } from '../version';

export const addInit: AddCommand = (program, io, exit) => {
  program
    .command('init')
    .description('start a project')
    .argument('<dir>', 'folder for it; made if it does not exist')
    .action((dir: string) => {
      const folder = resolve(io.cwd, dir);
      const files = projectFiles(basename(folder), VERSION);
      if (existsSync(folder) && !statSync(folder).isDirectory())
        throw new UsageError('exists', `${folder} is a file`, { hint: 'say a folder' });
      const taken = Object.keys(files).filter((name) => existsSync(join(folder, name)));
      if (taken.length > 0)
        throw new UsageError('exists', `${folder} already has ${taken.join(', ')}; nothing was written`, {
          hint: 'choose an empty folder',
        });
      mkdirSync(folder, { recursive: true });
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      const cd = relative(io.cwd, folder);
      io.out(
        `${Object.keys(files).join(', ')} written.\n\n  ${cd === '' ? '' : `cd ${cd}\n  `}lvsform sim                                        simulated directors lb1 and lb2, in a terminal of their own\n  lvsform plan --ssh-config .lvsform-sim/ssh_config\n  lvsform apply --ssh-config .lvsform-sim/ssh_config\n\nnpm install gives your editor the types. README.md says the rest.\n`,
      );
      exit(EXIT.done);
    });
};
