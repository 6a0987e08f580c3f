/** Names of hosts in an SSH configuration. Synchronous: a program is one. */
import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { UsageError } from '../model';
import { includedFiles } from '../transport/included-files';
import { isPattern, matchesPatterns } from '../transport/patterns';
import { parseSshConfig } from '../transport/ssh-config';

const MAX_DEPTH = 16;

/**
 * Hosts that a configuration names in full (not by a pattern of its own) and that match, in its order. Of the names that
 * one Host block leads to one HostName, the first that matches: they are one machine.
 *
 * @param pattern `*` and `?` as in ssh_config(5)
 * @param file default: LVSFORM_SSH_CONFIG, else `~/.ssh/config`
 * @throws UsageError `ssh-config` when it can't be read, `no-hosts` when none matches
 */
export function sshHosts(pattern: string, file?: string): string[] {
  const path = resolve(file ?? process.env['LVSFORM_SSH_CONFIG'] ?? join(homedir(), '.ssh', 'config'));
  const blocks = hostsIn(path, 0).map(({ names, isOneMachine }) => ({
    names: names.filter((name) => matchesPatterns(name, [pattern])),
    isOneMachine,
  }));
  const others = new Set(blocks.flatMap(({ names, isOneMachine }) => (isOneMachine ? names.slice(1) : [])));
  const hosts = [...new Set(blocks.flatMap(({ names }) => names))].filter((name) => !others.has(name));
  if (hosts.length > 0) return hosts;
  throw new UsageError('no-hosts', `no Host of ${path} matches '${pattern}'`, {
    hint: 'a Host line names each of them; patterns there are not followed',
  });
}

interface HostBlock {
  names: string[];
  /** All its names lead to the same place. */
  isOneMachine: boolean;
}

function hostsIn(path: string, depth: number): HostBlock[] {
  if (depth > MAX_DEPTH) throw new UsageError('ssh-config', `${path}: Include nests deeper than ${MAX_DEPTH} files`);
  const blocks: HostBlock[] = [];
  let block: HostBlock | undefined;
  for (const { keyword, args } of parseSshConfig(read(path), path)) {
    if (keyword === 'host') {
      block = { names: args.filter((name) => !isPattern(name)), isOneMachine: false };
      blocks.push(block);
    } else if (keyword === 'match') block = undefined;
    // With %h in it, each name has its own.
    else if (keyword === 'hostname' && block !== undefined) block.isOneMachine = args[0]?.includes('%') === false;
    else if (keyword === 'include') blocks.push(...args.flatMap(included).flatMap((file) => hostsIn(file, depth + 1)));
  }
  return blocks;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError('ssh-config', `${path} can not be read`, { cause: error });
  }
}

/** Those that are not there are passed over, as OpenSSH does. */
const included = (name: string): string[] =>
  includedFiles(name, homedir()).filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
