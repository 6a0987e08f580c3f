import { relative } from 'node:path';
import { count } from '../../report';
import { type AddCommand, EXIT } from '../command';
import { type ProjectFlags } from '../options';
import { readStacks, synthProject } from '../project';

export const addSynth: AddCommand = (program, io, exit) => {
  program
    .command('synth')
    .description('run the program and write its stacks as Terraform JSON')
    .option('--app <file>', 'program to run instead of the "app" of cdktf.json')
    .addHelpText(
      'after',
      '\nThe output folder is the "output" of cdktf.json (cdktf.out). terraform and tofu read the same files.',
    )
    .action(async (flags: ProjectFlags) => {
      const artefacts = await synthProject(flags, io);
      // What plan would refuse is said now.
      const stacks = readStacks(artefacts, io);
      const files = new Map(artefacts.map(({ stack, file }) => [stack, file]));
      for (const { stack, directors } of stacks) {
        const services = Math.max(0, ...directors.map(({ table }) => table.services.length));
        io.out(
          `${stack}: ${count(directors.length, 'director')}, ${count(services, 'service')}: ${relative(io.cwd, files.get(stack) ?? '')}\n`,
        );
      }
      exit(EXIT.done);
    });
};
