import { z } from 'zod';
import { IgnorePattern } from './ignore';
import { holdsKey, type Issue, quoted, shown } from './issue';

/** `declared`: only what the stack declares is touched. `table`: everything else in the director's table is removed. */
export const Ownership = z.enum(['declared', 'table'], {
  error: (issue) => `${quoted(issue.input)} is not an ownership (declared, table)`,
});
export type Ownership = z.output<typeof Ownership>;

const oneWord = (what: string) =>
  z
    .string({ error: `expected ${what}` })
    .regex(/^[^\s-]\S*$/, { error: (issue) => `${quoted(issue.input)} is not ${what}` });

/** A director's name: what plans, errors and `--director` call it. */
export const DirectorName = z
  .string({ error: 'expected the name of a director' })
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
    error: (issue) => `${quoted(issue.input)} is not a director name: letters, digits, . _ -`,
  });

/** How a director is reached and what the stack owns on it. Fields left out follow `~/.ssh/config`, then the defaults. */
export const DirectorSettings = z.object({
  /** Host name or address to connect to, or an alias of `~/.ssh/config`. */
  host: oneWord('a host name or address').meta({
    description: 'Host name or address to connect to, or an alias of ~/.ssh/config.',
  }),
  /** TCP port of sshd. Default 22. */
  port: z
    .int({ error: (issue) => `${shown(issue.input)} is not a TCP port (1..65535)` })
    .min(1, { error: (issue) => `${shown(issue.input)} is not a TCP port (1..65535)` })
    .max(65535, { error: (issue) => `${shown(issue.input)} is not a TCP port (1..65535)` })
    .optional()
    .meta({ description: 'TCP port of sshd. Default 22.' }),
  /** Login name. Default: the local user's. */
  user: oneWord('a login name').optional().meta({ description: "Login name. Default: the local user's." }),
  /** Private key file. Default: the agent, then the usual files in ~/.ssh. */
  identityFile: z
    .string()
    .min(1)
    // The value itself is not for anybody to read.
    .refine((path) => !/[\r\n]/.test(path) && !holdsKey(path), {
      error: 'is the name of a file, not what is in it',
    })
    .optional()
    .meta({ description: 'Private key file. Default: the agent, then the usual files in ~/.ssh.' }),
  /** Use the SSH agent. Default: when SSH_AUTH_SOCK is set. */
  agent: z.boolean().optional().meta({ description: 'Use the SSH agent. Default: when SSH_AUTH_SOCK is set.' }),
  /** The host key, e.g. `ssh-ed25519 AAAA…`. Default: known_hosts decides. */
  hostKey: z
    .string()
    .regex(/^(?:ssh-|ecdsa-|sk-)[a-z0-9@.-]+ [A-Za-z0-9+/]+=*(?: .*)?$/, {
      error: "is not a host key such as 'ssh-ed25519 AAAA…'",
    })
    .optional()
    .meta({ description: "The host key, e.g. 'ssh-ed25519 AAAA…'. Default: known_hosts decides." }),
  /** Jump host, `[user@]host[:port]`, like OpenSSH's ProxyJump. */
  jump: oneWord('a jump host such as ops@bastion:22')
    .optional()
    .meta({ description: "Jump host, [user@]host[:port], like OpenSSH's ProxyJump." }),
  /** Run ipvsadm and iptables through `sudo -n`. Default false. */
  sudo: z.boolean().optional().meta({ description: 'Run ipvsadm and iptables through sudo -n. Default false.' }),
  /** Free labels for selecting directors, e.g. `{ site: 'fra' }`. */
  tags: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: "Free labels for selecting directors, e.g. { site: 'fra' }." }),
  /** What the stack owns on this director. Default `declared`. */
  owns: Ownership.optional().meta({
    description: "What the stack owns: 'declared' (default) or 'table' (everything undeclared is removed).",
  }),
  /** Live services that are left alone, whatever the stack owns. */
  ignore: z.array(IgnorePattern).optional().meta({
    description: "Live services that are left alone, also with owns: 'table'; declaring one of them is an error.",
  }),
  /** Write what was applied to the director's boot files as well. Default false. */
  persist: z
    .boolean({ error: (issue) => `${shown(issue.input)} is not true or false` })
    .optional()
    .meta({
      description: 'Write what was applied to the files the director loads at boot. Default false.',
    }),
});
export type DirectorSettings = z.output<typeof DirectorSettings>;

export const Director = z.strictObject({ ...DirectorSettings.shape, name: DirectorName });
export type Director = z.output<typeof Director>;

type Way = Pick<DirectorSettings, 'host' | 'port' | 'jump'>;

/** Directors that are reached alike are one machine; behind another jump host the same address is another one. */
export const wayTo = ({ host, port, jump }: Way): string => JSON.stringify([host.toLowerCase(), port, jump]);

/**
 * One machine that is two directors of a stack: with one ledger for both, each would remove what the other made.
 *
 * @param known names of directors by the way they are reached; takes in this one
 */
export function twinIssues(name: string, director: Way, known: Map<string, string>): Issue[] {
  const way = wayTo(director);
  const twin = known.get(way);
  if (twin === undefined) known.set(way, name);
  if (twin === undefined || twin === name) return [];
  const hint = 'one machine is one director: declare on it what both shall hold';
  return [{ path: ['host'], message: `'${name}' is reached like '${twin}'`, hint }];
}
