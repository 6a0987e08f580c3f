import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Director, UsageError } from '../model';
import type { Connect } from '../transport';
import type { Io } from './io';
import { parseShard, type SelectionFlags } from './selection';

/** Where the stacks come from. */
export interface ProjectFlags {
  app?: string;
  from?: string;
}

/** Which directors, and how they are reached. */
export interface DirectorFlags extends SelectionFlags {
  director?: string[];
  sshConfig?: string;
  parallelism?: number;
  connectTimeout?: number;
}

/** What may pass, and who else is asked. */
export interface SafetyFlags {
  allow?: string[];
  policy?: string[];
}

const collect = (value: string, before: string[] = []): string[] => [
  ...before,
  ...value.split(',').filter((name) => name !== ''),
];

/** A whole number from 1. @throws InvalidArgumentError */
export function positive(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('Expected a whole number from 1.');
  return number;
}

/** Seconds, as many as ConnectTimeout takes; a timer that is set for months would go off at once. @throws InvalidArgumentError */
export function upToADay(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 86_400)
    throw new InvalidArgumentError('Expected a whole number of seconds, 1 to 86400.');
  return number;
}

/** A TCP port. @throws InvalidArgumentError */
export function tcpPort(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 65535)
    throw new InvalidArgumentError('Expected a TCP port, 1 to 65535.');
  return number;
}

/** A login name, as an SSH configuration takes it without quotes. @throws InvalidArgumentError */
export function login(value: string): string {
  if (!/^\w[\w.-]*$/.test(value)) throw new InvalidArgumentError('Expected a login name such as lvsform.');
  return value;
}

export function withProject(command: Command): Command {
  return command
    .option('--app <file>', 'program to run instead of the "app" of cdktf.json')
    .addOption(
      new Option('--from <dir>', 'read this existing output folder instead of running a program').conflicts('app'),
    );
}

export function withConnection(command: Command): Command {
  return command
    .option('--ssh-config <file>', 'use this SSH configuration instead of ~/.ssh/config (also: LVSFORM_SSH_CONFIG)')
    .option(
      '--connect-timeout <seconds>',
      'give up on a director that does not answer (default: ConnectTimeout of the SSH configuration, else 10)',
      upToADay,
    );
}

export function withDirectors(command: Command): Command {
  return withConnection(command)
    .option('--director <name...>', 'only these directors; may be repeated or separated by commas', collect)
    .option('--tag <name=value...>', 'only directors with these tags; may be repeated', collect)
    .option(
      '--shard <n/m>',
      'only the n-th of m parts of the directors, by their names, for runs side by side',
      parseShard,
    )
    .option('--parallelism <n>', 'directors read, and changed within a wave, at once', positive);
}

export function withFormat(command: Command, formats: readonly string[] = ['text', 'json', 'markdown']): Command {
  return command.addOption(new Option('--format <format>', 'how to print').choices(formats).default('text'));
}

export function withSafety(command: Command): Command {
  return command
    .option('--allow <code...>', 'let blocking findings with this code pass; may be repeated', collect)
    .option(
      '--policy <file>',
      'a module that exports `policies`, rules of your own (docs/policies.md); may be repeated',
      (file: string, before: string[] | undefined) => [...(before ?? []), file],
    );
}

export function withJournal(command: Command): Command {
  return command.option('--log <file>', 'append what is done to this file, as JSON lines');
}

/** A connector with the caller's SSH configuration. The SSH library is only loaded by the commands that need it. */
export async function connector(
  flags: Pick<DirectorFlags, 'sshConfig' | 'connectTimeout'>,
  io: Io,
): Promise<Connect<Director>> {
  const { createSshConnector } = await import('../transport/index.js');
  const chosen = flags.sshConfig ?? io.env['LVSFORM_SSH_CONFIG'];
  const sshConfigFile = chosen === undefined ? undefined : resolve(io.cwd, chosen);
  if (sshConfigFile !== undefined && !existsSync(sshConfigFile))
    throw new UsageError('no-file', `the SSH configuration ${sshConfigFile} does not exist`, {
      hint: `it was asked for with ${flags.sshConfig === undefined ? 'LVSFORM_SSH_CONFIG' : '--ssh-config'}`,
    });
  return createSshConnector({
    env: io.env,
    ...(flags.connectTimeout === undefined ? {} : { connectTimeoutMs: flags.connectTimeout * 1000 }),
    ...(sshConfigFile === undefined ? {} : { sshConfigFile }),
  });
}
