import { Construct } from 'constructs';
import { isPlainObject, type Issue, type RealServerResource } from '../model';
import { MarkRule, Reporter, VirtualService as ServiceResource, type VirtualServiceConfig } from '../../providers/ipvs';
import { Duration } from './duration';
import { Forward } from './forward';
import { checkListen, type Listen, singlePorts } from './listen';
import { placementOf } from './placement';
import { checkDuration, checkProps, checkValue, secondsField } from './props';
import { FORWARD_EXAMPLE, RealServer, type RealServerProps } from './real-server';
import { Scheduler } from './scheduler';

export interface PersistenceOptions {
  /** How long a client stays bound to its real server, 1 second to 31 days. */
  timeout?: Duration;
  /** Clients of one such network count as one: `'255.255.255.0'` or 24 for IPv4, a prefix length for IPv6. */
  netmask?: string | number;
  /** Persistence engine, e.g. `sip`. Alone, it is set while persistence stays off. */
  engine?: string;
}

export interface DrainOptions {
  /** How long to wait at most. */
  timeout: Duration;
  /** Go on when no more than this many connections are left. Default 0. */
  connections?: number;
}

export interface VirtualServiceProps {
  /** What it listens to: its identity, to change it is to delete and create. */
  listen: Listen;
  /** Default `Scheduler.wlc()`. */
  scheduler?: Scheduler;
  /** Binds a client to one real server: for how long, or in detail. Default: off. */
  persistence?: Duration | PersistenceOptions;
  /** Schedule every packet anew; UDP and fwmark only. Default false. */
  onePacket?: boolean;
  /** How packets reach the real servers. Default `Forward.gatewaying()`. */
  forward?: Forward;
  /** Wait for connections to end before a real server is removed. Default: don't. */
  drain?: DrainOptions;
  /** Weights belong to an operator or a health checker: live ones are kept. Default false. */
  keepLiveWeights?: boolean;
}

const KNOWN = ['listen', 'scheduler', 'persistence', 'onePacket', 'forward', 'drain', 'keepLiveWeights'] as const;

/** What programs written with a list in mind try first. */
const ELSEWHERE = new Map(
  ['realservers', 'servers'].map((name) => [name, "add each one: .addRealServer('rs1', { address: '10.0.0.1' })"]),
);

const FIELDS = {
  protocol: 'listen',
  address: 'listen',
  port: 'listen',
  ports: 'listen',
  mark: 'listen',
  family: 'listen',
  destination: 'listen',
  schedulerFlags: 'scheduler',
  'persistence.timeoutSeconds': 'persistence.timeout',
  'drain.timeoutSeconds': 'drain.timeout',
};

type Fields = Omit<VirtualServiceConfig, 'director' | 'forEach' | 'protocol'>;

/** A virtual service on every director of a Fleet, or on a single Director. */
export class VirtualService extends Construct {
  /** The resources behind it: one, or one per port when there are several ports without a mark. */
  readonly resources: readonly ServiceResource[];
  /** How packets reach real servers that do not say so themselves. */
  readonly forward: Forward;
  private readonly servers = new Map<string, Reporter>();

  constructor(scope: Construct, id: string, props: VirtualServiceProps) {
    super(scope, id);
    const reporter = new Reporter(this, { fields: FIELDS, route: (issue) => this.route(issue) });
    const given = checkProps(reporter, props, KNOWN, [], ELSEWHERE);
    this.forward = checkValue(reporter, ['forward'], given.forward, isForward, FORWARD_EXAMPLE) ?? Forward.gatewaying();
    const listen = checkListen(reporter, given.listen);
    this.resources = listen === undefined ? [] : this.build(listen, toFields(reporter, given), reporter);
  }

  /** Adds a real server: the same as `new RealServer(this, id, props)`. */
  addRealServer(id: string, props: RealServerProps): this {
    new RealServer(this, id, props);
    return this;
  }

  /** Adds real servers by name, or by address with what they have in common. */
  addRealServers(servers: Readonly<Record<string, RealServerProps>>): this;
  addRealServers(addresses: readonly string[], common?: Omit<RealServerProps, 'address'>): this;
  addRealServers(
    servers: Readonly<Record<string, RealServerProps>> | readonly string[],
    common: Omit<RealServerProps, 'address'> = {},
  ): this {
    const named = isAddresses(servers)
      ? servers.map((address): [string, RealServerProps] => [address, { ...common, address }])
      : Object.entries(servers);
    for (const [id, props] of named) this.addRealServer(id, props);
    return this;
  }

  /** @internal Takes a real server's fields; `reporter` hears of what is wrong with it beside the service. */
  attach(name: string, server: RealServerResource, reporter: Reporter): void {
    this.servers.set(name, reporter);
    for (const resource of this.resources) resource.addRealServer(name, { ...server });
  }

  private build(listen: Listen, fields: Fields, reporter: Reporter): ServiceResource[] {
    const placement = placementOf(this);
    // A scope of its own keeps the names of the resources apart from those of the real servers.
    const scope = new Construct(this, 'Default');
    const { target, mark } = listen;
    if (mark !== undefined) {
      const config = { ...fields, ...placement, protocol: 'fwmark' as const, ...mark };
      const resource = new ServiceResource(scope, 'Resource', config, reporter);
      if (target !== undefined) {
        const { protocol, address: destination, ports } = target;
        const rule = { ...placement, mark: mark.mark, protocol, destination, ports: [...ports] };
        new MarkRule(scope, 'mark', rule, reporter).node.addDependency(resource);
      }
      return [resource];
    }
    if (target === undefined) return [];
    const { protocol, address } = target;
    return singlePorts(reporter, target.ports).map(({ name, port }) => {
      const config = { ...fields, ...placement, protocol, address, port };
      return new ServiceResource(scope, name, config, reporter);
    });
  }

  /** What is wrong with one real server is told there, with its own line. */
  private route({ path: [field, name, ...path], ...issue }: Issue): boolean {
    const reporter = field === 'realServers' && typeof name === 'string' ? this.servers.get(name) : undefined;
    reporter?.error({ ...issue, path });
    return reporter !== undefined;
  }
}

const isForward = (value: unknown): value is Forward => value instanceof Forward;
const isScheduler = (value: unknown): value is Scheduler => value instanceof Scheduler;

function isAddresses(
  servers: Readonly<Record<string, RealServerProps>> | readonly string[],
): servers is readonly string[] {
  return Array.isArray(servers);
}

function toFields(reporter: Reporter, props: VirtualServiceProps): Fields {
  const example = 'a Scheduler such as Scheduler.wrr()';
  const scheduler = checkValue(reporter, ['scheduler'], props.scheduler, isScheduler, example);
  return {
    ...(scheduler === undefined ? {} : { scheduler: scheduler.name, schedulerFlags: [...scheduler.flags] }),
    ...toPersistence(reporter, props.persistence),
    ...toDrain(reporter, props.drain),
    onePacket: props.onePacket,
    keepLiveWeights: props.keepLiveWeights,
  };
}

function toPersistence(reporter: Reporter, wanted: VirtualServiceProps['persistence']): Pick<Fields, 'persistence'> {
  if (wanted === undefined) return {};
  if (wanted instanceof Duration) return { persistence: { timeoutSeconds: wanted.toSeconds() } };
  const given: unknown = wanted;
  if (!isPlainObject(given)) {
    reporter.error({ path: ['persistence'], message: 'expected a Duration, or { timeout, netmask, engine }' });
    return {};
  }
  checkProps(reporter, wanted, ['timeout', 'netmask', 'engine'], ['persistence']);
  const { netmask, engine, timeout } = wanted;
  const seconds = secondsField(reporter, ['persistence', 'timeout'], timeout, 'timeoutSeconds');
  return { persistence: { netmask, engine, ...seconds } };
}

function toDrain(reporter: Reporter, wanted: VirtualServiceProps['drain']): Pick<Fields, 'drain'> {
  if (wanted === undefined) return {};
  const known = ['timeout', 'connections'];
  const { timeout: given, connections } = checkProps<Partial<DrainOptions>>(reporter, wanted, known, ['drain']);
  const timeout = checkDuration(reporter, ['drain', 'timeout'], given);
  if (timeout !== undefined) return { drain: { timeoutSeconds: timeout.toSeconds(), connections } };
  if (given === undefined) reporter.error({ path: ['drain', 'timeout'], message: 'is required' });
  return {};
}
