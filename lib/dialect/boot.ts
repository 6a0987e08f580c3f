/**
 * Boot files as text. A stack's own file holds everything the unit restores, each line with what it is for as its first
 * word; the distribution's file of rules gets the part of it that is safe there.
 */
import {
  type BootState,
  chainName,
  type DesiredTable,
  type DesiredTimeouts,
  type Family,
  type Ownership,
  ParseError,
  recordName,
  type ServiceId,
  serviceId,
  sortTable,
} from '../model';
import { BOOT_UNIT } from './boot-unit';
import { parseMarks } from './marks';
import { addServer, addService, restoreLine, setTimeouts, startDaemon } from './render-entry';
import { formatMarkRule } from './render-marks';
import { parseRulesFile, serviceOfLine } from './rules';

const FAMILIES = ['inet', 'inet6'] as const satisfies readonly Family[];

/** Services and real servers as lines for `ipvsadm -R`, thresholds and all. */
function entryLines({ services }: Pick<DesiredTable, 'services'>): string[] {
  return services.flatMap((service) => [
    restoreLine(addService(service).args),
    ...service.realServers.map((server) => restoreLine(addServer(service.key, server).args)),
  ]);
}

/** `--set`, where 0 leaves a timeout alone. */
function timeoutsLine({ tcpSeconds = 0, tcpFinSeconds = 0, udpSeconds = 0 }: DesiredTimeouts): string {
  return restoreLine(setTimeouts({ tcpSeconds, tcpFinSeconds, udpSeconds }).args);
}

/** What makes the distribution load its file, in two parts, which are told apart on Debian only. */
export interface Switched {
  /** Debian's setting; on the RHEL family its unit. */
  on: boolean;
  /** Debian's unit, where nothing started it. */
  started: boolean;
}

const NOTHING: Switched = { on: false, started: false };
/** An older version reads this line as a word it knows. */
const STARTED = 'switched-on ipvsadm.service';

/**
 * A stack's own boot file.
 *
 * @param switched what lvsform did so that the distribution loads its file, which removing the boot files takes back
 */
export function renderBootFile(stack: string, table: DesiredTable, switched: Switched = NOTHING): string {
  const chain = chainName(stack);
  const marks = (family: Family): string[] => {
    const rules = table.marks.filter((rule) => rule.family === family);
    if (rules.length === 0) return [];
    const lines = ['*mangle', `:${chain} - [0:0]`, ...rules.map((rule) => formatMarkRule(rule, chain)), 'COMMIT'];
    return [...lines.map((line) => `${family} ${line}`), `jump-${family} ${chain}`];
  };
  return [
    `# What stack ${stack.replaceAll(/\s+/g, ' ')} has here after a boot. Made by lvsform; every apply writes it anew.`,
    ...(switched.on ? ['switched-on'] : []),
    ...(switched.started ? [STARTED] : []),
    ...entryLines(table).map((line) => `entry ${line}`),
    ...(Object.keys(table.timeouts).length === 0 ? [] : [`timeouts ${timeoutsLine(table.timeouts)}`]),
    ...FAMILIES.flatMap(marks),
    ...table.daemons.map((daemon) => `daemon ${restoreLine(startDaemon(daemon).args)}`),
    '',
  ].join('\n');
}

/** What of the distribution's switch has to be taken back when this file is removed. */
function switchedBy(ownText: string | null): Switched {
  const lines = ownText?.split('\n') ?? [];
  return { on: lines.includes('switched-on'), started: lines.includes(STARTED) };
}

const WORD = /^(entry|timeouts|daemon|inet|inet6|jump-inet|jump-inet6|switched-on)(?: (.*))?$/;

/**
 * Reads a stack's own boot file.
 *
 * @throws ParseError
 */
export function parseBootFile(text: string, stack: string): DesiredTable {
  const chain = chainName(stack);
  const lines = new Map<string, string[]>();
  text.split('\n').forEach((line, at) => {
    if (line === '' || line.startsWith('#')) return;
    const [, word, rest = ''] = WORD.exec(line) ?? [];
    if (word === undefined) throw new ParseError('boot file', at + 1, line, 'not a line of ours');
    lines.set(word, [...(lines.get(word) ?? []), rest]);
  });
  const of = (...words: string[]): string => words.flatMap((word) => lines.get(word) ?? []).join('\n');
  const { services, timeouts, daemons } = parseRulesFile(of('entry', 'timeouts', 'daemon'));
  // Without its jump a chain does nothing.
  const marks = FAMILIES.flatMap((family) =>
    of(`jump-${family}`) === chain ? parseMarks(of(family), family, chain).own : [],
  );
  return sortTable({ services, timeouts, daemons, marks });
}

const begin = (stack: string): string =>
  `# lvsform ${recordName(stack)} begin: made by lvsform, every apply writes it anew`;
const end = (stack: string): string => `# lvsform ${recordName(stack)} end`;
/** Begin or end of any stack's block. */
const MARKER = /^# lvsform \S+ (?:begin:|end\s*$)/;

/**
 * What of a stack goes into the distribution's file of rules. No daemon: where its interface is not up yet the line
 * fails, and Debian 13 clears the whole table when the last line fails. So the last line is a `--set`, which can't.
 */
function block(stack: string, table: DesiredTable): string[] {
  return [begin(stack), ...entryLines(table), timeoutsLine(table.timeouts), end(stack)];
}

/**
 * The distribution's file with what this stack has: lines about its services are replaced wherever they stand (RHEL
 * rewrites the file without our comments), all others stay to the letter.
 *
 * @param ours ids of services that are, or were, this stack's
 * @throws ParseError when a line can't be understood
 */
export function mergeRules(text: string, stack: string, table: DesiredTable, ours: ReadonlySet<ServiceId>): string {
  const outside = withoutBlocks(text.replace(/\n+$/, '').split('\n'), stack);
  const kept = outside.filter((line) => {
    const id = serviceOfLine(line);
    return id === undefined || !ours.has(id);
  });
  const lines = kept.every((line) => line === '') ? [] : kept;
  const own = table.services.length === 0 && Object.keys(table.timeouts).length === 0 ? [] : block(stack, table);
  return [...lines, ...own, ''].join('\n');
}

/** Lines outside of the stack's block. Where somebody has deleted its end, what follows its begin may be anybody's. */
function withoutBlocks(lines: readonly string[], stack: string): string[] {
  const outside: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    // An editor may have ended all lines as Windows does.
    const said = lines[at]?.trimEnd() ?? '';
    if (said === begin(stack)) {
      const next = lines.findIndex((line, index) => index > at && MARKER.test(line));
      if (lines[next]?.trimEnd() === end(stack)) at = next;
    } else if (said !== end(stack)) outside.push(lines[at] ?? '');
  }
  return outside;
}

/** Files to write, and what to switch, so that a director boots as wished. Without any of them nothing is to be done. */
export interface BootRequest {
  /** Names the stack's file; see recordName. */
  record: string;
  /** The stack's own file; null removes it. */
  own?: string | null;
  /** The distribution's file of rules. */
  rules?: { path: string; text: string };
  /** The unit; null disables and removes it. */
  unit?: string | null;
  /** Makes systemd start the unit at boot. */
  enableUnit?: true;
  /** Makes the distribution load its file at boot, or no longer. */
  rulesSwitch?: { layout: 'debian' | 'rhel'; on: boolean };
  /** Makes systemd start ipvsadm.service at boot, which loads the file on Debian, or no longer. */
  startRules?: boolean;
}

/** Whether there is anything to do. */
export function isIdle({ record: _, ...rest }: BootRequest): boolean {
  return Object.keys(rest).length === 0;
}

/**
 * What has to be written so that the director has `wanted` after a boot.
 *
 * The distribution's file is written where the stack owns the whole table, and otherwise only where it is loaded anyway:
 * switching it on would make every start and stop of ipvsadm.service clear a table that others share.
 *
 * @param wanted see tableAtBoot
 */
export function renderBoot(
  stack: string,
  state: BootState,
  wanted: DesiredTable,
  owns: Ownership = 'declared',
): BootRequest {
  const { layout, rules, systemd } = state;
  const missing = switchesMissing(state, owns);
  const before = switchedBy(state.ownText);
  const own = renderBootFile(stack, wanted, {
    on: missing.on || before.on,
    started: missing.started || before.started,
  });
  const text = rulesText(stack, state, wanted, owns);
  return {
    record: recordName(stack),
    ...(own === state.ownText ? {} : { own }),
    ...(rules === null || text === undefined || text === rules.text ? {} : { rules: { path: rules.path, text } }),
    ...(systemd && (state.unit === 'missing' || state.unit === 'different') ? { unit: BOOT_UNIT } : {}),
    ...(systemd && state.unit !== 'enabled' ? { enableUnit: true as const } : {}),
    ...(missing.on && layout !== null ? { rulesSwitch: { layout, on: true } } : {}),
    ...(missing.started ? { startRules: true } : {}),
  };
}

/** What is still to be switched so that the distribution loads its file. Without systemd there is nothing to ask for a start. */
function switchesMissing({ layout, rules, systemd }: BootState, owns: Ownership): Switched {
  if (owns !== 'table' || layout === null || rules === null) return NOTHING;
  const unit = rules.lacks.includes('unit');
  if (layout === 'rhel') return { on: unit, started: false };
  return { on: rules.lacks.includes('setting'), started: unit && systemd };
}

/** What takes everything of a stack away again: at boot it is then as if lvsform had never been there. */
export function renderUnboot(stack: string, state: BootState): BootRequest {
  const nothing: DesiredTable = { services: [], marks: [], timeouts: {}, daemons: [] };
  const { layout, rules } = state;
  const switched = switchedBy(state.ownText);
  const text = rules?.text === null || rules === null ? undefined : rulesText(stack, state, nothing, 'declared');
  return {
    record: recordName(stack),
    ...(state.ownText === null ? {} : { own: null }),
    ...(rules === null || text === undefined || text === rules.text ? {} : { rules: { path: rules.path, text } }),
    ...(state.unit !== 'missing' && state.others.length === 0 ? { unit: null } : {}),
    ...(layout !== null && switched.on ? { rulesSwitch: { layout, on: false } } : {}),
    ...(switched.started ? { startRules: false } : {}),
  };
}

/** The distribution's file as it shall be; undefined when it is to be left alone. */
function rulesText(stack: string, state: BootState, wanted: DesiredTable, owns: Ownership): string | undefined {
  const { rules } = state;
  if (rules === null) return undefined;
  if (owns === 'table') {
    // On RHEL the file is ipvsadm's own words after every stop; it counts by what it sets up, so that it is not
    // written again and again.
    const same = rules.text !== null && rules.table !== null && sameServices(rules.table, wanted);
    return same && state.layout === 'rhel' ? undefined : ['# ipvsadm.rules', ...block(stack, wanted), ''].join('\n');
  }
  const marked = rules.text?.includes(begin(stack)) === true;
  if (!(rules.loaded || marked) || (rules.text !== null && rules.table === null)) return undefined;
  if (rules.text === null && rules.problem !== undefined) return undefined;
  const before = state.own === null || state.own === 'corrupt' ? [] : state.own.services;
  const ours = new Set([...before, ...wanted.services].map(({ key }) => serviceId(key)));
  if (state.layout === 'rhel' && rules.table !== null && !marked) {
    const mine = { services: rules.table.services.filter(({ key }) => ours.has(serviceId(key))) };
    if (sameServices(mine, wanted)) return undefined;
  }
  return mergeRules(rules.text ?? '', stack, wanted, ours);
}

/** The same but for thresholds, which `ipvsadm-save` loses. */
function sameServices(a: Pick<DesiredTable, 'services'>, b: Pick<DesiredTable, 'services'>): boolean {
  const plain = ({ services }: Pick<DesiredTable, 'services'>): string =>
    JSON.stringify(
      sortTable({ services, marks: [], daemons: [] }).services.map((service) => ({
        ...service,
        realServers: service.realServers.map((server) => ({ ...server, upperThreshold: 0, lowerThreshold: 0 })),
      })),
    );
  return plain(a) === plain(b);
}
