/**
 * What can't hold together: rules that span several entries of one director. Both the constructs and the artefact's
 * reader ask here, so that a program and a hand-written artefact are judged alike.
 */
import { familyOf } from './address';
import { ignoredBy, type IgnorePattern, ignoreWords } from './ignore';
import { type MarkRule, markMatch } from './mark-rule';
import type { SyncDaemon } from './sync-daemon';
import { serviceFamily, serviceId, type ServiceKey, type VirtualService } from './virtual-service';

type Entry =
  | { on: 'service'; service: VirtualService }
  | { on: 'absent'; key: ServiceKey }
  | { on: 'mark'; rule: MarkRule }
  | { on: 'timeouts' }
  | { on: 'daemon'; daemon: SyncDaemon };

/** One declared entry on one director, and where it was declared. */
export type Declared<Place> = Entry & { director: string; place: Place; name: string };

export interface Conflict<Place> {
  place: Place;
  message: string;
  hint?: string;
}

type Found<Place> = Conflict<Place> & { director: string };

/**
 * All conflicts; one that holds on several directors is told once, naming them.
 *
 * @param ignored patterns of services that are left alone, by director
 */
export function findConflicts<Place>(
  declared: readonly Declared<Place>[],
  ignored: ReadonlyMap<string, readonly IgnorePattern[]> = new Map(),
): Conflict<Place>[] {
  const byDirector = new Map<string, Declared<Place>[]>();
  for (const entry of declared) {
    const entries = byDirector.get(entry.director);
    if (entries === undefined) byDirector.set(entry.director, [entry]);
    else entries.push(entry);
  }
  const found = [...byDirector].flatMap(([director, entries]) => [
    ...twins(entries),
    ...ignoredEntries(entries, ignored.get(director) ?? []),
    ...overlappingMarks(entries),
    ...mixedFamilies(entries),
  ]);
  return merge(found);
}

function merge<Place>(found: readonly Found<Place>[]): Conflict<Place>[] {
  const merged = new Map<Place, Map<string, Conflict<Place> & { directors: string[] }>>();
  for (const { director, ...conflict } of found) {
    const messages = merged.get(conflict.place) ?? new Map<string, Conflict<Place> & { directors: string[] }>();
    merged.set(conflict.place, messages);
    const known = messages.get(conflict.message);
    if (known === undefined) messages.set(conflict.message, { ...conflict, directors: [director] });
    else known.directors.push(director);
  }
  return [...merged.values()]
    .flatMap((messages) => [...messages.values()])
    .map(({ directors, ...conflict }) => ({ ...conflict, message: `${conflict.message} on ${listed(directors)}` }));
}

function listed(directors: readonly string[]): string {
  const [first = '', second, ...rest] = directors;
  if (second === undefined) return first;
  return rest.length === 0 ? `${first} and ${second}` : `${first}, ${second} and ${rest.length} more`;
}

/** Two entries where the director can hold one. */
function twins<Place>(entries: readonly Declared<Place>[]): Found<Place>[] {
  const seen = new Map<string, Declared<Place>>();
  return entries.flatMap((entry) => {
    const slot = slotOf(entry);
    const twin = slot === undefined ? undefined : seen.get(slot.key);
    if (slot === undefined) return [];
    if (twin === undefined) {
      seen.set(slot.key, entry);
      return [];
    }
    const { director, place } = entry;
    if ((entry.on === 'absent') !== (twin.on === 'absent')) {
      const message =
        entry.on === 'absent'
          ? `says there is no ${slot.key}, but '${twin.name}' declares it`
          : `declares ${slot.key}, but '${twin.name}' says there is none`;
      return [{ director, place, message, hint: 'remove one of the two' }];
    }
    return [{ director, place, message: `${slot.says}, and so does '${twin.name}'`, hint: slot.hint }];
  });
}

/** What is left alone can't be declared as well, neither as there nor as absent. */
function ignoredEntries<Place>(
  entries: readonly Declared<Place>[],
  patterns: readonly IgnorePattern[],
): Found<Place>[] {
  return entries.flatMap((entry) => {
    const key = entry.on === 'service' ? entry.service.key : entry.on === 'absent' ? entry.key : undefined;
    const pattern = key === undefined ? undefined : ignoredBy(patterns, key);
    if (key === undefined || pattern === undefined) return [];
    const { director, place } = entry;
    const message = `${serviceId(key)} is ignored (${ignoreWords(pattern)})`;
    return [
      { director, place, message, hint: 'what is ignored is left alone: narrow the pattern, or do not declare it' },
    ];
  });
}

/** What an entry takes up on its director, in words. */
function slotOf<Place>(entry: Declared<Place>): { key: string; says: string; hint: string } | undefined {
  switch (entry.on) {
    case 'service': {
      const key = serviceId(entry.service.key);
      const mark = entry.service.key.by === 'fwmark';
      return {
        key,
        says: mark ? `serves mark ${key}` : `listens to ${key}`,
        hint: mark ? 'give each service a mark of its own' : 'put their real servers into one service',
      };
    }
    case 'absent': {
      const key = serviceId(entry.key);
      return { key, says: `says there is no ${key}`, hint: 'once is enough' };
    }
    case 'timeouts':
      return { key: 'timeouts', says: 'sets the timeouts', hint: 'a director has one set of timeouts' };
    case 'daemon': {
      const { role } = entry.daemon;
      return {
        key: `sync/${role}`,
        says: `runs a ${role} sync daemon`,
        hint: 'a director runs at most one master and one backup',
      };
    }
    case 'mark':
      return undefined;
  }
}

interface Marking<Place> {
  rule: MarkRule;
  entry: Declared<Place>;
  /** First and last of each of its port ranges. */
  bounds: PortBounds[];
}

type PortBounds = readonly [first: number, last: number];

/** Two rules that match the same packet and are equally narrow: which one wins would be chance. */
function overlappingMarks<Place>(entries: readonly Declared<Place>[]): Found<Place>[] {
  const groups = new Map<string, Marking<Place>[]>();
  const found: Found<Place>[] = [];
  for (const entry of entries) {
    if (entry.on !== 'mark') continue;
    const { rule } = entry;
    const group = `${markMatch({ ...rule, ports: [] })} ${rule.ports.length > 0}`;
    const others = groups.get(group) ?? [];
    groups.set(group, others);
    const marking = { rule, entry, bounds: rule.ports.map(boundsOf) };
    const other = others.find((candidate) => clash(candidate, marking));
    others.push(marking);
    if (other === undefined) continue;
    const { director, place } = entry;
    const same = other.rule.mark === rule.mark;
    found.push({
      director,
      place,
      message: same
        ? `marks ${markMatch(rule)} with ${rule.mark}, and so does '${other.entry.name}'`
        : `marks ${markMatch(rule)} with ${rule.mark}, but '${other.entry.name}' marks ${markMatch(other.rule)} with ${other.rule.mark}`,
      hint: 'a packet carries one mark: let each match appear once',
    });
  }
  return found;
}

/** One declaration may be several rules, whose ports may touch: they set one mark. */
function clash<Place>(a: Marking<Place>, b: Marking<Place>): boolean {
  if (a.entry.place === b.entry.place && a.rule.mark === b.rule.mark) return markMatch(a.rule) === markMatch(b.rule);
  return a.bounds.length === 0 || a.bounds.some((one) => b.bounds.some((other) => meet(one, other)));
}

const meet = (a: PortBounds, b: PortBounds): boolean => a[0] <= b[1] && b[0] <= a[1];

function boundsOf(range: string): PortBounds {
  const [first = 0, last = first] = range.split(':').map(Number);
  return [first, last];
}

/** The kernel refuses a real server of another family than its service's while a sync daemon runs, and the other way round. */
function mixedFamilies<Place>(entries: readonly Declared<Place>[]): Found<Place>[] {
  const daemon = entries.find((entry) => entry.on === 'daemon');
  if (daemon === undefined) return [];
  return entries.flatMap((entry) => {
    if (entry.on !== 'service') return [];
    const family = serviceFamily(entry.service.key);
    const stranger = entry.service.realServers.find((server) => familyOf(server.address) !== family);
    if (stranger === undefined) return [];
    return [
      {
        director: entry.director,
        place: entry.place,
        message: `${stranger.address} is not of ${serviceId(entry.service.key)}'s address family, which the kernel refuses beside a sync daemon ('${daemon.name}')`,
        hint: 'remove the sync daemon, or use real servers of one family',
      },
    ];
  });
}
