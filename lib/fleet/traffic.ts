/** Whether directors still take the connections they took before they were changed. Pure. */
import { type ConnectionsCheck, type Stats, LvsformError, STATS_PERIOD_SECONDS, TransportError } from '../model';

/**
 * Readings at each end of a window, evenly over the period in which the kernel brings its counters up to date. One reading
 * is as old as chance will have it, up to two seconds; the mean of these is old by one second, give or take a quarter.
 */
export const READINGS = 4;
export const SECONDS_BETWEEN_READINGS = STATS_PERIOD_SECONDS / READINGS;

/** New connections of a director while they were counted. */
export interface Traffic {
  seconds: number;
  /** By service id; null for a service that was there and can't be counted. */
  connections: Readonly<Record<string, number | null>>;
}

/** What was counted on a director, or why nothing was. */
export type Counted = Traffic | LvsformError;

/** What was read of directors at about one time, or why nothing was. */
export type Reading = ReadonlyMap<string, Stats | LvsformError>;

/**
 * What came between the readings at both ends of a window. A service that one of them misses can't be counted, nor one that
 * counts from 0 again (made anew, or `ipvsadm -Z`).
 */
export function trafficBetween(first: readonly Reading[], last: readonly Reading[]): Map<string, Counted> {
  const directors = [...(first[0]?.keys() ?? [])].filter((director) => last[0]?.has(director));
  return new Map(
    directors.map((director): [string, Counted] => {
      const of = (readings: readonly Reading[]) => readings.flatMap((reading) => reading.get(director) ?? []);
      return [director, between(director, of(first), of(last))];
    }),
  );
}

function between(director: string, first: readonly (Stats | LvsformError)[], last: typeof first): Counted {
  const all: Stats[] = [];
  for (const reading of [...first, ...last]) {
    if (reading instanceof LvsformError) return reading;
    all.push(reading);
  }
  if (!rises(all.map(({ uptimeSeconds }) => uptimeSeconds)))
    return new TransportError('connection-lost', director, 'it was started anew while its connections were counted');
  const difference = (values: readonly number[]): number =>
    mean(values.slice(first.length)) - mean(values.slice(0, first.length));
  const connections: Record<string, number | null> = {};
  for (const id of new Set(all.flatMap(({ services }) => Object.keys(services)))) {
    const counts = all.map(({ services }) => services[id]?.connections);
    const [start] = counts;
    // Less the first, a count is no longer too large for a number.
    const since = counts.map((count) => (count === undefined || start === undefined ? NaN : Number(count - start)));
    connections[id] = rises(since) ? difference(since) : null;
  }
  return { seconds: difference(all.map(({ uptimeSeconds }) => uptimeSeconds)), connections };
}

/** Never falls, and has no gap. */
const rises = (values: readonly number[]): boolean =>
  values.every((value, index) => value >= (values[index - 1] ?? value));

const mean = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0) / values.length;

/**
 * So many connections before a wave that chance alone, four standard deviations of two Poisson counts, does not look like
 * a loss: 80 for 50 %, 656 for 80 %, 2,896 for 90 %.
 */
export function judgeableConnections(atLeastPercent: number): number {
  return Math.ceil((16 * (10_000 + atLeastPercent ** 2)) / (100 - atLeastPercent) ** 2);
}

export interface Verdict {
  /** One sentence per director that is below its share, or could not be asked. */
  problems: string[];
  /** Directors with too few connections to say anything. */
  unjudged: string[];
}

/**
 * Judges directors by the services that were there before the wave, and were not to be removed in it. What is made in it
 * has nothing to be compared with; what is gone unasked has lost everything.
 *
 * @param directors with the ids of the services that were to be removed there
 */
export function judgeTraffic(
  directors: ReadonlyMap<string, ReadonlySet<string>>,
  before: ReadonlyMap<string, Counted>,
  after: ReadonlyMap<string, Counted>,
  check: ConnectionsCheck,
): Verdict {
  const verdict: Verdict = { problems: [], unjudged: [] };
  const percent = Number.parseInt(check.atLeast, 10);
  const fewest = check.minConnections ?? judgeableConnections(percent);
  for (const [director, removed] of directors) {
    const [was, is] = [before.get(director), after.get(director)];
    if (was === undefined || is === undefined) continue;
    if (was instanceof LvsformError || is instanceof LvsformError) {
      const why = [was, is].find((counted) => counted instanceof LvsformError);
      verdict.problems.push(`its connections could not be counted: ${why?.message ?? ''}`);
      continue;
    }
    const isComparable = (id: string): boolean =>
      !removed.has(id) && was.connections[id] !== null && is.connections[id] !== null;
    const kept = Object.keys(was.connections).filter(isComparable);
    const counted = sum(kept, was);
    if (counted < fewest || counted === 0) verdict.unjudged.push(director);
    else if ((sum(kept, is) / is.seconds) * 100 < (counted / was.seconds) * percent)
      verdict.problems.push(describe(director, kept, was, is, check));
  }
  return verdict;
}

const sum = (services: readonly string[], { connections }: Traffic): number =>
  services.reduce((total, id) => total + (connections[id] ?? 0), 0);

function describe(
  director: string,
  kept: readonly string[],
  was: Traffic,
  is: Traffic,
  { atLeast }: ConnectionsCheck,
): string {
  const perSecond = (traffic: Traffic, ids: readonly string[]): number => sum(ids, traffic) / traffic.seconds;
  const [from, to] = [perSecond(was, kept), perSecond(is, kept)];
  const loss = (id: string): number => perSecond(was, [id]) - perSecond(is, [id]);
  const worst = kept.reduce((a, b) => (loss(b) > loss(a) ? b : a));
  const share = Math.floor((to / from) * 100);
  const most =
    kept.length === 1 ? '' : `, most of it lost by ${worst} (${rate(perSecond(was, [worst]))} before, ${rate(perSecond(is, [worst]))} now)`; // prettier-ignore
  return `${director} takes ${rate(to)} connections/s, ${rate(from)} before it was changed: ${share} %, not ${atLeast.replace('%', ' %')} or more${most}`;
}

const rate = (perSecond: number): string => perSecond.toFixed(perSecond < 100 ? 1 : 0);
