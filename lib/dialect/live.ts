/**
 * A director from what the reading script printed: `-Sn` has everything about a table but thresholds, `--thresholds`
 * those. The kernel gives ipvsadm no snapshot: it asks for the services, then for each one's real servers, and the two
 * listings are two reads. Where they differ the table was changed in between.
 */
import {
  type Capabilities,
  type ConnectionCount,
  type Family,
  LvsformError,
  type LiveDirector,
  sortTable,
  serviceId,
  serverKey,
  type VirtualService,
} from '../model';
import { type MangleMarks, parseMarks } from './marks';
import { parseFiles, parseRecords, parseVsSettings } from './records';
import { checkPart, checkPath, isMissing } from './refusal';
import { parseSave } from './rules';
import type { FetchPart, PartResult } from './script';
import { parseDaemons, parseIptablesVersion, parseTimeouts, parseVersion } from './settings';
import { type ListedService, parseTable } from './table';
import { isListedTwice } from './text';

/** The table was changed while it was being read: read it again. */
export class TornReadError extends LvsformError {
  constructor(
    readonly director: string,
    what: string,
  ) {
    super('torn-read', 'director', `${director}: the table changed while it was being read: ${what}`, {
      hint: 'something else is changing this director: another run, keepalived, kube-proxy',
    });
  }
}

/** The largest weight `-w` takes: Debian patched its build. */
const UPSTREAM_MAX_WEIGHT = 65535;
const DEBIAN_MAX_WEIGHT = 2147483647;

/**
 * @param chain name of our chain of mark rules
 * @throws TransportError when a tool is missing or refuses: `no-ipvsadm`, `no-permission`, `no-module`, `command-failed`
 * @throws TornReadError when the listings contradict each other
 * @throws ParseError
 */
export function parseLive(parts: Record<FetchPart, PartResult>, director: string, chain: string): LiveDirector {
  checkPath(parts.path, director);
  const listing = (name: FetchPart): string => checkPart(name, parts[name], director);
  const ipvsadm = parseVersion(listing('version'));
  const { listed, services } = readServices(listing('save'), listing('thresholds'), director);
  // Files that are not there are nothing to complain about.
  const files = parseFiles(parts.records.stdout);
  const inet = readMarks(parts, 'inet', director, chain);
  const inet6 = readMarks(parts, 'inet6', director, chain);
  const capabilities: Capabilities = {
    ipvsadm,
    kernel: listing('kernel').trim(),
    iptables: { inet: inet.flavour, inet6: inet6.flavour },
    maxWeight: isDebian(parts.package) ? DEBIAN_MAX_WEIGHT : UPSTREAM_MAX_WEIGHT,
  };
  return {
    table: sortTable({
      services,
      marks: [...inet.marks.own, ...inet6.marks.own],
      timeouts: parseTimeouts(listing('timeout')),
      daemons: parseDaemons(listing('daemon')),
    }),
    otherMarks: [...inet.marks.others, ...inet6.marks.others],
    chain: { inet: inet.marks.chain, inet6: inet6.marks.chain },
    capabilities,
    connections: countConnections(listed),
    settings: parseVsSettings(files),
    records: parseRecords(files),
  };
}

/** The listing of thresholds counts connections as well. */
function countConnections(services: readonly ListedService[]): LiveDirector['connections'] {
  return Object.fromEntries(
    services.map((service) => [
      serviceId(service.key),
      Object.fromEntries(
        service.realServers.map((server): [string, ConnectionCount] => [
          serverKey(server),
          { active: server.activeConnections ?? 0, inactive: server.inactiveConnections ?? 0 },
        ]),
      ),
    ]),
  );
}

const isDebian = (part: PartResult): boolean => part.code === 0 && part.stdout.trim() !== '';

function readServices(save: string, thresholds: string, director: string) {
  try {
    const listed = parseTable(thresholds, 'thresholds').services;
    return { listed, services: withThresholds(parseSave(save), listed, director) };
  } catch (error) {
    // The kernel hands out its table in parts and counts where it was: what was put in meanwhile moves the rest along,
    // and an entry comes once more (net/netfilter/ipvs/ip_vs_ctl.c, ip_vs_genl_dump_services).
    if (isListedTwice(error)) throw new TornReadError(director, error.reason);
    throw error;
  }
}

/** Puts thresholds, which `-S` loses, where they belong. */
function withThresholds(
  services: readonly VirtualService[],
  counted: readonly ListedService[],
  director: string,
): VirtualService[] {
  const listed = new Map(counted.map((service) => [serviceId(service.key), service]));
  if (listed.size !== services.length)
    throw new TornReadError(director, `${services.length} services, then ${listed.size}`);
  return services.map((service) => {
    const id = serviceId(service.key);
    const twin = listed.get(id);
    if (twin === undefined) throw new TornReadError(director, `${id} is gone`);
    return { ...service, realServers: mergeServers(service, twin, director) };
  });
}

function mergeServers(service: VirtualService, listed: ListedService, director: string): VirtualService['realServers'] {
  const torn = (what: string): never => {
    throw new TornReadError(director, `real servers of ${serviceId(service.key)}: ${what}`);
  };
  if (listed.realServers.length !== service.realServers.length)
    torn(`${service.realServers.length}, then ${listed.realServers.length}`);
  // Both listings sort alike, so the twin is at the same place but after a change.
  let byKey: Map<string, ListedService['realServers'][number]> | undefined;
  return service.realServers.map((server, at) => {
    let twin = listed.realServers[at];
    if (twin?.address !== server.address || twin.port !== server.port) {
      byKey ??= new Map(listed.realServers.map((entry) => [serverKey(entry), entry]));
      twin = byKey.get(serverKey(server)) ?? torn(`${serverKey(server)} is gone`);
    }
    return { ...server, upperThreshold: twin.upperThreshold ?? 0, lowerThreshold: twin.lowerThreshold ?? 0 };
  });
}

const MARK_PARTS = {
  inet: { version: 'iptables', save: 'marks' },
  inet6: { version: 'ip6tables', save: 'marks6' },
} as const satisfies Record<Family, Record<string, FetchPart>>;

const NO_MARKS: MangleMarks = { chain: { present: false, jumps: 0 }, own: [], others: [] };

/** A director without iptables is fine as long as nobody wants mark rules of it. */
function readMarks(
  parts: Record<FetchPart, PartResult>,
  family: Family,
  director: string,
  chain: string,
): { flavour: Capabilities['iptables'][Family]; marks: MangleMarks } {
  const { version, save } = MARK_PARTS[family];
  if (isMissing(parts[version]) || isMissing(parts[save])) return { flavour: null, marks: NO_MARKS };
  return {
    flavour: parseIptablesVersion(checkPart(version, parts[version], director)),
    marks: parseMarks(checkPart(save, parts[save], director), family, chain),
  };
}
