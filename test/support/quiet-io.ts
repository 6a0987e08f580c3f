import type { Io } from '../../lib/cli/io';
import { PLAIN } from '../../lib/report';

/** A command's outside without a terminal or an environment, where nobody answers. @param more what is not so */
export function quietIo(cwd: string, more: Partial<Io> = {}): Io {
  const nothing = (): void => undefined;
  return { out: nothing, err: nothing, interactive: false, ask: () => Promise.resolve(''), style: PLAIN, cwd, env: {}, ...more }; // prettier-ignore
}
