/** Plans to print: what the planner makes of small tables. */
import { renderMove } from '../../lib/dialect';
import {
  type DirectorPlan,
  type DirectorTable,
  type FailedDirector,
  type LiveDirector,
  type Plan,
  summarize,
} from '../../lib/model';
import { planTable } from '../../lib/plan';
import { asLive, asWish } from '../support/as-live';
import { ledgers, MARKED, markRule, server, service, table, WEB } from '../plan/tables';

const SHOP = { by: 'address', protocol: 'tcp', address: '2001:db8::10', port: 443 } as const;

/** Everything that can stand in a table, most of it as by default. */
export const FULL: DirectorTable = table({
  services: [
    service(WEB, [server('10.0.0.1', { weight: 3 }), server('10.0.0.2', { upperThreshold: 100, lowerThreshold: 80 })], {
      persistence: { timeoutSeconds: 300, netmask: '255.255.255.255' },
    }),
    service(
      SHOP,
      [server('10.0.0.3', { port: 443, forwarding: 'ipip', tunnel: { type: 'gue', port: 6080, checksum: 'csum' } })],
      {
        scheduler: 'sh',
        schedulerFlags: ['sh-fallback', 'sh-port'],
        persistence: { timeoutSeconds: 600, netmask: '64' },
        persistenceEngine: 'sip',
      },
    ),
    service(MARKED, [server('10.0.0.4', { port: 0 })], { onePacket: true }),
  ],
  marks: [markRule({ ports: ['80', '443'] })],
  daemons: [{ role: 'master', interface: 'eth0', syncId: 7, maxLength: null, group: '224.0.0.81', port: 8848, ttl: 1 }],
});

const EDITED: DirectorTable = table({
  services: [
    service(WEB, [server('10.0.0.1', { weight: 0 })], {
      persistence: { timeoutSeconds: 600, netmask: '255.255.255.0' },
    }),
    service(MARKED, [server('10.0.0.4', { port: 0 })], { onePacket: true }),
  ],
  marks: [markRule({ ports: ['80'], mark: 13 })],
  timeouts: { tcpSeconds: 1800, tcpFinSeconds: 120, udpSeconds: 300 },
});

export function planOf(
  director: string,
  from: DirectorTable,
  to: DirectorTable,
  more: Partial<LiveDirector> = {},
): DirectorPlan {
  const wish = asWish(to, { name: director, host: director });
  const live = { ...asLive(from), records: ledgers({ edge: [] }), ...more };
  const { changes, moves, findings, foreign, fingerprints } = planTable('edge', wish, live);
  return {
    stack: 'edge',
    director,
    changes,
    steps: moves.map(renderMove),
    findings,
    foreign: foreign.length,
    fingerprints,
  };
}

export function plan(...directors: (DirectorPlan | FailedDirector)[]): Plan {
  return { format: 1, stacks: ['edge'], summary: summarize(directors), directors };
}

const EMPTY = table();

/** Two directors to fill, alike but for what is foreign on one; one to edit; one up to date; one that is away. */
export const MIXED: Plan = plan(
  planOf('lb1', EMPTY, FULL),
  { ...planOf('lb2', EMPTY, FULL), foreign: 2 },
  planOf('lb3', FULL, EDITED),
  planOf('lb4', FULL, FULL),
  {
    stack: 'edge',
    director: 'lb5',
    error: {
      code: 'unreachable',
      message: 'lb5: <lb5.example.net> refused | the connection\nlb5: and said so twice',
      hint: 'check that sshd runs there\nand listens',
    },
  },
);
