/**
 * Rules as `ipvsadm -S` prints them and `ipvsadm-restore` reads them. One reader for two texts:
 *
 * - {@link parseSave} reads the listing of a live table. Every attribute must be there: what is missing was cut off.
 * - {@link parseRulesFile} reads what people keep in a file, where ipvsadm fills in what is left out.
 *
 * Old spellings are read as what the kernel holds: `flag-1,flag-2` of an mh service is `mh-fallback,mh-port` (before
 * 1.30), ` ops` and ` pe sip` are `-o` and `--pe sip` (before 1.27), `--tun-type ipip` is what a plain `-i` means.
 * What old builds get wrong can't be seen in their output: 1.27 lists SCTP services as UDP and IPv6 real servers of an
 * IPv4 service as some IPv4 address; 1.30 and older list GUE and GRE tunnels as ipip.
 */
import {
  canonicalAddress,
  DEFAULT_PERSISTENCE_SECONDS,
  defaultNetmask,
  type DesiredTimeouts,
  type Family,
  MAX_TIMEOUT_SECONDS,
  type Persistence,
  type RealServer,
  serviceFamily,
  type ServiceId,
  serviceId,
  type ServiceKey,
  SYNC_DAEMON_DEFAULTS,
  type SyncDaemon,
  SyncRole,
  type Tunnel,
  type VirtualService,
} from '../model';
import { type Options, readCommand, type Verb } from './command-words';
import { listedTwice, misread, readLines, splitWords } from './text';
import {
  hostPortReader,
  readEngine,
  readFlags,
  readMark,
  readNetmask,
  readNumber,
  readPort,
  readScheduler,
  readThreshold,
  readTimeout,
  readWeight,
} from './values';

/** What a file of rules sets up. */
export interface RulesFile {
  services: VirtualService[];
  /** What its `--set` lines set; a 0 there leaves the kernel's value alone. */
  timeouts: DesiredTimeouts;
  daemons: SyncDaemon[];
}

/** Where rules come from: a listing is complete and has services only, in a file ipvsadm's defaults apply. */
type Origin = 'listing' | 'file';

/**
 * Reads `ipvsadm -Sn`. Services and real servers come in the order listed.
 *
 * @throws ParseError
 */
export function parseSave(text: string): VirtualService[] {
  const reader = new RulesReader('listing');
  readLines('ipvsadm -Sn', text, (line) => {
    reader.read(splitWords(line));
  });
  return reader.result().services;
}

/**
 * Reads a file for `ipvsadm-restore`, such as /etc/sysconfig/ipvsadm or /etc/ipvsadm.rules: `#` comments at the start of
 * a line, an optional leading word `ipvsadm`, long options, defaults left out, `--set` and `--start-daemon`.
 *
 * @throws ParseError
 */
export function parseRulesFile(text: string): RulesFile {
  const reader = new RulesReader('file');
  readLines('rules file', text, (line) => {
    if (line.startsWith('#')) return;
    const words = splitWords(line);
    reader.read(words[0] === 'ipvsadm' ? words.slice(1) : words);
  });
  return reader.result();
}

/**
 * Which service a line of such a file is about; undefined for comments, `--set`, daemons and the like.
 *
 * @throws ParseError
 */
export function serviceOfLine(line: string): ServiceId | undefined {
  let id: ServiceId | undefined;
  readLines('rules file', line, (text) => {
    if (text.startsWith('#')) return;
    const words = splitWords(text);
    id = new RulesReader('file').subject(words[0] === 'ipvsadm' ? words.slice(1) : words);
  });
  return id;
}

interface OpenService {
  service: VirtualService;
  servers: Set<string>;
}

class RulesReader {
  private readonly services = new Map<string, OpenService>();
  /** By the words that name the service, since every real server's line repeats them. */
  private readonly named = new Map<string, OpenService>();
  private readonly daemons = new Map<string, SyncDaemon>();
  private readonly timeouts: DesiredTimeouts = {};
  private readonly hostPort = hostPortReader();

  constructor(private readonly origin: Origin) {}

  result(): RulesFile {
    return {
      services: [...this.services.values()].map((entry) => entry.service),
      timeouts: this.timeouts,
      daemons: [...this.daemons.values()],
    };
  }

  read(words: readonly string[]): void {
    const { verb, operands, options } = readCommand(words);
    if (this.origin === 'listing' && verb !== 'add-service' && verb !== 'add-server')
      misread(`'${words[0] ?? ''}' is not part of a listing`);
    this.handlers[verb](options, operands);
  }

  subject(words: readonly string[]): ServiceId | undefined {
    const { verb, options } = readCommand(words);
    return verb === 'add-service' || verb === 'add-server' ? serviceId(this.readKey(options)) : undefined;
  }

  private readonly handlers: Readonly<Record<Verb, (options: Options, operands: readonly string[]) => void>> = {
    'add-service': (options) => {
      this.addService(options);
    },
    'add-server': (options) => {
      this.addServer(options);
    },
    clear: () => {
      this.services.clear();
      this.named.clear();
    },
    'set-timeouts': (_, operands) => {
      this.setTimeouts(operands);
    },
    'start-daemon': (options, operands) => {
      this.startDaemon(options, operands);
    },
  };

  private addService(options: Options): void {
    const key = this.readKey(options);
    const id = serviceId(key);
    if (this.services.has(id)) listedTwice(`service ${id}`);
    const family = serviceFamily(key);
    const scheduler = readScheduler(options.scheduler ?? this.omitted('-s', 'wlc'));
    const service: VirtualService = {
      key,
      scheduler,
      schedulerFlags: options.flags === undefined ? [] : readFlags(scheduler, options.flags),
      persistence: this.readPersistence(options, family),
      persistenceEngine: options.engine === undefined ? null : readEngine(options.engine),
      onePacket: options.onePacket !== undefined,
      realServers: [],
    };
    const entry = { service, servers: new Set<string>() };
    this.services.set(id, entry);
    this.named.set(keyWords(options), entry);
  }

  private addServer(options: Options): void {
    const { service, servers } = this.serviceOf(options);
    const server = this.readServer(options, service.key);
    const id = `${server.address} ${server.port}`;
    if (servers.has(id)) listedTwice(`real server ${options.realServer ?? ''}`);
    servers.add(id);
    service.realServers.push(server);
  }

  private serviceOf(options: Options): OpenService {
    const words = keyWords(options);
    let entry = this.named.get(words);
    if (entry === undefined) {
      const id = serviceId(this.readKey(options));
      entry = this.services.get(id) ?? misread(`there is no service ${id}`);
      this.named.set(words, entry);
    }
    return entry;
  }

  private readKey(options: Options): ServiceKey {
    const given = (['tcp', 'udp', 'sctp', 'fwmark'] as const).filter((name) => options[name] !== undefined);
    const [by] = given;
    if (by === undefined || given.length > 1) return misread('expected one of -t, -u, --sctp-service, -f');
    const text = options[by] ?? '';
    if (by === 'fwmark') {
      return { by, family: options.ipv6 === undefined ? 'inet' : 'inet6', mark: readMark(text) };
    }
    if (options.ipv6 !== undefined) misread('-6 goes with -f only');
    const { address, port } = this.readAddress(text, 0);
    return { by: 'address', protocol: by, address, port };
  }

  /** In a file an IPv4 address may stand alone. An IPv6 one may not: ipvsadm takes what looks like its port for a part of it. */
  private readAddress(text: string, defaultPort: number): { address: string; port: number } {
    if (this.origin === 'file') {
      const alone = canonicalAddress(text);
      if (alone?.includes(':') === true) misread(`'${text}' needs brackets and a port`, `write [${text}]:PORT`);
      if (alone !== undefined) return { address: alone, port: defaultPort };
    }
    return this.hostPort(text);
  }

  private readPersistence(options: Options, family: Family): Persistence | null {
    const { persistent, netmask } = options;
    if (persistent === undefined) {
      if (netmask !== undefined) misread('-M has no effect without -p');
      return null;
    }
    if (netmask !== undefined && family === 'inet6' && comesBeforeAddress(options)) {
      misread('ipvsadm forgets an IPv6 -M that comes before the address or before -6', 'write -M after it');
    }
    return {
      timeoutSeconds:
        persistent === '' ? this.omitted('a value after -p', DEFAULT_PERSISTENCE_SECONDS) : readTimeout(persistent),
      netmask: netmask === undefined ? defaultNetmask(family) : readNetmask(netmask, family),
    };
  }

  private readServer(options: Options, key: ServiceKey): RealServer {
    const servicePort = key.by === 'address' ? key.port : 0;
    const forwarding = this.readForwarding(options);
    const { address, port } = this.readAddress(options.realServer ?? misread('-r is missing'), servicePort);
    // ipvsadm overwrites the port of a server that is not masqueraded; a listing shows what the kernel has.
    const forced = this.origin === 'file' && key.by === 'address' && forwarding !== 'masquerading';
    return {
      address,
      port: forced ? servicePort : port,
      forwarding,
      tunnel: readTunnel(options),
      weight: readWeight(options.weight ?? this.omitted('-w', '1')),
      upperThreshold: options.upperThreshold === undefined ? 0 : readThreshold(options.upperThreshold),
      lowerThreshold: options.lowerThreshold === undefined ? 0 : readThreshold(options.lowerThreshold),
    };
  }

  private readForwarding({ gatewaying, ipip, masquerading }: Options): RealServer['forwarding'] {
    const given = Number(gatewaying !== undefined) + Number(ipip !== undefined) + Number(masquerading !== undefined);
    if (given > 1) misread('expected one of -g, -i, -m');
    if (masquerading !== undefined) return 'masquerading';
    if (ipip !== undefined) return 'ipip';
    return gatewaying !== undefined ? 'gatewaying' : this.omitted('-g, -i or -m', 'gatewaying');
  }

  private setTimeouts(operands: readonly string[]): void {
    (['tcpSeconds', 'tcpFinSeconds', 'udpSeconds'] as const).forEach((field, at) => {
      const seconds = readNumber(operands[at] ?? '', 'timeout in seconds', 0, MAX_TIMEOUT_SECONDS);
      if (seconds > 0) this.timeouts[field] = seconds;
    });
  }

  private startDaemon(options: Options, operands: readonly string[]): void {
    const role = SyncRole.safeParse(operands[0]);
    if (!role.success) return misread(`'${operands[0] ?? ''}' is not a sync daemon role (master, backup)`);
    if (this.daemons.has(role.data)) misread(`the ${role.data} daemon is started twice`);
    const { syncId, group, port, ttl } = SYNC_DAEMON_DEFAULTS;
    const number = (name: 'syncId' | 'port' | 'ttl' | 'maxLength', min: number, max: number): number | undefined =>
      options[name] === undefined ? undefined : readNumber(options[name], name, min, max);
    this.daemons.set(role.data, {
      role: role.data,
      interface: options.interface ?? 'eth0',
      syncId: number('syncId', 0, 255) ?? syncId,
      maxLength: number('maxLength', 1, 65507) ?? null,
      group: canonicalAddress(options.group ?? group) ?? misread(`'${options.group ?? ''}' is not an address`),
      port: number('port', 1, 65535) ?? port,
      ttl: number('ttl', 1, 255) ?? ttl,
    });
  }

  /** What ipvsadm fills in. A listing leaves nothing out: there it means that the line was cut short. */
  private omitted<Value>(what: string, value: Value): Value {
    return this.origin === 'file' ? value : misread(`${what} is missing: is the line cut short?`);
  }
}

/** The words that name a service, all of them: naming it in two ways at once is an error. */
function keyWords({ tcp, udp, sctp, fwmark, ipv6 }: Options): string {
  return `${tcp} ${udp} ${sctp} ${fwmark} ${ipv6}`;
}

function comesBeforeAddress(options: Options): boolean {
  const given = Object.keys(options);
  const names = given.slice(given.indexOf('netmask'));
  return (['tcp', 'udp', 'sctp', 'ipv6'] as const).some((name) => names.includes(name));
}

const CHECKSUMS = [['noChecksum', 'none'], ['checksum', 'csum'], ['remoteChecksum', 'remcsum']] as const; // prettier-ignore

function readTunnel(options: Options): Tunnel | null {
  const { tunnelType: type = 'ipip', tunnelPort: port } = options;
  if (options.ipip === undefined) {
    const stray = options.tunnelType ?? port ?? options.noChecksum ?? options.checksum ?? options.remoteChecksum;
    return stray === undefined ? null : misread('--tun-… needs -i');
  }
  const checksums = CHECKSUMS.filter(([option]) => options[option] !== undefined).map(([, checksum]) => checksum);
  if (checksums.length > 1) misread('expected one of --tun-nocsum, --tun-csum, --tun-remcsum');
  const [checksum = 'none'] = checksums;
  if (type !== 'gue' && port !== undefined) misread(`--tun-port does not go with tunnel type ${type}`);
  if (type === 'gue') return { type, port: readPort(port ?? misread('--tun-port is missing')), checksum };
  if (type === 'gre' && checksum === 'remcsum') misread('tunnel type gre has no remote checksum');
  if (type === 'gre') return { type, checksum };
  if (type !== 'ipip') return misread(`'${type}' is not a tunnel type (ipip, gue, gre)`);
  if (checksums.length > 0) misread('tunnel type ipip has no checksum');
  return { type };
}
