/** What has passed every service and real server since it was made or zeroed. */
import { type Counters, ParseError, type ServiceCounters, serverKey, serviceId } from '../model';
import { asRoot, script, type ScriptOptions } from './shell';
import type { Cells } from './columns';
import { parseTable } from './table';

/** In full: without `--exact` ipvsadm prints `1302M`. */
export const STATS_COMMAND = 'ipvsadm -Ln --stats --exact';

/** Lists all counters; its output is for {@link parseStats}. */
export function statsScript(options: ScriptOptions): string {
  return script([`${asRoot(options)}${STATS_COMMAND}`, `printf "%s\\n" "@@${options.nonce} $?"`]);
}

/**
 * Counters by service id, and by server key within.
 *
 * @returns undefined when ipvsadm refused
 * @throws ParseError
 */
export function parseStats(stdout: string, nonce: string): Record<string, ServiceCounters> | undefined {
  const [listing = '', code] = stdout.split(`@@${nonce} `);
  if (code === undefined)
    throw new ParseError(STATS_COMMAND, stdout.split('\n').length, stdout.slice(-80), 'it ends too early');
  if (code.trim() !== '0') return undefined;
  // Before the listing: what a login shell's profile printed.
  const { services } = parseTable(listing.slice(Math.max(0, listing.indexOf('IP Virtual Server'))), 'stats');
  return Object.fromEntries(
    services.map(({ key, counters = {}, realServers }) => [
      serviceId(key),
      {
        ...exact(counters),
        realServers: Object.fromEntries(realServers.map((server) => [serverKey(server), exact(server)])),
      },
    ]),
  );
}

function exact(cells: Partial<Cells>): Counters {
  const read = (name: keyof Counters): bigint => {
    const counter = cells[name];
    if (typeof counter === 'object' || counter === undefined)
      throw new ParseError(STATS_COMMAND, 0, name, 'a counter is abbreviated');
    return BigInt(counter);
  };
  return {
    connections: read('connections'),
    inPackets: read('inPackets'),
    outPackets: read('outPackets'),
    inBytes: read('inBytes'),
    outBytes: read('outBytes'),
  };
}
