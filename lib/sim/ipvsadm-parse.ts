/**
 * argv of ipvsadm 1.31 to a request, option by option in the order they are written, since that order matters: `-M`
 * means something else before the address than after it, `-6` needs `-f` before it, a server without a port takes the
 * service's port only when the service came first.
 */
import type { ServiceKey, SyncRole, Timeouts } from '../model';
import { BadOption, Exit, fail, HANDLERS, initialState, seconds, type Hosts, type State } from './ipvsadm-handlers';
import {
  brokenRule,
  COMMANDS,
  OPTION_NAMES,
  POPT_TABLE,
  RULES,
  TUNNEL_OPTIONS,
  TUNNEL_RULES,
  type CommandName,
  type CommandOption,
  type OptionName,
} from './ipvsadm-options';
import type { DaemonSettings, DestinationAttributes, DestinationKey, ServiceAttributes } from './kernel';
import { readOptions } from './popt';

const DEFAULT_PERSISTENCE = 360;

export interface Request {
  command: CommandName;
  given: ReadonlySet<OptionName>;
  /** Undefined when no service is named. */
  key: ServiceKey | undefined;
  service: ServiceAttributes;
  at: DestinationKey;
  destination: DestinationAttributes;
  timeouts: Timeouts;
  role: SyncRole;
  daemon: DaemonSettings;
}

const FLAG_BITS: Readonly<Record<string, { bit: number; scheduler?: string }>> = {
  'flag-1': { bit: 1 },
  'flag-2': { bit: 2 },
  'flag-3': { bit: 4 },
  'sh-fallback': { bit: 1, scheduler: 'sh' },
  'sh-port': { bit: 2, scheduler: 'sh' },
  'mh-fallback': { bit: 1, scheduler: 'mh' },
  'mh-port': { bit: 2, scheduler: 'mh' },
};

function schedulerFlags(text: string, scheduler: string): number {
  const names = text.split(',').filter((name) => name !== '');
  // strtok returns nothing for commas alone, and ipvsadm reads it all the same.
  if (names.length === 0) throw new Exit(139, '');
  return names.reduce((bits, name) => {
    const flag = FLAG_BITS[name] ?? fail(`invalid scheduler flag \`${name}'`);
    if (flag.scheduler !== undefined && flag.scheduler !== scheduler) fail(`incompatible scheduler flag \`${name}'`);
    return bits | flag.bit;
  }, 0);
}

/** The request, or how ipvsadm ends without one (`Exit`); `program` is the name it was called by. */
export function parseArguments(program: string, words: readonly string[], hosts: Hosts): Request {
  const leftovers: string[] = [];
  const events = readOptions(POPT_TABLE, words, leftovers);
  const first = events.next();
  const state = initialState(hosts);
  if (first.done === true || 'error' in first.value) return tryHelp(program);
  const { command, role } = readCommand(program, first.value.option, first.value.value ?? '');
  for (const event of events) {
    if ('error' in event) throw new BadOption(`${event.word}: ${event.error}\n`);
    const handler = HANDLERS[event.option];
    if (handler === undefined) fail(`invalid option \`${event.word}'`);
    handler(state, event.value ?? (event.option === 'persistent' ? String(DEFAULT_PERSISTENCE) : ''));
  }
  const timeouts = command === 'set' ? readTimeouts(leftovers) : { tcpSeconds: 0, tcpFinSeconds: 0, udpSeconds: 0 };
  if (leftovers[0] !== undefined) fail(`unexpected argument ${leftovers[0]}`);
  if (state.schedulerFlags !== undefined)
    state.service.flags = schedulerFlags(state.schedulerFlags, state.service.scheduler || 'wlc');
  return check({ command, role, timeouts }, state);
}

function readCommand(program: string, option: string, value: string): { command: CommandName; role: SyncRole } {
  if (option === 'help') throw new Exit(0, '', usage(program));
  if (option === 'version') throw new Exit(0, '', VERSION);
  if (!(option in COMMANDS)) return tryHelp(program);
  const command = COMMANDS[option as CommandOption];
  if (command === 'start-daemon' || command === 'stop-daemon') {
    if (value !== 'master' && value !== 'backup')
      fail(command === 'start-daemon' ? 'illegal start-daemon parameter specified' : 'illegal start_daemon specified');
    return { command, role: value };
  }
  return { command, role: 'master' };
}

function readTimeouts(leftovers: string[]): Timeouts {
  const [tcp, tcpFin, udp] = leftovers.splice(0, 3);
  if (tcp === undefined || tcpFin === undefined || udp === undefined) fail('--set option requires 3 timeout values');
  return { tcpSeconds: seconds(tcp, 0), tcpFinSeconds: seconds(tcpFin, 0), udpSeconds: seconds(udp, 0) };
}

/** What is checked once all options are read. */
function check(head: Pick<Request, 'command' | 'role' | 'timeouts'>, state: State): Request {
  const { command } = head;
  const { given, destination, service, daemon } = state;
  const broken = brokenRule(OPTION_NAMES, RULES[command], given, `'${command}' command`);
  if (broken !== undefined) fail(broken);
  const key = serviceKey(state);
  if (command === 'add-service' || command === 'edit-service') {
    if (key?.by === 'address' && key.port === 0 && service.persistentSeconds === null)
      fail('Zero port specified for non-persistent service');
    if (service.onePacket && key?.by === 'address' && key.protocol !== 'udp')
      fail('One-Packet Scheduling is only for UDP virtual services');
  }
  service.scheduler ||= 'wlc';
  service.netmask = state.netmask ?? '255.255.255.255';
  if (command === 'start-daemon') daemon.interface ||= 'eth0';
  const at = { address: state.server?.address ?? '', port: state.server?.port ?? 0 };
  if (command === 'add-server' || command === 'edit-server') {
    if (key?.by === 'address' && destination.forwarding !== 'masquerading') at.port = key.port;
    checkTunnel(state);
  }
  if (command === 'list') checkList(given);
  return { ...head, given, key, service, at, destination, daemon };
}

function serviceKey(state: State): ServiceKey | undefined {
  if (!state.given.has('service-address')) return undefined;
  const family = state.family ?? 'inet';
  if (state.mark !== 0) return { by: 'fwmark', family, mark: state.mark };
  const { address = '', port = 0 } = state.endpoint;
  return { by: 'address', protocol: state.protocol ?? 'tcp', address, port };
}

function checkTunnel({ given, destination, family, server }: State): void {
  const isTunnel = destination.forwarding === 'ipip';
  if (server?.family !== family && !isTunnel) fail('Different address family is allowed only for tunneling servers');
  const anyTunnelOption = given.has('tun-type') || TUNNEL_OPTIONS.some((name) => given.has(name));
  if (anyTunnelOption && !isTunnel) fail('Tunnel options conflict with forward method');
  const type = destination.tunnelType;
  const broken = brokenRule(TUNNEL_OPTIONS, TUNNEL_RULES[type], given, `'${type}' tunnel type`);
  if (broken !== undefined) fail(broken);
}

function checkList(given: ReadonlySet<OptionName>): void {
  const any = (...names: OptionName[]): boolean => names.some((name) => given.has(name));
  const conflict =
    (any('connection', 'timeout', 'daemon') && any('stats', 'rate', 'thresholds')) ||
    (any('timeout', 'daemon') && any('persistent-conn'));
  if (conflict) fail('options conflicts in the list command');
}

export function tryHelp(program: string): never {
  throw new Exit(255, `Try \`${program} -h' or '${program} --help' for more information.\n`);
}

export const VERSION = 'ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n';

/** The synopsis only: what follows it is long and says nothing a person using the simulator needs. */
function usage(program: string): string {
  const lines = [
    '-A|E virtual-service [-s scheduler] [-p [timeout]] [-M netmask] [--pe persistence_engine] [-b sched-flags]',
    '-D virtual-service',
    '-C',
    '-R',
    '-S [-n]',
    '-a|e virtual-service -r server-address [options]',
    '-d virtual-service -r server-address',
    '-L|l [virtual-service] [options]',
    '-Z [virtual-service]',
    '--set tcp tcpfin udp',
    '--start-daemon {master|backup} [daemon-options]',
    '--stop-daemon {master|backup}',
    '-h',
  ];
  return `${VERSION}Usage:\n${lines.map((line) => `  ${program} ${line}\n`).join('')}\n`;
}
