import { relative, resolve } from 'node:path';
import { type AddCommand, EXIT } from '../command';
import { login, positive, tcpPort } from '../options';
import { writeSshConfig } from '../ssh-config';

interface SimFlags {
  directors: number;
  port?: number;
  user: string;
  dir: string;
}

export const addSim: AddCommand = (program, io, exit) => {
  program
    .command('sim')
    .description('run simulated directors on this machine, behind real SSH on loopback')
    .option('--directors <n>', 'how many: lb1, lb2, …', positive, 2)
    .option('--port <port>', 'first TCP port (default: free ones)', tcpPort)
    .option('--user <name>', 'who logs in; any but root has to go through sudo', login, 'root')
    .option('--dir <dir>', 'folder for the SSH configuration, key and known_hosts', '.lvsform-sim')
    .addHelpText(
      'after',
      `
The simulator knows the commands lvsform sends and the ipvsadm a person types, words its refusals like the real tool,
and forgets everything when it stops. It writes an SSH configuration, so the same program runs against it:

  $ lvsform sim --directors 2
  $ lvsform sim --user lvsform                              (for programs with user: 'lvsform', sudo: true)
  $ lvsform plan --ssh-config .lvsform-sim/ssh_config       (in another terminal)
  $ ssh -F .lvsform-sim/ssh_config lb1 ipvsadm -Ln`,
    )
    .action(async (flags: SimFlags) => {
      const { startSim } = await import('../../sim/index.js');
      const names = Array.from({ length: flags.directors }, (_, at) => `lb${at + 1}`);
      const { user, port } = flags;
      const sim = await startSim({ directors: names, user, ...(port === undefined ? {} : { port }) });
      const dir = resolve(io.cwd, flags.dir);
      const config = writeSshConfig(dir, sim);
      const path = relative(io.cwd, config) || config;
      io.out(
        `${names.join(', ')} are up.\n  lvsform plan --ssh-config ${path}\n  ssh -F ${path} ${names[0] ?? ''} ipvsadm -Ln\nCtrl-C stops them.\n`,
      );
      await new Promise<void>((stop) => {
        process.once('SIGINT', stop);
        process.once('SIGTERM', stop);
      });
      await sim.close();
      exit(EXIT.done);
    });
};
