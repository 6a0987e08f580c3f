/**
 * What has passed every service and real server since it was made or zeroed. These are `--stats`, not `--rate`: the
 * kernel's own rate is a whole number that forgets over some seven seconds (ip_vs_est.c: every 2 s a quarter of the way to
 * the new value), so that just after a change it still speaks of what was before, starts from 0 for a new service, and
 * stands still with net.ipv4.vs.run_estimation=0. Totals count every connection once, though not at once: see
 * {@link STATS_PERIOD_SECONDS}. The time is read from the director's uptime: no clock and no slow answer can falsify it.
 */
import { type Counters, ParseError, serverKey, serviceId, type Stats, TransportError } from '../model';
import { asRoot, script, type ScriptOptions } from './shell';
import type { Cells } from './columns';
import { withoutRemarks } from './remarks';
import { parseTable } from './table';

/** In full: without `--exact` ipvsadm prints `1302M`. */
export const STATS_COMMAND = 'ipvsadm -Ln --stats --exact';

/** Lists all counters; its output is for {@link parseStats}. */
export function statsScript(options: ScriptOptions): string {
  const mark = `@@${options.nonce}`;
  return script([
    'read -r uptime rest </proc/uptime',
    `printf "%s\\n" "${mark} $uptime"`,
    `${asRoot(options)}${STATS_COMMAND} 2>&1`,
    `printf "%s\\n" "${mark} $?"`,
  ]);
}

/** @throws TransportError when ipvsadm fails, ParseError */
export function parseStats(stdout: string, nonce: string, director: string): Stats {
  const [, first = '', second = ''] = `\n${stdout}`.split(`\n@@${nonce} `);
  const end = first.indexOf('\n');
  const [uptime, listing, code] = [first.slice(0, end), first.slice(end + 1), second.trim()];
  if (end < 0 || !/^\d+(?:\.\d+)?$/.test(uptime) || code === '')
    throw new ParseError(STATS_COMMAND, stdout.split('\n').length, stdout.slice(-80), 'it ends too early');
  if (code !== '0')
    throw new TransportError('command-failed', director, `its counters could not be read: ${listing.trim()}`, {
      hint: `the sudoers file of docs/directors.md allows it: ${STATS_COMMAND}`,
    });
  const services = parseTable(withoutRemarks(listing), 'stats').services.map(({ key, counters = {}, realServers }) => [
    serviceId(key),
    {
      ...exact(counters),
      realServers: Object.fromEntries(realServers.map((server) => [serverKey(server), exact(server)])),
    },
  ]);
  return { uptimeSeconds: Number(uptime), services: Object.fromEntries(services) as Stats['services'] };
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
