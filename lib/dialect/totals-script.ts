/**
 * How many connections each service has taken so far. These are `--stats`, not `--rate`: the kernel's own rate is a whole
 * number that forgets over some seven seconds (ip_vs_est.c: every 2 s a quarter of the way to the new value), so that
 * just after a change it still speaks of what was before, starts from 0 for a new service, and stands still with
 * net.ipv4.vs.run_estimation=0. Totals are exact, and two of them cover just the time in between. That time is read from
 * the director's uptime: no clock and no slow answer can falsify it.
 */
import { type ConnectionTotals, ParseError, serviceId, TransportError } from '../model';
import { asRoot, script, type ScriptOptions } from './shell';
import { parseTable } from './table';

/** Lists the counters of all services. Its output is for {@link parseTotals}. */
export function totalsScript(options: ScriptOptions): string {
  const mark = `@@${options.nonce}`;
  return script([
    'read -r uptime rest </proc/uptime',
    `printf "%s\\n" "${mark} $uptime"`,
    // Without --exact hundreds of millions become so many K.
    `${asRoot(options)}ipvsadm -Ln --stats --exact 2>&1`,
    `printf "%s\\n" "${mark} $?"`,
  ]);
}

/** @throws TransportError when ipvsadm fails, ParseError */
export function parseTotals(stdout: string, nonce: string, director: string): ConnectionTotals {
  const [, first = '', second = ''] = `\n${stdout}`.split(`\n@@${nonce} `);
  const end = first.indexOf('\n');
  const [uptime, listing, code] = [first.slice(0, end), first.slice(end + 1), second.trim()];
  if (end < 0 || !/^\d+(?:\.\d+)?$/.test(uptime) || code === '')
    throw new ParseError('output of the counting script', 1, stdout.slice(-80), 'it ends too early');
  if (code !== '0')
    throw new TransportError('command-failed', director, `its counters could not be read: ${listing.trim()}`);
  const connections = parseTable(listing, 'stats').services.map(({ key, counters }): [string, number] => {
    const count = counters?.connections ?? 0;
    return [serviceId(key), typeof count === 'number' ? count : count.value];
  });
  return { uptimeSeconds: Number(uptime), connections: Object.fromEntries(connections) };
}
