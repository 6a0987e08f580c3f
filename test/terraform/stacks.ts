/** Random stacks as Terraform's resources: random tables, written as people write them, with much left out. */
import fc from 'fast-check';
import {
  defaultNetmask,
  type DirectorTable,
  markMatch,
  type MarkRule,
  type RealServer,
  serviceFamily,
  serviceId,
  type ServiceKey,
  type SyncDaemon,
  SYNC_DAEMON_DEFAULTS,
  type VirtualService,
} from '../../lib/model';
import { arbitraryTable, declarable, editedTable, type Features } from '../support/arbitraries';

/** Takes a random value; inside a property that takes fc.gen(). */
export type Choose = <T>(make: () => fc.Arbitrary<T>) => T;

export interface Resource {
  type: string;
  name: string;
  values: Record<string, unknown>;
}

/** How a stack is written. */
export interface Style {
  /** Leave out whatever is a default, and call real servers as an import does: what an imported resource looks like. */
  plain?: boolean;
  /** Resources are called by what they are, so that an edited one keeps its address; else by their place. Default true. */
  named?: boolean;
}

/** Real servers of another family need another order than Terraform knows, once a sync daemon comes or goes. */
const FEATURES: Features = { mixedFamily: false, maxServices: 8 };

export const randomTable = (choose: Choose): DirectorTable => declarable(choose(() => arbitraryTable(FEATURES)));
export const randomEdit = (table: DirectorTable, choose: Choose): DirectorTable =>
  declarable(choose(() => editedTable(table, FEATURES)));

const DEFAULT = Symbol('default');
/** A value, and the default which makes it one that may be left out. */
type Field = readonly [value: unknown, fallback?: unknown];

/** The fields of a block: null is left out always, a default sometimes. */
function block(fields: Readonly<Record<string, Field>>, spell: () => boolean): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, [value, fallback = DEFAULT]]) =>
      value === null || (JSON.stringify(value) === JSON.stringify(fallback) && !spell()) ? [] : [[name, value]],
    ),
  );
}

/** The resources of one director's table. Services that `gone` had and the table has not may be declared absent. */
export function resourcesOf(
  director: string,
  table: DirectorTable,
  choose: Choose,
  { plain = false, named = true }: Style = {},
  gone: readonly ServiceKey[] = [],
): Resource[] {
  const spell = (): boolean => !plain && choose(() => fc.boolean());
  const make = (type: string, kind: string, values: readonly [id: string, fields: Record<string, unknown>][]) =>
    values.map(([id, fields], at): Resource => ({
      type,
      name: named ? `${director}_${id.replace(/[^0-9A-Za-z]+/g, '_')}` : `${director}_${kind}${at}`,
      values: { director, ...fields },
    }));
  const there = new Set(table.services.map(({ key }) => serviceId(key)));
  const absent = plain ? [] : gone.filter((key) => !there.has(serviceId(key)) && choose(() => fc.boolean()));
  const timeouts = block(
    {
      tcp_seconds: [table.timeouts.tcpSeconds],
      tcp_fin_seconds: [spell() ? null : table.timeouts.tcpFinSeconds],
      udp_seconds: [spell() ? null : table.timeouts.udpSeconds],
    },
    spell,
  );
  return [
    ...make('ipvs_virtual_service', 's', [
      ...table.services.map((each) => [serviceId(each.key), serviceBlock(each, choose, plain, spell)] as const),
      ...absent.map((key) => [serviceId(key), { ...keyBlock(key, spell), absent: true }] as const),
    ] as [string, Record<string, unknown>][]),
    ...make('ipvs_mark_rule', 'm', table.marks.map((rule) => [markMatch(rule), markBlock(rule, spell)])),
    ...(spell() ? [] : make('ipvs_timeouts', 't', [['timeouts', timeouts]])),
    ...make('ipvs_sync_daemon', 'd', table.daemons.map((daemon) => [daemon.role, daemonBlock(daemon, spell)])),
  ]; // prettier-ignore
}

function keyBlock(key: ServiceKey, spell: () => boolean): Record<string, unknown> {
  if (key.by === 'address') return { protocol: key.protocol, address: key.address, port: key.port };
  return block({ protocol: ['fwmark'], mark: [key.mark], family: [key.family, 'inet'] }, spell);
}

function serviceBlock(
  { key, persistence, persistenceEngine: engine, ...service }: VirtualService,
  choose: Choose,
  plain: boolean,
  spell: () => boolean,
): Record<string, unknown> {
  const bound = block(
    {
      timeout_seconds: [persistence?.timeoutSeconds ?? null],
      netmask: [persistence?.netmask ?? null, defaultNetmask(serviceFamily(key))],
      engine: [engine],
    },
    spell,
  );
  const [salt, hasDrain] = plain ? [0, false] : [choose(() => fc.nat(1)), choose(() => fc.nat(3)) === 0];
  const servers = service.realServers.map((server, at) => [
    plain ? importedName(server, service.realServers) : `rs${at + salt}`,
    serverBlock(server, key, spell),
  ]);
  return {
    ...keyBlock(key, spell),
    ...block(
      {
        scheduler: [service.scheduler, 'wlc'],
        scheduler_flags: [service.schedulerFlags, []],
        persistence: [persistence === null && engine === null ? null : bound],
        one_packet: [service.onePacket, false],
        drain: [hasDrain ? { timeout_seconds: 1, ...(salt === 0 ? {} : { connections: 5 }) } : null],
        real_servers: [Object.fromEntries(servers), {}],
      },
      spell,
    ),
  };
}

/** As import calls it: by address, and by port too where one address serves twice. */
function importedName(server: RealServer, all: readonly RealServer[]): string {
  const short = `rs_${server.address.replace(/[^0-9A-Za-z]+/g, '_')}`;
  const first = all.find(({ address }) => address === server.address);
  return first === server ? short : `${short}_${server.port}`;
}

function serverBlock(server: RealServer, service: ServiceKey, spell: () => boolean): Record<string, unknown> {
  const { tunnel } = server;
  const through = tunnel === null || tunnel.type === 'ipip' ? null : tunnel;
  return block(
    {
      address: [server.address],
      port: [server.port, service.by === 'address' ? service.port : 0],
      weight: [server.weight, 1],
      forwarding: [server.forwarding, 'gatewaying'],
      tunnel: [
        through &&
          block(
            {
              type: [through.type],
              port: [through.type === 'gue' ? through.port : null],
              checksum: [through.checksum, 'none'],
            },
            spell,
          ),
      ],
      upper_threshold: [server.upperThreshold, 0],
      lower_threshold: [server.lowerThreshold, 0],
    },
    spell,
  );
}

function markBlock(rule: MarkRule, spell: () => boolean): Record<string, unknown> {
  const implied = rule.destination === null && rule.source === null ? 'inet' : rule.family;
  return block(
    {
      mark: [rule.mark],
      family: [rule.family, implied],
      protocol: [rule.protocol],
      destination: [rule.destination],
      source: [rule.source],
      input_interface: [rule.inputInterface],
      ports: [rule.ports, []],
    },
    spell,
  );
}

function daemonBlock(daemon: SyncDaemon, spell: () => boolean): Record<string, unknown> {
  const { syncId, group, port, ttl } = SYNC_DAEMON_DEFAULTS;
  return block(
    {
      role: [daemon.role],
      interface: [daemon.interface],
      sync_id: [daemon.syncId, syncId],
      // Nobody who imports knows whether it was chosen.
      max_length: [spell() ? daemon.maxLength : null],
      group: [daemon.group, group],
      port: [daemon.port, port],
      ttl: [daemon.ttl, ttl],
    },
    spell,
  );
}
