/** How many connections a few services still have, by the cheapest listing there is. */
import { type ConnectionCount, serverKey, serviceId, type ServiceKey } from '../model';
import { withoutRemarks } from './remarks';
import { serviceArgs } from './render-entry';
import { definePart, type PartResult, readInput, parseParts } from './script';
import { asRoot, script, scriptInput, type ScriptOptions } from './shell';
import { parseTable } from './table';
import { isListedTwice } from './text';

/** What the listing of the n-th service (from 1) is filed under. */
export const drainPart = (nth: number | string): string => `service-${nth}`;

/** Lists the services it is fed by {@link drainInput}, each with its exit code. Its output is for {@link parseDrain}. */
export function drainScript(options: ScriptOptions): string {
  return script([
    ...readInput(options),
    definePart(options),
    // One process each: a listing of a service that is gone ends ipvsadm, and those after it would look idle.
    `nth=0; printf "%s\n" "$input" | sed "\\$d" | while read -r line; do nth=$((nth + 1)); printf "%s\n" "$line" | part ${drainPart('$nth')} ${asRoot(options)}ipvsadm -R; done`,
    `printf "%s\n" "@@${options.nonce} end"`,
  ]);
}

/** What {@link drainScript} is fed. */
export function drainInput(services: readonly ServiceKey[], nonce: string): string {
  const lines = services.map((key) => ['-L', '-n', '--persistent-conn', ...serviceArgs(key)].join(' '));
  return scriptInput(lines, nonce);
}

/** By service id. */
export interface DrainReading {
  /** Connections by server key. A service that is gone has no entry here. */
  connections: Record<string, Record<string, ConnectionCount>>;
  /** Why a service could not be listed: nothing is known of its connections then. */
  failures: Record<string, string>;
}

/**
 * What {@link drainScript} printed.
 *
 * @throws ParseError when a listing is not understood
 */
export function parseDrain(stdout: string, nonce: string, services: readonly ServiceKey[]): DrainReading {
  const { parts, isWhole } = parseParts(stdout, nonce);
  const reading: DrainReading = { connections: {}, failures: {} };
  for (const [at, key] of services.entries()) {
    const part = isWhole ? parts[drainPart(at + 1)] : undefined;
    const counted = part === undefined ? 'the answer is cut short' : readCounts(key, part);
    if (typeof counted === 'string') reading.failures[serviceId(key)] = counted;
    else if (counted !== undefined) reading.connections[serviceId(key)] = counted;
  }
  return reading;
}

/** Releases of ipvsadm before 1.30 say `Memory allocation problem`, which may also be true. */
const GONE = 'No such service';

/** @returns undefined when the service is gone; words about why nothing is known of it */
function readCounts(key: ServiceKey, part: PartResult): Record<string, ConnectionCount> | string | undefined {
  const words = withoutRemarks(part.stderr);
  if (part.code !== 0) return words === GONE ? undefined : words.replaceAll('\n', '; ') || `exit code ${part.code}`;
  try {
    const listed = parseTable(part.stdout, 'persistent-connections').services;
    const service = listed.find((candidate) => serviceId(candidate.key) === serviceId(key));
    if (service === undefined) return 'ipvsadm did not list it';
    const counts = service.realServers.map(({ activeConnections = 0, inactiveConnections = 0, ...server }) => [
      serverKey(server),
      { active: activeConnections, inactive: inactiveConnections },
    ]);
    return Object.fromEntries(counts) as Record<string, ConnectionCount>;
  } catch (error) {
    // The kernel gives no snapshot: see live.ts.
    if (isListedTwice(error)) return error.reason;
    throw error;
  }
}
