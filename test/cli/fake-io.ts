import type { Io } from '../../lib/cli/io';
import { main } from '../../lib/cli/main';
import { PLAIN } from '../../lib/report';
import type { Typed } from './support';

/** Runs a command line in this process. With `answer` a person sits at a terminal and is asked. */
export async function typeHere(
  args: readonly string[],
  { cwd, sshConfig, answer }: { cwd: string; sshConfig?: string; answer?: (question: string) => string },
): Promise<Typed> {
  let [stdout, stderr] = ['', ''];
  const io: Io = {
    out: (text) => void (stdout += text),
    err: (text) => void (stderr += text),
    interactive: answer !== undefined,
    ask: (question) => {
      stdout += question;
      return Promise.resolve(answer?.(question) ?? '');
    },
    style: PLAIN,
    cwd,
    env: { HOME: cwd, ...(sshConfig === undefined ? {} : { LVSFORM_SSH_CONFIG: sshConfig }) },
  };
  return { code: await main(args, io), stdout, stderr };
}
