/** ipvsadm 1.31-1 of Debian 12: argv and stdin to exit code, stdout and stderr. */
import type { PartResult } from '../dialect/script';
import { BadOption, Exit, type Hosts } from './ipvsadm-handlers';
import { parseArguments, tryHelp, type Request } from './ipvsadm-parse';
import type { CommandName } from './ipvsadm-options';
import type { Errno, IpvsTable, Outcome } from './kernel';
import {
  listAll,
  listConnections,
  listDaemons,
  listService,
  listTimeouts,
  type Layout,
  type ListFormat,
} from './listing';

export interface IpvsadmContext {
  table: IpvsTable;
  hosts: Hosts;
  /** Asked before every command that changes something; an errno refuses it as the kernel would. */
  onChange?: () => Outcome;
}

const ERRNO_TEXT: Readonly<Record<Errno, string>> = {
  EEXIST: 'File exists',
  ENOENT: 'No such file or directory',
  ESRCH: 'No such process',
  EINVAL: 'Invalid operation.  Possibly wrong module version, address not unicast, ...',
  ERANGE: 'Numerical result out of range',
  ENODEV: 'No such device',
  ENOMEM: 'Memory allocation problem',
};

const SERVICE_TEXT = { ESRCH: 'No such service', ENOENT: 'Scheduler or persistence engine not found' };
const SERVER_TEXT = { ESRCH: 'Service not defined', ENOENT: 'No such destination' };

/** What an errno means to a command, where it is not the general text. */
const COMMAND_TEXT: Partial<Record<CommandName, Partial<Record<Errno, string>>>> = {
  'add-service': { ...SERVICE_TEXT, EEXIST: 'Service already exists' },
  'edit-service': SERVICE_TEXT,
  'delete-service': SERVICE_TEXT,
  zero: SERVICE_TEXT,
  list: SERVICE_TEXT,
  'add-server': { ...SERVER_TEXT, EEXIST: 'Destination already exists' },
  'edit-server': SERVER_TEXT,
  'delete-server': SERVER_TEXT,
  'start-daemon': { EEXIST: 'Daemon has already run' },
  'stop-daemon': { ESRCH: 'No daemon is running' },
};

type Change = (table: IpvsTable, request: Request & { key: NonNullable<Request['key']> }) => Outcome;

const CHANGES: Partial<Record<CommandName, Change>> = {
  'add-service': (table, { key, service }) => table.addService(key, service),
  'edit-service': (table, { key, service }) => table.editService(key, service),
  'delete-service': (table, { key }) => table.deleteService(key),
  'add-server': (table, { key, at, destination }) => table.addDestination(key, at, destination),
  'edit-server': (table, { key, at, destination }) => table.editDestination(key, at, destination),
  'delete-server': (table, { key, at }) => table.deleteDestination(key, at),
  zero: (table, { key }) => table.zero(key),
  flush: (table) => {
    table.flush();
  },
  set: (table, { timeouts }) => {
    table.setTimeouts(timeouts);
  },
  'start-daemon': (table, { role, daemon }) => table.startDaemon(role, daemon),
  'stop-daemon': (table, { role }) => table.stopDaemon(role),
};

/** Runs `program` (the name it was called by) with these words; `stdin` is read by `-R` only. */
export function runIpvsadm(
  context: IpvsadmContext,
  program: string,
  words: readonly string[],
  stdin: string,
): PartResult {
  const output = { stdout: '', stderr: '' };
  try {
    const code = words.length === 0 ? listNames(context, output) : runLine(context, program, words, output, stdin);
    return { code, ...output };
  } catch (end) {
    if (!(end instanceof Exit)) throw end;
    return { code: end.code, stdout: output.stdout + end.stdout, stderr: output.stderr + end.stderr };
  }
}

interface Output {
  stdout: string;
  stderr: string;
}

function listNames({ table, hosts }: IpvsadmContext, output: Output): number {
  output.stdout += listAll(table, { layout: 'plain', numeric: false, sorted: true, exact: false, hosts });
  return 0;
}

/** One command line; `stdin` is undefined for a line of a restore. */
function runLine(
  context: IpvsadmContext,
  program: string,
  words: readonly string[],
  output: Output,
  stdin: string | undefined,
): number {
  let request: Request;
  try {
    request = parseArguments(program, words, context.hosts);
  } catch (end) {
    if (!(end instanceof BadOption)) throw end;
    output.stderr += end.stderr;
    return end.code;
  }
  if (request.command === 'restore') {
    if (stdin === undefined) return tryHelp(program);
    return restore(context, program, stdin, output);
  }
  if (request.command === 'list' || request.command === 'save') {
    output.stdout += list(context, request);
    return 0;
  }
  const refused = context.onChange?.() ?? CHANGES[request.command]?.(context.table, request as Parameters<Change>[1]);
  if (refused === undefined) return 0;
  output.stderr += `${errorText(request.command, refused)}\n`;
  return 255;
}

/** `-R`: every line is a command line; a refusal is reported and forgotten, only the last line's result counts. */
function restore(context: IpvsadmContext, program: string, stdin: string, output: Output): number {
  let code = 0;
  for (const line of stdin.split('\n')) {
    const words = line.split(/\s+/).filter((word) => word !== '');
    if (words[0] === 'ipvsadm') words.shift();
    if (words.length > 0) code = runLine(context, program, words, output, undefined);
  }
  return code;
}

function errorText(command: CommandName, errno: Errno): string {
  return COMMAND_TEXT[command]?.[errno] ?? ERRNO_TEXT[errno];
}

/** First one wins when several are asked for. */
const LAYOUTS = ['stats', 'rate', 'thresholds', 'persistent-conn', 'tun-info'] as const satisfies Layout[];

function list({ table, hosts }: IpvsadmContext, { command, given, key }: Request): string {
  const format: ListFormat = {
    layout: command === 'save' ? 'rule' : (LAYOUTS.find((layout) => given.has(layout)) ?? 'plain'),
    numeric: given.has('numeric'),
    sorted: !given.has('nosort'),
    exact: given.has('exact'),
    hosts,
  };
  if (given.has('connection')) return listConnections(given.has('persistent-conn'));
  if (given.has('timeout')) return listTimeouts(table);
  if (given.has('daemon')) return listDaemons(table);
  if (key === undefined) return listAll(table, format);
  const service = table.find(key);
  if (service === undefined) throw new Exit(1, `${errorText('list', 'ESRCH')}\n`);
  return listService(service, format);
}
