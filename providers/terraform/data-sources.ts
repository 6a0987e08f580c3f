/** What Terraform can look up on a director. */
import type { LiveDirector } from '../../lib/model';
import { serverKey, serviceId } from '../../lib/model';
import { KINDS } from './resources';
import { allComputed, type Attribute, type AttributeType, computed, TEXT } from './schema/attribute';
import { withDefaults } from './schema/defaults';
import type { Values } from './wire/value';

export interface DataSource {
  description: string;
  attributes: readonly Attribute[];
  read: (live: LiveDirector) => Values;
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
  read: (live) => ({
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
  }),
};

const COUNTS: readonly Attribute[] = [
  computed('active_connections', NUMBER, 'Connections that are established.'),
  computed('inactive_connections', NUMBER, 'Connections in any other state.'),
];

const stats: DataSource = {
  description: 'Connections of every service and real server of a director, when it was read.',
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
  read: (live) => ({
    services: Object.fromEntries(
      live.table.services.map(({ key, realServers }) => {
        const counted = live.connections[serviceId(key)] ?? {};
        const counts = realServers.map((server) => {
          const { active = 0, inactive = 0 } = counted[serverKey(server)] ?? {};
          return [serverKey(server), { active_connections: active, inactive_connections: inactive }] as const;
        });
        const sum = (name: 'active_connections' | 'inactive_connections'): number =>
          counts.reduce((total, [, count]) => total + count[name], 0);
        return [
          serviceId(key),
          {
            active_connections: sum('active_connections'),
            inactive_connections: sum('inactive_connections'),
            real_servers: Object.fromEntries(counts),
          },
        ];
      }),
    ),
  }),
};

export const DATA_SOURCES: ReadonlyMap<string, DataSource> = new Map([
  ['ipvs_table', table],
  ['ipvs_stats', stats],
]);
