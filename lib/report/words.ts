import {
  type Change,
  defaultNetmask,
  type FailedDirector,
  type Finding,
  isPlanned,
  type Persistence,
  type Plan,
  type Step,
  type Summary,
} from '../model';

/** `1 service`, `2 services`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** So many names of directors are listed where there may be hundreds. */
export const LISTED = 8;

/** A value as a reviewer wants to read it. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(formatValue).join(',');
  if (typeof value === 'object') {
    if (isPersistence(value)) return persistenceWords(value);
    return Object.entries(value)
      .map(([name, inner]) => `${name}=${formatValue(inner)}`)
      .join(' ');
  }
  return JSON.stringify(value);
}

/** `300 s`, and the netmask where clients are bound together. */
export function persistenceWords({ timeoutSeconds, netmask }: Persistence): string {
  const grouped = netmask !== defaultNetmask('inet') && netmask !== defaultNetmask('inet6');
  return `${timeoutSeconds} s${grouped ? ` netmask ${netmask}` : ''}`;
}

function isPersistence(value: object): value is Persistence {
  return 'timeoutSeconds' in value && 'netmask' in value;
}

/** The value at a dotted path such as `persistence.netmask`. */
export function valueAt(entry: object | null, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>(
      (value, name) =>
        typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined,
      entry,
    );
}

/** Fields that only repeat the id of their entry. */
const IDENTITY: Readonly<Record<Change['on'], readonly string[]>> = {
  service: ['key'],
  server: ['address', 'port'],
  mark: ['family', 'protocol', 'destination', 'ports', 'source', 'inputInterface', 'mark'],
  timeouts: [],
  daemon: ['role'],
};

/** Values of a new entry that say nothing: what everybody expects of an entry that does not mention them. */
const UNREMARKABLE: Readonly<Record<string, readonly string[]>> = {
  onePacket: ['false'],
  upperThreshold: ['0'],
  lowerThreshold: ['0'],
  tunnel: ['type=ipip'],
};

/** The fields worth a line: `name`, `before`, `after`. Of a new entry only those that are set to something of note. */
export function fieldLines(change: Change): { name: string; before: string; after: string }[] {
  const lines = change.fields
    .filter((name) => !IDENTITY[change.on].includes(name))
    .map((name) => ({
      name,
      before: formatValue(valueAt(change.before, name)),
      after: formatValue(valueAt(change.after, name)),
    }));
  if (change.action === 'update') return lines;
  return lines.filter(({ name, before, after }) => {
    const value = change.action === 'create' ? after : before;
    return value !== 'none' && UNREMARKABLE[name]?.includes(value) !== true;
  });
}

/** A step's command as lines a person can read: a restore shows its rules. */
export function stepLines(step: Step, format: (step: Step) => string): string[] {
  return [
    format(step),
    ...(step.command.input
      ?.trimEnd()
      .split('\n')
      .map((line) => `  ${line}`) ?? []),
  ];
}

/** What a finding is about and what it says; the code is what `--allow` and policies know it by. */
export function findingWords({ subject, message, code }: Finding): string {
  return `${subject === undefined ? '' : `${subject}: `}${message} [${code}]`;
}

/** Whether a finding stops an apply as the plan stands. */
export function isBlocked({ severity, allowed }: Finding): boolean {
  return severity === 'blocking' && allowed !== true;
}

/** `Blocked by 2 findings: --allow last-server --allow pool-drop lets it pass.`; nothing when none does. */
export function blockedLine(plan: Plan): string[] {
  const blocked = plan.directors.filter(isPlanned).flatMap(({ findings }) => findings.filter(isBlocked));
  if (blocked.length === 0) return [];
  const codes = [...new Set(blocked.map(({ code }) => `--allow ${code}`))].join(' ');
  return [`Blocked by ${count(blocked.length, 'finding')}: ${codes} lets it pass.`];
}

/** `Plan: 2 to create, 1 to update, 0 to delete on 3 directors. 4 foreign entries are left alone.` */
export function summaryLine(plan: Plan): string {
  const { summary } = plan;
  const reached = summary.directors - summary.unreachable;
  const foreign = plan.directors.filter(isPlanned).reduce((sum, entry) => sum + entry.foreign, 0);
  const changes = isEmpty(summary)
    ? `No changes on ${count(reached, 'director')}.`
    : `Plan: ${summary.create} to create, ${summary.update} to update, ${summary.delete} to delete on ${count(reached, 'director')}.`;
  return [
    ...(reached === 0 && summary.unreachable > 0 ? [] : [changes]),
    ...(foreign === 0 ? [] : [`${count(foreign, 'foreign entry is', 'foreign entries are')} left alone.`]),
    ...(summary.unreachable === 0 ? [] : [`${count(summary.unreachable, 'director')} could not be planned.`]),
  ].join(' ');
}

/** A director's error under a heading that already names the director. */
export function errorWords({ director, error }: FailedDirector): string {
  return error.message
    .split('\n')
    .map((line) => (line.startsWith(`${director}: `) ? line.slice(director.length + 2) : line))
    .join('\n');
}

export function isEmpty(summary: Summary): boolean {
  return summary.create + summary.update + summary.delete === 0;
}
