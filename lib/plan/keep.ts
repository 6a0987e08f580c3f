/**
 * What stays. Before tables are compared, everything the stack does not speak of is copied from the live table into the
 * desired one: foreign services, weights that belong to an operator, timeouts left open. The diff after it has no
 * options: whatever differs then is to be changed.
 *
 * With `owns: 'declared'` (the default) a stack speaks of the services it declares, with all their real servers, of the
 * sync daemon roles and timeouts it declares, of the mark rules in its own chain, and of what its ledger says it made
 * before. With `owns: 'table'` it speaks of every service and daemon of the director but those that another stack's
 * ledger holds. Services that an `ignore` pattern matches are never spoken of. Mark rules outside its own chain are
 * never touched: they may serve routing as well.
 */
import {
  canonicalFlags,
  type DesiredDirector,
  type DirectorTable,
  ignoredBy,
  type LiveDirector,
  markRuleId,
  type RealServer,
  serverKey,
  serviceId,
  type ServiceKey,
  type ServicePolicy,
  sortTable,
  type SyncDaemon,
  type VirtualService,
} from '../model';
import { daemonId, type Ledgers, serverId } from './ledgers';
import { chainMarks, foreignMarks } from './marks';

export interface Kept {
  /** The complete table the director shall have. */
  desired: DirectorTable;
  /** Ids of live entries that nobody declared and that stay. */
  foreign: string[];
  /** Those of them that stay only because another stack's ledger holds them, or may hold them. */
  spared: string[];
}

/** Completes a stack's wish with everything that stays as it is. */
export function keepForeign(wish: DesiredDirector, live: LiveDirector, ledgers: Ledgers): Kept {
  const declared = declaredIds(wish);
  const absent = new Set((wish.absent ?? []).map(serviceId));
  const ownsTable = wish.director.owns === 'table';
  const leaves = (id: string): boolean => {
    if (absent.has(id)) return true;
    if (ledgers.others.has(id)) return false;
    // With another stack's ledger lost, what it made can't be told from what nobody made.
    return ledgers.own.has(id) || (ownsTable && ledgers.unreadable.length === 0);
  };
  const { services, daemons } = without(wish, live, (id, ignored) => declared.has(id) || (!ignored && leaves(id)));
  const liveServices = new Map(live.table.services.map((service) => [serviceId(service.key), service]));
  return {
    desired: sortTable({
      services: [
        ...wish.table.services.map((service) => {
          const id = serviceId(service.key);
          return keepLiveParts(service, liveServices.get(id), wish.policies[id], ledgers.quiesced);
        }),
        ...services,
      ],
      daemons: [...wish.table.daemons.map((daemon) => keepUnknown(daemon, live.table.daemons)), ...daemons],
      marks: chainMarks(wish.table.marks, live),
      timeouts: { ...live.table.timeouts, ...wish.table.timeouts },
    }),
    foreign: foreignIds(wish, live, services, daemons),
    spared: ownsTable
      ? [
          ...services.filter(({ key }) => !isIgnored(wish, key)).map(({ key }) => serviceId(key)),
          ...daemons.map(daemonId),
        ]
      : [],
  };
}

/**
 * The table without anything the stack declares or made before: what `destroy` leaves behind. Timeouts have no "before"
 * to go back to.
 */
export function withoutDeclared(wish: DesiredDirector, live: LiveDirector, ledgers: Ledgers): Kept {
  const declared = declaredIds(wish);
  const made = (id: string): boolean => declared.has(id) || (ledgers.own.has(id) && !ledgers.others.has(id));
  const { services, daemons } = without(wish, live, (id, ignored) => !ignored && made(id));
  return {
    desired: sortTable({ services, daemons, marks: [], timeouts: live.table.timeouts }),
    foreign: foreignIds(wish, live, services, daemons),
    spared: [],
  };
}

function declaredIds({ table }: DesiredDirector): Set<string> {
  return new Set([...table.services.map((service) => serviceId(service.key)), ...table.daemons.map(daemonId)]);
}

function isIgnored({ director }: DesiredDirector, key: ServiceKey): boolean {
  return ignoredBy(director.ignore ?? [], key) !== undefined;
}

/** Live services and daemons without those that go. */
function without(
  wish: DesiredDirector,
  { table }: LiveDirector,
  goes: (id: string, ignored: boolean) => boolean,
): Pick<DirectorTable, 'services' | 'daemons'> {
  return {
    services: table.services.filter(({ key }) => !goes(serviceId(key), isIgnored(wish, key))),
    daemons: table.daemons.filter((daemon) => !goes(daemonId(daemon), false)),
  };
}

function foreignIds(
  wish: DesiredDirector,
  live: LiveDirector,
  services: readonly VirtualService[],
  daemons: readonly SyncDaemon[],
): string[] {
  return [
    ...services.map((service) => serviceId(service.key)),
    ...daemons.map(daemonId),
    ...foreignMarks(wish, live).map(markRuleId),
  ];
}

/**
 * The declared service with what its policy leaves to others: ignored fields and operators' weights.
 *
 * @param quiesced ids of real servers whose 0 is ours: a drain was cut short, and declared again they serve again
 */
function keepLiveParts(
  service: VirtualService,
  live: VirtualService | undefined,
  policy: ServicePolicy = {},
  quiesced: ReadonlySet<string> = new Set(),
): VirtualService {
  if (live === undefined) return service;
  const ignored = Object.fromEntries((policy.ignoreChanges ?? []).map((field) => [field, live[field]]));
  const mixed: VirtualService = { ...service, ...ignored };
  // Flags belong to a scheduler: those of the one that was there may be none of the declared one.
  const declared = { ...mixed, schedulerFlags: canonicalFlags(mixed.scheduler, mixed.schedulerFlags) };
  if (policy.keepLiveWeights !== true) return declared;
  const isOurs = (server: RealServer): boolean => server.weight === 0 && quiesced.has(serverId(service.key, server));
  const kept = live.realServers.filter((server) => !isOurs(server));
  const weights = new Map(kept.map((server) => [serverKey(server), server.weight]));
  return {
    ...declared,
    realServers: declared.realServers.map((server) => ({
      ...server,
      weight: weights.get(serverKey(server)) ?? server.weight,
    })),
  };
}

/**
 * A field that one side does not know can't differ: the message length is the kernel's choice unless it is declared,
 * and ipvsadm 1.28 lists neither it nor group, port and TTL.
 */
function keepUnknown(daemon: SyncDaemon, live: readonly SyncDaemon[]): SyncDaemon {
  const before = live.find((other) => other.role === daemon.role);
  if (before === undefined) return daemon;
  return {
    ...daemon,
    maxLength: before.maxLength === null ? null : (daemon.maxLength ?? before.maxLength),
    group: before.group === null ? null : daemon.group,
    port: before.port === null ? null : daemon.port,
    ttl: before.ttl === null ? null : daemon.ttl,
  };
}
