/**
 * Table entries as ipvsadm's arguments. `-E` and `-e` replace the whole entry and reset what is left out, `-S` is no
 * help with thresholds: every attribute is always printed.
 */
import {
  type Command,
  defaultNetmask,
  hostPort,
  type RealServer,
  serviceFamily,
  type ServiceConfig,
  type ServiceKey,
  SYNC_DAEMON_DEFAULTS,
  type SyncDaemon,
  type SyncRole,
  type Timeouts,
  type Tunnel,
} from '../model';

const ipvsadm = (args: readonly string[]): Command => ({ tool: 'ipvsadm', args });

const PROTOCOL_OPTION = { tcp: '-t', udp: '-u', sctp: '--sctp-service' } as const;

export function serviceArgs(key: ServiceKey): string[] {
  if (key.by === 'address') return [PROTOCOL_OPTION[key.protocol], hostPort(key.address, key.port)];
  return ['-f', String(key.mark), ...(key.family === 'inet6' ? ['-6'] : [])];
}

/** `-M` stands after the address: before it ipvsadm resets an IPv6 one to 128. */
function configArgs(service: ServiceConfig): string[] {
  const { persistence, persistenceEngine, schedulerFlags } = service;
  const netmask = persistence?.netmask ?? '';
  return [
    ...serviceArgs(service.key),
    ...['-s', service.scheduler],
    ...(persistence === null ? [] : ['-p', String(persistence.timeoutSeconds)]),
    ...(persistence === null || netmask === defaultNetmask(serviceFamily(service.key)) ? [] : ['-M', netmask]),
    ...(persistenceEngine === null ? [] : ['--pe', persistenceEngine]),
    ...(service.onePacket ? ['-o'] : []),
    ...(schedulerFlags.length === 0 ? [] : ['-b', schedulerFlags.join(',')]),
  ];
}

const FORWARDING_OPTION = { gatewaying: '-g', ipip: '-i', masquerading: '-m' } as const;
const CHECKSUM_OPTION = { none: '--tun-nocsum', csum: '--tun-csum', remcsum: '--tun-remcsum' } as const;

/** ipvsadm before 1.31 does not know `--tun-type`; a plain `-i` is ipip everywhere. */
function tunnelArgs(tunnel: Tunnel | null): string[] {
  if (tunnel === null || tunnel.type === 'ipip') return [];
  const port = tunnel.type === 'gue' ? ['--tun-port', String(tunnel.port)] : [];
  return ['--tun-type', tunnel.type, ...port, CHECKSUM_OPTION[tunnel.checksum]];
}

function serverArgs(service: ServiceKey, server: RealServer): string[] {
  return [
    ...serviceArgs(service),
    ...['-r', hostPort(server.address, server.port)],
    FORWARDING_OPTION[server.forwarding],
    ...['-w', String(server.weight)],
    ...['-x', String(server.upperThreshold)],
    ...['-y', String(server.lowerThreshold)],
    ...tunnelArgs(server.tunnel),
  ];
}

export const addService = (service: ServiceConfig): Command => ipvsadm(['-A', ...configArgs(service)]);
export const editService = (service: ServiceConfig): Command => ipvsadm(['-E', ...configArgs(service)]);
export const removeService = (key: ServiceKey): Command => ipvsadm(['-D', ...serviceArgs(key)]);

export const addServer = (service: ServiceKey, server: RealServer): Command =>
  ipvsadm(['-a', ...serverArgs(service, server)]);
export const editServer = (service: ServiceKey, server: RealServer): Command =>
  ipvsadm(['-e', ...serverArgs(service, server)]);
/** `-d` does not put the service's port in place of the written one, as `-a` and `-e` do: it must be the live one. */
export const removeServer = (service: ServiceKey, server: RealServer): Command =>
  ipvsadm(['-d', ...serviceArgs(service), '-r', hostPort(server.address, server.port)]);

export const setTimeouts = ({ tcpSeconds, tcpFinSeconds, udpSeconds }: Timeouts): Command =>
  ipvsadm(['--set', ...[tcpSeconds, tcpFinSeconds, udpSeconds].map(String)]);

/** What 1.28 and older do not know is left out where it says what they do anyway. */
export function startDaemon(daemon: SyncDaemon): Command {
  const { maxLength, group, port, ttl } = daemon;
  const unlessDefault = (option: string, value: string | number | null, usual: string | number | null): string[] =>
    value === null || value === usual ? [] : [option, String(value)];
  return ipvsadm([
    ...['--start-daemon', daemon.role],
    ...['--mcast-interface', daemon.interface],
    ...['--syncid', String(daemon.syncId)],
    ...unlessDefault('--sync-maxlen', maxLength, null),
    ...unlessDefault('--mcast-group', group, SYNC_DAEMON_DEFAULTS.group),
    ...unlessDefault('--mcast-port', port, SYNC_DAEMON_DEFAULTS.port),
    ...unlessDefault('--mcast-ttl', ttl, SYNC_DAEMON_DEFAULTS.ttl),
  ]);
}

export const stopDaemon = (role: SyncRole): Command => ipvsadm(['--stop-daemon', role]);

/**
 * A command as a line for `ipvsadm -R`, which knows no quoting.
 *
 * @throws RangeError when an argument is empty or has a blank in it
 */
export function restoreLine(args: readonly string[]): string {
  const bad = args.find((arg) => !/^\S+$/.test(arg));
  if (bad !== undefined) throw new RangeError(`${JSON.stringify(bad)} can't be an argument of ipvsadm -R`);
  return args.join(' ');
}
