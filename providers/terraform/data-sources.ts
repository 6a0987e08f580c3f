/** What Terraform can look up on a director. */
import { type Counters, serverKey, serviceId } from '../../lib/model';
import type { DirectorLink } from './directors/link';
import { KINDS } from './resources';
import { allComputed, type Attribute, type AttributeType, computed, TEXT } from './schema/attribute';
import { withDefaults } from './schema/defaults';
import type { Values } from './wire/value';

export interface DataSource {
  description: string;
  attributes: readonly Attribute[];
  read: (link: DirectorLink) => Promise<Values>;
}

const DIRECTOR: Attribute = { name: 'director', type: TEXT, mode: 'required', description: 'Name of the director.' };
const NUMBER: AttributeType = { kind: 'leaf', leaf: 'number' };

/** Attribute of the table, and the resource type whose entries it lists. */
const PARTS = {
  services: 'ipvs_virtual_service',
  mark_rules: 'ipvs_mark_rule',
  sync_daemons: 'ipvs_sync_daemon',
} as const;
/** What a stack says about an entry, and no director knows. */
const NOT_LIVE = ['director', 'id', 'absent', 'drain', 'keep_live_weights'];

function entryAttributes(type: string): Attribute[] {
  const attributes = KINDS.get(type)?.attributes ?? [];
  return [
    computed('id', TEXT, 'Id of the entry below its director, e.g. `tcp/192.0.2.1:443`.'),
    ...allComputed(attributes.filter(({ name }) => !NOT_LIVE.includes(name))),
  ];
}

const table: DataSource = {
  description: 'The whole table of a director, whoever made it.',
  attributes: [
    DIRECTOR,
    ...Object.entries(PARTS).map(([name, type]) =>
      computed(
        name,
        { kind: 'nested', nesting: 'list', attributes: entryAttributes(type) },
        `Every entry that \`${type}\` could manage.`,
      ),
    ),
    ...['tcp_seconds', 'tcp_fin_seconds', 'udp_seconds'].map((name) => computed(name, NUMBER, 'Timeout in seconds.')),
  ],
  read: async (link) => {
    const live = await link.live();
    return {
      ...Object.fromEntries(
        Object.entries(PARTS).map(([name, type]) => {
          const kind = KINDS.get(type);
          const entries = (kind?.list(live) ?? []).map((id) => ({
            ...withDefaults(kind?.find(live, id) ?? {}, kind?.attributes ?? []),
            id,
          }));
          return [name, entries];
        }),
      ),
      tcp_seconds: live.table.timeouts.tcpSeconds,
      tcp_fin_seconds: live.table.timeouts.tcpFinSeconds,
      udp_seconds: live.table.timeouts.udpSeconds,
    };
  },
};

/** What has passed, by the attribute that shows it. */
const COUNTED: Readonly<Record<string, readonly [keyof Counters, string]>> = {
  connections: ['connections', 'Connections so far.'],
  in_packets: ['inPackets', 'Packets from clients so far.'],
  out_packets: ['outPackets', 'Packets to clients so far; only masquerading sends them through the director.'],
  in_bytes: ['inBytes', 'Bytes from clients so far.'],
  out_bytes: ['outBytes', 'Bytes to clients so far.'],
};

const COUNTS: readonly Attribute[] = [
  computed('active_connections', NUMBER, 'Connections that are established.'),
  computed('inactive_connections', NUMBER, 'Connections in any other state.'),
  ...Object.entries(COUNTED).map(([name, [, description]]) => computed(name, NUMBER, description)),
];

const countsOf = (active: number, inactive: number, counters: Counters): Values => ({
  active_connections: active,
  inactive_connections: inactive,
  ...Object.fromEntries(Object.entries(COUNTED).map(([name, [counter]]) => [name, counters[counter]])),
});

const stats: DataSource = {
  description:
    'Connections and traffic of every service and real server of a director, when it was read. What has passed is counted since the entry was made, or since `ipvsadm -Z`.',
  attributes: [
    DIRECTOR,
    computed(
      'services',
      {
        kind: 'nested',
        nesting: 'map',
        attributes: [
          ...COUNTS,
          computed(
            'real_servers',
            { kind: 'nested', nesting: 'map', attributes: COUNTS },
            'By address and port, e.g. `10.0.0.1:80`.',
          ),
        ],
      },
      'By id of the service, e.g. `tcp/192.0.2.1:443`.',
    ),
  ],
  read: async (link) => {
    const [live, { services: counters }] = [await link.live(), await link.stats()];
    // Two listings: what was made or removed between them is left out.
    const services = live.table.services.flatMap(({ key, realServers }) => {
      const id = serviceId(key);
      const counted = counters[id];
      if (counted === undefined) return [];
      const servers = realServers.map(serverKey).flatMap((server) => {
        const traffic = counted.realServers[server];
        const { active = 0, inactive = 0 } = live.connections[id]?.[server] ?? {};
        return traffic === undefined ? [] : [{ server, active, inactive, traffic }];
      });
      const sum = (name: 'active' | 'inactive'): number => servers.reduce((total, server) => total + server[name], 0);
      const values: Values = {
        ...countsOf(sum('active'), sum('inactive'), counted),
        real_servers: Object.fromEntries(
          servers.map(({ server, active, inactive, traffic }) => [server, countsOf(active, inactive, traffic)]),
        ),
      };
      return [[id, values] as const];
    });
    return { services: Object.fromEntries(services) };
  },
};

export const DATA_SOURCES: ReadonlyMap<string, DataSource> = new Map([
  ['ipvs_table', table],
  ['ipvs_stats', stats],
]);
