/**
 * The words of one ipvsadm command line, as `ipvsadm -S` prints them and people write them in files for
 * `ipvsadm-restore`: ipvsadm.c's table of options, less what only lists. Which words mean something is decided here;
 * what they mean, in `rules.ts`.
 */
import { misread } from './text';

/** What the option belongs to: naming a service, a service's attributes, a real server's, a sync daemon's. */
type Group = 'identity' | 'service' | 'server' | 'daemon';
/** What follows it: nothing, one word, or a word that may be left out. */
type Takes = 'nothing' | 'word' | 'word?';

const OPTIONS = [
  ['tcp', '-t', '--tcp-service', 'identity', 'word'],
  ['udp', '-u', '--udp-service', 'identity', 'word'],
  ['sctp', null, '--sctp-service', 'identity', 'word'],
  ['fwmark', '-f', '--fwmark-service', 'identity', 'word'],
  ['ipv6', '-6', '--ipv6', 'identity', 'nothing'],
  ['scheduler', '-s', '--scheduler', 'service', 'word'],
  ['persistent', '-p', '--persistent', 'service', 'word?'],
  ['netmask', '-M', '--netmask', 'service', 'word'],
  ['engine', null, '--pe', 'service', 'word'],
  ['onePacket', '-o', '--ops', 'service', 'nothing'],
  // The word is missing where ipvsadm knows no name for the flag.
  ['flags', '-b', '--sched-flags', 'service', 'word?'],
  ['realServer', '-r', '--real-server', 'server', 'word'],
  ['gatewaying', '-g', '--gatewaying', 'server', 'nothing'],
  ['ipip', '-i', '--ipip', 'server', 'nothing'],
  ['masquerading', '-m', '--masquerading', 'server', 'nothing'],
  ['weight', '-w', '--weight', 'server', 'word'],
  ['upperThreshold', '-x', '--u-threshold', 'server', 'word'],
  ['lowerThreshold', '-y', '--l-threshold', 'server', 'word'],
  ['tunnelType', null, '--tun-type', 'server', 'word'],
  ['tunnelPort', null, '--tun-port', 'server', 'word'],
  ['noChecksum', null, '--tun-nocsum', 'server', 'nothing'],
  ['checksum', null, '--tun-csum', 'server', 'nothing'],
  ['remoteChecksum', null, '--tun-remcsum', 'server', 'nothing'],
  ['interface', null, '--mcast-interface', 'daemon', 'word'],
  ['syncId', null, '--syncid', 'daemon', 'word'],
  ['maxLength', null, '--sync-maxlen', 'daemon', 'word'],
  ['group', null, '--mcast-group', 'daemon', 'word'],
  ['port', null, '--mcast-port', 'daemon', 'word'],
  ['ttl', null, '--mcast-ttl', 'daemon', 'word'],
] as const satisfies readonly (readonly [string, string | null, string, Group, Takes])[];

export type OptionName = (typeof OPTIONS)[number][0];
/** Options that were given, in the order they were given; `''` for those that take no word. */
export type Options = Partial<Record<OptionName, string>>;

interface Option {
  name: OptionName;
  group: Group;
  takes: Takes;
}

const BY_WORD: ReadonlyMap<string, Option> = new Map(
  OPTIONS.flatMap(([name, short, long, group, takes]): [string, Option][] => {
    const option = { name, group, takes };
    return short === null ? [[long, option]] : [[short, option], [long, option]]; // prettier-ignore
  }),
);

/** ipvsadm 1.26 and older print two options as bare words, ` ops` and ` pe sip`, which no release can restore. */
const BARE_WORDS: ReadonlyMap<string, Option> = new Map([
  ['ops', { name: 'onePacket', group: 'service', takes: 'nothing' }],
  ['pe', { name: 'engine', group: 'service', takes: 'word' }],
]);

const VERBS = {
  '-A': 'add-service',
  '--add-service': 'add-service',
  '-a': 'add-server',
  '--add-server': 'add-server',
  '-C': 'clear',
  '--clear': 'clear',
  '--set': 'set-timeouts',
  '--start-daemon': 'start-daemon',
} as const;
export type Verb = (typeof VERBS)[keyof typeof VERBS];

const GROUPS: Readonly<Record<Verb, readonly Group[]>> = {
  'add-service': ['identity', 'service'],
  'add-server': ['identity', 'server'],
  clear: [],
  'set-timeouts': [],
  'start-daemon': ['daemon'],
};

/** Words between the verb and its options: `--set TCP TCPFIN UDP`, `--start-daemon ROLE`. */
const OPERANDS: Readonly<Partial<Record<Verb, number>>> = { 'set-timeouts': 3, 'start-daemon': 1 };

export interface RuleCommand {
  verb: Verb;
  operands: string[];
  options: Options;
}

/** Reads one command line. ipvsadm, too, wants the verb first; the options come in any order, each once. */
export function readCommand(words: readonly string[]): RuleCommand {
  const first = words[0] ?? '';
  const verb = Object.hasOwn(VERBS, first) ? VERBS[first as keyof typeof VERBS] : undefined;
  if (verb === undefined) return misread(`'${first}' is not a rule`, 'expected -A, -a, --set or --start-daemon');
  const count = OPERANDS[verb] ?? 0;
  if (words.length <= count) misread(`${first} needs ${count === 1 ? 'a word' : `${count} words`}`);
  return { verb, operands: words.slice(1, 1 + count), options: readOptions(verb, words, 1 + count) };
}

function readOptions(verb: Verb, words: readonly string[], from: number): Options {
  const options: Options = {};
  let at = from;
  while (at < words.length) {
    const { word, option, attached } = findOption(words[at] ?? '');
    at += 1;
    if (!GROUPS[verb].includes(option.group)) misread(`${word} does not go with this command`);
    if (options[option.name] !== undefined) misread(`${word} is given twice`);
    let value = attached;
    if (value === undefined && option.takes !== 'nothing') {
      const next = words[at];
      if (next !== undefined && (option.takes === 'word' || !next.startsWith('-'))) {
        value = next;
        at += 1;
      }
    }
    if (value === undefined && option.takes === 'word') misread(`${word} needs a value`);
    options[option.name] = value ?? '';
  }
  return options;
}

/** Also `--weight=5` and `-w5`, as popt reads them. */
function findOption(word: string): { word: string; option: Option; attached?: string } {
  const option = BY_WORD.get(word) ?? BARE_WORDS.get(word);
  if (option !== undefined) return { word, option };
  const at = word.startsWith('--') ? word.indexOf('=') : 2;
  const prefix = at < 0 ? word : word.slice(0, at);
  const withValue = BY_WORD.get(prefix);
  if (withValue === undefined || withValue.takes === 'nothing') return misread(`'${word}' is unknown`);
  return { word: prefix, option: withValue, attached: word.slice(word.startsWith('--') ? at + 1 : at) };
}
