/** Commands and options of ipvsadm 1.31, and which go together. */
import type { Option } from './popt';

/** Options that are commands, with the name messages give them. Only the first word may be one. */
export const COMMANDS = {
  'add-service': 'add-service',
  'edit-service': 'edit-service',
  'delete-service': 'delete-service',
  clear: 'flush',
  list: 'list',
  'add-server': 'add-server',
  'delete-server': 'delete-server',
  'edit-server': 'edit-server',
  set: 'set',
  'start-daemon': 'start-daemon',
  'stop-daemon': 'stop-daemon',
  restore: 'restore',
  save: 'save',
  zero: 'zero',
} as const;
export type CommandOption = keyof typeof COMMANDS;
export type CommandName = (typeof COMMANDS)[CommandOption];

/** Options in the order they are checked; messages use these names. */
export const OPTION_NAMES = [
  'numeric', 'connection', 'service-address', 'scheduler', 'persistent', 'netmask', 'real-server',
  'forwarding-method', 'weight', 'u-threshold', 'l-threshold', 'mcast-interface', 'timeout', 'daemon', 'stats', 'rate',
  'thresholds', 'persistent-conn', 'nosort', 'syncid', 'exact', 'ops', 'pe', 'sched-flags', 'mcast-group', 'mcast-port',
  'mcast-ttl', 'sync-maxlen', 'tun-info', 'tun-type', 'tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum',
] as const; // prettier-ignore
export type OptionName = (typeof OPTION_NAMES)[number];

interface Rules {
  needed?: readonly OptionName[];
  allowed?: readonly OptionName[];
  /** At most one of these. */
  exclusive?: readonly OptionName[];
}

const SERVICE_RULES: Rules = {
  needed: ['service-address'],
  allowed: ['scheduler', 'persistent', 'netmask', 'ops', 'pe', 'sched-flags'],
};

const SERVER_RULES: Rules = {
  needed: ['service-address', 'real-server'],
  allowed: ['forwarding-method', 'weight', 'u-threshold', 'l-threshold',
    'tun-type', 'tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'],
}; // prettier-ignore

/** What goes with a command; every option not named here is illegal with it. */
export const RULES: Readonly<Record<CommandName, Rules>> = {
  'add-service': SERVICE_RULES,
  'edit-service': SERVICE_RULES,
  'delete-service': { needed: ['service-address'] },
  flush: {},
  list: {
    allowed: ['numeric', 'stats', 'rate', 'thresholds', 'persistent-conn', 'nosort', 'syncid', 'exact', 'tun-info'],
    exclusive: ['connection', 'service-address', 'timeout', 'daemon'],
  },
  'add-server': SERVER_RULES,
  'delete-server': { needed: ['service-address', 'real-server'] },
  'edit-server': SERVER_RULES,
  set: {},
  'start-daemon': {
    allowed: ['mcast-interface', 'syncid', 'mcast-group', 'mcast-port', 'mcast-ttl', 'sync-maxlen'],
  },
  'stop-daemon': { allowed: ['syncid'] },
  restore: {},
  save: { allowed: ['numeric'] },
  zero: { allowed: ['service-address'] },
};

const flag = (name: string, short?: string): Option => ({
  name,
  value: 'none',
  ...(short === undefined ? {} : { short }),
});
const withValue = (name: string, short?: string): Option => ({ ...flag(name, short), value: 'required' });

/** What popt is given. */
export const POPT_TABLE: readonly Option[] = [
  flag('add-service', 'A'), flag('edit-service', 'E'), flag('delete-service', 'D'), flag('clear', 'C'),
  flag('list', 'L'), flag('list', 'l'), flag('zero', 'Z'), flag('add-server', 'a'), flag('edit-server', 'e'),
  flag('delete-server', 'd'), flag('set'), flag('help', 'h'), flag('version', 'v'), flag('restore', 'R'),
  flag('save', 'S'), withValue('start-daemon'), withValue('stop-daemon'),
  withValue('tcp-service', 't'), withValue('udp-service', 'u'), withValue('sctp-service'),
  withValue('fwmark-service', 'f'), withValue('scheduler', 's'), { ...flag('persistent', 'p'), value: 'optional' },
  withValue('netmask', 'M'), withValue('real-server', 'r'), flag('masquerading', 'm'), flag('ipip', 'i'),
  flag('gatewaying', 'g'), withValue('weight', 'w'), withValue('u-threshold', 'x'), withValue('l-threshold', 'y'),
  flag('numeric', 'n'), flag('connection', 'c'), withValue('mcast-interface'), withValue('syncid'), flag('timeout'),
  flag('daemon'), flag('stats'), flag('rate'), flag('thresholds'), flag('persistent-conn'), flag('nosort'), flag('sort'),
  flag('exact', 'X'), flag('ipv6', '6'), flag('ops', 'o'), withValue('pe'), withValue('sched-flags', 'b'),
  withValue('mcast-group'), withValue('mcast-port'), withValue('mcast-ttl'), withValue('sync-maxlen'), flag('tun-info'),
  withValue('tun-type'), withValue('tun-port'), flag('tun-nocsum'), flag('tun-csum'), flag('tun-remcsum'),
]; // prettier-ignore

/** What goes with a tunnel type, in the order it is checked. */
export const TUNNEL_RULES = {
  ipip: {},
  gue: { needed: ['tun-port'], exclusive: ['tun-nocsum', 'tun-csum', 'tun-remcsum'] },
  gre: { exclusive: ['tun-nocsum', 'tun-csum'] },
} as const satisfies Record<string, Rules>;

export const TUNNEL_OPTIONS = ['tun-port', 'tun-nocsum', 'tun-csum', 'tun-remcsum'] as const;

/** The first rule that the given options break, in ipvsadm's words. */
export function brokenRule(
  names: readonly OptionName[],
  rules: Rules,
  given: ReadonlySet<OptionName>,
  what: string,
): string | undefined {
  let exclusive: OptionName | undefined;
  for (const name of names) {
    if (!given.has(name)) {
      if (rules.needed?.includes(name)) return `You need to supply the '${name}' option for the ${what}`;
      continue;
    }
    if (rules.exclusive?.includes(name)) {
      if (exclusive !== undefined)
        return `The option '${name}' conflicts with the '${exclusive}' option in the ${what}`;
      exclusive = name;
    } else if (!rules.needed?.includes(name) && !rules.allowed?.includes(name)) {
      return `Illegal '${name}' option with the ${what}`;
    }
  }
  return undefined;
}
