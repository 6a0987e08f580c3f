import type {
  DesiredDirector,
  DirectorRecords,
  DirectorTable,
  LiveDirector,
  MarkRule,
  RealServer,
  ServiceKey,
  VirtualService,
} from '../../lib/model';
import { recordName } from '../../lib/model';
import { asLive } from '../support/as-live';

/** Small entries for tests: everything has a default, the point of the test is what it names. */
export function server(address: string, more: Partial<RealServer> = {}): RealServer {
  return {
    address,
    port: 80,
    forwarding: 'gatewaying',
    tunnel: null,
    weight: 1,
    upperThreshold: 0,
    lowerThreshold: 0,
    ...more,
  };
}

export const WEB: ServiceKey = { by: 'address', protocol: 'tcp', address: '192.0.2.10', port: 80 };
export const MARKED: ServiceKey = { by: 'fwmark', family: 'inet', mark: 12 };

export function service(
  key: ServiceKey,
  realServers: RealServer[] = [],
  more: Partial<VirtualService> = {},
): VirtualService {
  return {
    key,
    scheduler: 'wrr',
    schedulerFlags: [],
    persistence: null,
    persistenceEngine: null,
    onePacket: false,
    realServers,
    ...more,
  };
}

export function markRule(more: Partial<MarkRule> = {}): MarkRule {
  return {
    family: 'inet',
    protocol: 'tcp',
    destination: '192.0.2.10/32',
    source: null,
    inputInterface: null,
    ports: ['80'],
    mark: 12,
    ...more,
  };
}

export const KERNEL_TIMEOUTS = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };

export function table(more: Partial<DirectorTable> = {}): DirectorTable {
  return { services: [], marks: [], timeouts: KERNEL_TIMEOUTS, daemons: [], ...more };
}

/** The ledger of each stack, holding these entries. */
export function ledgers(entries: Record<string, string[] | 'corrupt'>): DirectorRecords {
  const ledgersByName = Object.entries(entries).map(([stack, held]): [string, DirectorRecords['ledgers'][string]] => [
    recordName(stack),
    held === 'corrupt'
      ? held
      : {
          format: 1,
          stack,
          tool: '0.1.0',
          at: '2026-01-01T00:00:00Z',
          author: { by: 'ada@build-7' },
          entries: held,
          plans: [],
          drains: {},
          persist: false,
        },
  ]);
  return { ledgers: Object.fromEntries(ledgersByName), undo: {} };
}

/** A director on which stack `edge` has a ledger, without entries. */
export function live(content: Partial<DirectorTable> = {}, more: Partial<LiveDirector> = {}): LiveDirector {
  const chain = { present: (content.marks?.length ?? 0) > 0, jumps: (content.marks?.length ?? 0) > 0 ? 1 : 0 };
  return {
    ...asLive(table(content)),
    chain: { inet: chain, inet6: chain },
    records: ledgers({ edge: [] }),
    ...more,
  };
}

export function wish(
  content: Partial<DesiredDirector['table']> = {},
  more: Partial<DesiredDirector> = {},
): DesiredDirector {
  return {
    director: { name: 'lb1', host: 'lb1.example.net' },
    table: { services: [], marks: [], timeouts: {}, daemons: [], ...content },
    policies: {},
    sources: {},
    ...more,
  };
}
