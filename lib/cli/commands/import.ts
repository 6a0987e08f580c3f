import { existsSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { fetchLive } from '../../apply';
import { parseRulesFile } from '../../dialect';
import { chainName, DirectorName, DirectorSettings, UsageError } from '../../model';
import { renderProgram } from '../../report';
import { newNonce } from '../../transport';
import { type AddCommand, EXIT } from '../command';
import type { Io } from '../io';
import { connector, type DirectorFlags, tcpPort, withConnection } from '../options';
import { readText } from '../read-text';

interface ImportFlags extends Omit<DirectorFlags, 'director' | 'parallelism'> {
  file?: string;
  out?: string;
  stack: string;
  name?: string;
  port?: number;
  identityFile?: string;
  hostKey?: string;
  jump?: string;
  sudo?: boolean;
}

export const addImport: AddCommand = (program, io, exit) => {
  const command = program
    .command('import')
    .description('write the TypeScript program of a live director, or of a saved rules file')
    .argument('[user@host]', 'the director to read')
    .option('--file <file>', 'read rules saved by `ipvsadm -Sn`, e.g. /etc/sysconfig/ipvsadm; - is standard input')
    .option('--out <file>', 'write the program to this file instead of printing it')
    .option('--stack <name>', 'name of the stack in the program', stackName, 'imported')
    .option('--name <name>', 'name of the director in the program (default: from its host)')
    .option('--port <port>', 'TCP port of sshd', tcpPort)
    .option('--identity-file <file>', 'private key')
    .option('--host-key <key>', "the director's host key")
    .option('--jump <host>', 'jump host')
    .option('--sudo', 'run ipvsadm and iptables through sudo -n')
    .addHelpText(
      'after',
      `
Services, real servers, mark rules, timeouts and sync daemons: the program plans to nothing against the director it was
read from. A saved file has no thresholds, timeouts, daemons or mark rules unless somebody wrote them into it.

Examples:
  $ lvsform import ops@lb1.example.net --sudo --out main.ts
  $ lvsform import --file /etc/sysconfig/ipvsadm lb1.example.net > main.ts`,
    );
  withConnection(command).action(async (target: string | undefined, flags: ImportFlags) => {
    const text =
      flags.file === undefined ? await importLive(target, flags, io) : importFile(flags.file, target, flags, io);
    if (flags.out === undefined) io.out(text);
    else writeNew(resolve(io.cwd, flags.out), text, io);
    exit(EXIT.done);
  });
};

/** What cdktf takes for the id of a stack, and leaves as it is. @throws InvalidArgumentError */
function stackName(value: string): string {
  if (!/^[^\s/]+$/.test(value)) throw new InvalidArgumentError('Expected a name without blanks and slashes.');
  return value;
}

async function importLive(target: string | undefined, flags: ImportFlags, io: Io): Promise<string> {
  if (target === undefined)
    throw new UsageError('no-target', 'nothing to import from', { hint: 'say USER@HOST, or --file FILE' });
  const { name, connection } = describeTarget(target, flags);
  const connect = await connector(flags, io);
  const runner = await connect({ name, ...connection });
  try {
    const live = await fetchLive({ name, sudo: flags.sudo ?? false, runner, nonce: newNonce }, chainName(flags.stack));
    const { services, marks, timeouts, daemons } = live.table;
    return renderProgram(
      { services, marks: [...marks, ...live.otherMarks], timeouts, daemons },
      { stack: flags.stack, director: name, connection },
    );
  } finally {
    await runner.close();
  }
}

function importFile(file: string, target: string | undefined, flags: ImportFlags, io: Io): string {
  const rules = parseRulesFile(readText(file, io.cwd));
  const { name, connection } = describeTarget(target ?? 'director.example.net', flags);
  return renderProgram({ marks: [], ...rules }, { stack: flags.stack, director: name, connection });
}

function describeTarget(target: string, flags: ImportFlags): { name: string; connection: DirectorSettings } {
  const at = target.lastIndexOf('@');
  const settings = {
    host: target.slice(at + 1),
    ...(at > 0 ? { user: target.slice(0, at) } : {}),
    ...(flags.port === undefined ? {} : { port: flags.port }),
    ...(flags.identityFile === undefined ? {} : { identityFile: flags.identityFile }),
    ...(flags.hostKey === undefined ? {} : { hostKey: flags.hostKey }),
    ...(flags.jump === undefined ? {} : { jump: flags.jump }),
    ...(flags.sudo === true ? { sudo: true } : {}),
  };
  const host =
    settings.host.includes(':') || /^[\d.]+$/.test(settings.host)
      ? 'director'
      : (settings.host.split('.')[0] ?? 'director');
  const name = DirectorName.safeParse(flags.name ?? host);
  const connection = parseSettings(settings);
  if (!name.success) throw new UsageError('bad-name', name.error.issues.map(({ message }) => message).join('; '));
  return { name: name.data, connection };
}

function parseSettings(settings: unknown): DirectorSettings {
  const parsed = DirectorSettings.safeParse(settings);
  if (parsed.success) return parsed.data;
  throw new UsageError(
    'bad-target',
    parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
    { hint: 'say USER@HOST' },
  );
}

function writeNew(path: string, text: string, io: Io): void {
  if (existsSync(path))
    throw new UsageError('exists', `${path} exists and is left as it is`, { hint: 'choose another --out' });
  writeFileSync(path, text);
  io.err(`wrote ${path}\n`);
}
