/** A table as the TypeScript program that declares it: what `lvsform import` prints. The program plans to nothing. */
import {
  type Declared,
  defaultNetmask,
  type DirectorSettings,
  familyOf,
  findConflicts,
  flagProblems,
  markMatch,
  type MarkRule,
  type RealServer,
  serviceFamily,
  serviceId,
  type SyncDaemon,
  type Timeouts,
  toRealServer,
  type Tunnel,
  type VirtualService,
} from '../model';

export interface ProgramSettings {
  stack: string;
  director: string;
  connection: DirectorSettings;
}

export interface ImportedTable {
  services: readonly VirtualService[];
  marks: readonly MarkRule[];
  timeouts?: Partial<Timeouts>;
  daemons: readonly SyncDaemon[];
}

/** Names of the classes a program uses, collected while it is written. */
type Uses = Set<string>;

/**
 * The program, ready to run. What can't be declared becomes a comment, and stays foreign: a mark rule that marks packets
 * an earlier rule marks as well, and a service that only other programs than ipvsadm can make.
 */
export function renderProgram(table: ImportedTable, settings: ProgramSettings): string {
  const uses: Uses = new Set(['Director', 'IpvsStack']);
  const { marks, overlapping } = declarable(table.marks);
  const services = table.services.map((service) => ({ service, problem: problemOf(service) }));
  const declared = services.flatMap(({ service, problem }) => (problem === undefined ? [service] : []));
  const listening = new Map<VirtualService, MarkRule>();
  for (const service of declared) {
    const rule = listenRule(service, marks);
    if (rule !== undefined) listening.set(service, rule);
  }
  const taken = new Set(listening.values());
  const connection = Object.entries(settings.connection).map(([name, value]): [string, string] => [
    name,
    typeof value === 'string' ? quote(value) : JSON.stringify(value),
  ]);
  const idOf = distinctIds();
  const body = [
    ...declared.map((service) => serviceCode(service, idOf(serviceId(service.key)), listening.get(service), uses)),
    ...services.flatMap(({ service, problem }) =>
      problem === undefined ? [] : [`// Not declared, ${serviceId(service.key)}: ${problem}`],
    ),
    ...marks.filter((rule) => !taken.has(rule)).map((rule, at) => markCode(rule, at + 1, uses)),
    ...overlapping.map(
      (rule) => `// Not declared, another rule marks these packets: ${markMatch(rule)} with ${rule.mark}`,
    ),
    ...timeoutsCode(table.timeouts ?? {}, uses),
    ...table.daemons.map((daemon) => daemonCode(daemon, uses)),
  ];
  return [
    "import { App } from 'cdktf';",
    `import { ${[...uses].sort().join(', ')} } from 'lvsform';`,
    '',
    'const app = new App();',
    `const stack = new IpvsStack(app, ${quote(settings.stack)});`,
    `const director = new Director(stack, ${quote(settings.director)}, ${object(connection)});`,
    '',
    ...body.map((code) => `${code}\n`),
    'app.synth();',
    '',
  ].join('\n');
}

function declarable(rules: readonly MarkRule[]): { marks: MarkRule[]; overlapping: MarkRule[] } {
  const entries = rules.map((rule, place): Declared<number> => ({ on: 'mark', rule, director: '', place, name: '' }));
  const overlapping = new Set(findConflicts(entries).map(({ place }) => place));
  return {
    marks: rules.filter((_, at) => !overlapping.has(at)),
    overlapping: rules.filter((_, at) => overlapping.has(at)),
  };
}

/** Why a service can't be declared: of what ipvsadm can't list or set, the kernel still takes it from others. */
function problemOf({ key, scheduler, schedulerFlags, realServers }: VirtualService): string | undefined {
  const serverProblems = realServers.flatMap(({ tunnel, ...server }) =>
    toRealServer(tunnel === null ? server : { ...server, tunnel }, key).issues.map(({ message }) => message),
  );
  return [...flagProblems(scheduler, schedulerFlags), ...serverProblems][0];
}

/** The one rule that makes packets of a fwmark service, if it says just what `Listen.tcp(address, …ports).marked(n)` says. */
function listenRule(service: VirtualService, marks: readonly MarkRule[]): MarkRule | undefined {
  const { key } = service;
  if (key.by !== 'fwmark') return undefined;
  const [rule, ...others] = marks.filter((candidate) => candidate.mark === key.mark && candidate.family === key.family);
  if (rule === undefined || others.length > 0) return undefined;
  const host = rule.destination?.endsWith(key.family === 'inet' ? '/32' : '/128') ?? false;
  const ports = rule.ports.length > 0 && !rule.ports.includes('0');
  const plain = rule.source === null && rule.inputInterface === null && rule.protocol !== null && ports;
  return host && plain ? rule : undefined;
}

function serviceCode(service: VirtualService, id: string, rule: MarkRule | undefined, uses: Uses): string {
  uses.add('Listen');
  const idOf = distinctIds();
  const forward = service.realServers[0] === undefined ? undefined : forwardCode(service.realServers[0]);
  const props: [string, string][] = [
    ['listen', listenCode(service, rule)],
    ['scheduler', schedulerCode(service, uses)],
    ...persistenceCode(service, uses),
    ...(service.onePacket ? [['onePacket', 'true'] as [string, string]] : []),
    ...(forward === undefined || forward === DEFAULT_FORWARD ? [] : [['forward', forward] as [string, string]]),
  ];
  const servers = service.realServers.map(
    (server) =>
      `\n  .addRealServer(${quote(idOf(`rs-${server.address}-${server.port}`))}, ${serverCode(service, server, forward ?? DEFAULT_FORWARD, uses)})`,
  );
  if (forward !== undefined && forward !== DEFAULT_FORWARD) uses.add('Forward');
  return `director.addService(${quote(id)}, ${object(props)})${servers.join('')};`;
}

function listenCode(service: VirtualService, rule: MarkRule | undefined): string {
  const { key } = service;
  if (key.by === 'address') return `Listen.${key.protocol}(${quote(key.address)}, ${key.port})`;
  if (rule === undefined)
    return key.family === 'inet' ? `Listen.mark(${key.mark})` : `Listen.mark(${key.mark}, 'inet6')`;
  const ports = rule.ports.map((port) => (port.includes(':') ? quote(port) : port));
  return `Listen.${rule.protocol ?? 'tcp'}(${[quote(rule.destination?.split('/')[0] ?? ''), ...ports].join(', ')}).marked(${key.mark})`;
}

const PLAIN_SCHEDULERS = ['rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sed', 'nq', 'fo', 'ovf', 'twos'];

function schedulerCode(service: VirtualService, uses: Uses): string {
  uses.add('Scheduler');
  const { scheduler, schedulerFlags } = service;
  if (PLAIN_SCHEDULERS.includes(scheduler) && schedulerFlags.length === 0) return `Scheduler.${scheduler}()`;
  if (scheduler !== 'sh' && scheduler !== 'mh')
    return `Scheduler.of(${[scheduler, ...schedulerFlags].map(quote).join(', ')})`;
  const options = (['fallback', 'port'] as const).filter((name) =>
    schedulerFlags.some((flag) => flag === `${scheduler}-${name}`),
  );
  return `Scheduler.${scheduler}(${options.length === 0 ? '' : object(options.map((name) => [name, 'true']))})`;
}

function persistenceCode(service: VirtualService, uses: Uses): [string, string][] {
  const { persistence, persistenceEngine } = service;
  const engine: [string, string][] = persistenceEngine === null ? [] : [['engine', quote(persistenceEngine)]];
  if (persistence === null) return engine.length === 0 ? [] : [['persistence', object(engine)]];
  const timeout = durationCode(persistence.timeoutSeconds, uses);
  const grouped = persistence.netmask !== defaultNetmask(serviceFamily(service.key));
  if (!grouped && engine.length === 0) return [['persistence', timeout]];
  return [
    [
      'persistence',
      object([
        ['timeout', timeout],
        ...(grouped ? [['netmask', quote(persistence.netmask)] as [string, string]] : []),
        ...engine,
      ]),
    ],
  ];
}

const DEFAULT_FORWARD = 'Forward.gatewaying()';

function forwardCode(server: RealServer): string {
  if (server.tunnel === null || server.tunnel.type === 'ipip') return `Forward.${server.forwarding}()`;
  return `Forward.ipip(${tunnelCode(server.tunnel)})`;
}

function tunnelCode(tunnel: Exclude<Tunnel, { type: 'ipip' }>): string {
  const port: [string, string][] = tunnel.type === 'gue' ? [['port', String(tunnel.port)]] : [];
  const checksum: [string, string][] = tunnel.checksum === 'none' ? [] : [['checksum', quote(tunnel.checksum)]];
  return object([['type', quote(tunnel.type)], ...port, ...checksum]);
}

function serverCode(service: VirtualService, server: RealServer, serviceForward: string, uses: Uses): string {
  const defaultPort = service.key.by === 'address' ? service.key.port : 0;
  const forward = forwardCode(server);
  if (forward !== serviceForward) uses.add('Forward');
  const props: [string, string][] = [
    ['address', quote(server.address)],
    ...(server.port === defaultPort ? [] : [['port', String(server.port)] as [string, string]]),
    ...(server.weight === 1 ? [] : [['weight', String(server.weight)] as [string, string]]),
    ...(server.upperThreshold === 0 ? [] : [['upperThreshold', String(server.upperThreshold)] as [string, string]]),
    ...(server.lowerThreshold === 0 ? [] : [['lowerThreshold', String(server.lowerThreshold)] as [string, string]]),
    ...(forward === serviceForward ? [] : [['forward', forward] as [string, string]]),
  ];
  return object(props);
}

function markCode(rule: MarkRule, number: number, uses: Uses): string {
  uses.add('MarkRule');
  // What matches every packet has to say so.
  const everything = rule.family === 'inet' ? '0.0.0.0/0' : '::/0';
  const destination = markMatch(rule) === `${rule.family}/any/any` ? everything : rule.destination;
  const derived = destination ?? rule.source;
  const props: [string, string][] = [
    ['mark', String(rule.mark)],
    ...(rule.family === (derived === null ? 'inet' : familyOf(derived))
      ? []
      : [['family', quote(rule.family)] as [string, string]]),
    ...(rule.protocol === null ? [] : [['protocol', quote(rule.protocol)] as [string, string]]),
    ...(destination === null ? [] : [['destination', quote(destination)] as [string, string]]),
    ...(rule.source === null ? [] : [['source', quote(rule.source)] as [string, string]]),
    ...(rule.inputInterface === null ? [] : [['inputInterface', quote(rule.inputInterface)] as [string, string]]),
    ...(rule.ports.length === 0
      ? []
      : [
          ['ports', `[${rule.ports.map((port) => (port.includes(':') ? quote(port) : port)).join(', ')}]`] as [
            string,
            string,
          ],
        ]),
  ];
  return `new MarkRule(director, ${quote(`mark-${rule.mark}-${number}`)}, ${object(props)});`;
}

/** The kernel's own values need no line in a program. */
const KERNEL_TIMEOUTS: Timeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };

function timeoutsCode(timeouts: Partial<Timeouts>, uses: Uses): string[] {
  const props = (Object.keys(KERNEL_TIMEOUTS) as (keyof Timeouts)[]).flatMap((name): [string, string][] => {
    const seconds = timeouts[name];
    return seconds === undefined || seconds === KERNEL_TIMEOUTS[name]
      ? []
      : [[name.replace('Seconds', ''), durationCode(seconds, uses)]];
  });
  if (props.length === 0) return [];
  uses.add('Timeouts');
  return [`new Timeouts(director, 'timeouts', ${object(props)});`];
}

function daemonCode(daemon: SyncDaemon, uses: Uses): string {
  uses.add('SyncDaemon');
  const props: [string, string][] = [
    ['role', quote(daemon.role)],
    ['interface', quote(daemon.interface)],
    ['syncId', String(daemon.syncId)],
    ...(daemon.maxLength === null ? [] : [['maxLength', String(daemon.maxLength)] as [string, string]]),
    ...(daemon.group === null ? [] : [['group', quote(daemon.group)] as [string, string]]),
    ...(daemon.port === null ? [] : [['port', String(daemon.port)] as [string, string]]),
    ...(daemon.ttl === null ? [] : [['ttl', String(daemon.ttl)] as [string, string]]),
  ];
  return `new SyncDaemon(director, ${quote(`sync-${daemon.role}`)}, ${object(props)});`;
}

function durationCode(seconds: number, uses: Uses): string {
  uses.add('Duration');
  return seconds % 60 === 0 ? `Duration.minutes(${seconds / 60})` : `Duration.seconds(${seconds})`;
}

/** A construct id that is also an identifier in Terraform: letters, digits and dashes, a letter first. */
function identifier(text: string): string {
  return text.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-|-$/g, '');
}

/** Makes identifiers, each once: IPv6 addresses may differ only in where their zeros are left out. */
function distinctIds(): (text: string) => string {
  const taken = new Set<string>();
  return (text) => {
    const wanted = identifier(text);
    let id = wanted;
    for (let number = 2; taken.has(id); number += 1) id = `${wanted}-${number}`;
    taken.add(id);
    return id;
  };
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

function object(entries: readonly (readonly [string, string])[]): string {
  return `{ ${entries.map(([name, code]) => `${name}: ${code}`).join(', ')} }`;
}
