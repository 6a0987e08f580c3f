/** Words of an iptables 1.8.9 rule to the text `iptables-save` prints for it. */
import type { Family } from '../model';
import {
  bad,
  BadArgument,
  ParameterError,
  hex,
  maskedNumber,
  networks,
  portList,
  portRange,
  saveString,
  type Resolve,
} from './iptables-values';

/** A rule as it is listed, without its chain. Rules are the same when their text is. */
export interface Rule {
  text: string;
  /** The chain it jumps to, when its target is not one of iptables' own. */
  jump: string | undefined;
}

interface Draft {
  family: Family;
  resolve: Resolve;
  /** Addresses are looked up when everything else is read. */
  source: Side;
  destination: Side;
  head: { in?: string; out?: string; protocol?: string };
  protocol: string | undefined;
  matches: Match[];
  target: string | undefined;
  targetText: string;
}

interface Side {
  not: boolean;
  list: string | undefined;
}

interface Match {
  name: string;
  text: string;
}

const PROTOCOLS: Readonly<Record<string, string>> = {
  '1': 'icmp', '6': 'tcp', '17': 'udp', '58': 'ipv6-icmp', '132': 'sctp', '136': 'udplite', '33': 'dccp',
  icmp: 'icmp', tcp: 'tcp', udp: 'udp', 'ipv6-icmp': 'ipv6-icmp', sctp: 'sctp', udplite: 'udplite', dccp: 'dccp',
}; // prettier-ignore

const PORT_PROTOCOLS: ReadonlySet<string> = new Set(['tcp', 'udp', 'udplite', 'sctp', 'dccp']);
const ONCE: ReadonlySet<string> = new Set(['-s', '-d', '-i', '-o', '-p', '-j']);
const VERDICTS: ReadonlySet<string> = new Set(['ACCEPT', 'DROP', 'RETURN', 'QUEUE']);
const MAX_COMMENT = 255;

type Take = () => string;
type Handler = (draft: Draft, take: Take, not: boolean, option: string) => void;

const GENERAL: Readonly<Record<string, Handler>> = {
  '-s': (draft, take, not) => (draft.source = { not, list: take() }),
  '-d': (draft, take, not) => (draft.destination = { not, list: take() }),
  '-i': (draft, take, not) => (draft.head.in = `${not ? '! ' : ''}-i ${take()}`),
  '-o': (draft, take, not) => (draft.head.out = `${not ? '! ' : ''}-o ${take()}`),
  '-p': readProtocol,
  '-m': (draft, take) => {
    const name = take();
    if (!(name in MATCHES)) bad(`Couldn't load match \`${name}':No such file or directory\n`);
    draft.matches.push({ name, text: `-m ${name}` });
  },
  '-j': (draft, take) => {
    draft.target = take();
  },
};

const ALIASES: Readonly<Record<string, string>> = {
  '--source': '-s', '--src': '-s', '--destination': '-d', '--dst': '-d', '--in-interface': '-i',
  '--out-interface': '-o', '--protocol': '-p', '--proto': '-p', '--match': '-m', '--jump': '-j',
}; // prettier-ignore

const single =
  (name: string): Handler =>
  (draft, take, not) => {
    const range = portRange(take(), draft.protocol ?? '');
    // What matches every port is not listed.
    if (range !== '0:65535' || not) addToMatch(draft, `${not ? '! ' : ''}${name} ${range}`);
  };

const PORT_OPTIONS: Readonly<Record<string, Handler>> = {
  '--dport': single('--dport'),
  '--destination-port': single('--dport'),
  '--sport': single('--sport'),
  '--source-port': single('--sport'),
};

const several =
  (name: string): Handler =>
  (draft, take, not) => {
    const { protocol } = draft;
    if (protocol === undefined) bad("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'");
    if (!PORT_PROTOCOLS.has(protocol) || draft.head.protocol?.startsWith('!'))
      bad('multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP');
    addToMatch(draft, `${not ? '! ' : ''}${name} ${portList(take(), protocol)}`);
  };

/** Options by the match they belong to. */
const MATCHES: Readonly<Record<string, Readonly<Record<string, Handler>>>> = {
  tcp: PORT_OPTIONS,
  udp: PORT_OPTIONS,
  sctp: PORT_OPTIONS,
  multiport: {
    '--dports': several('--dports'),
    '--destination-ports': several('--dports'),
    '--sports': several('--sports'),
    '--source-ports': several('--sports'),
    '--ports': several('--ports'),
  },
  comment: {
    '--comment': (draft, take) => {
      addToMatch(draft, `--comment ${saveString(take().slice(0, MAX_COMMENT))}`);
    },
  },
  mark: {
    '--mark': (draft, take, not, option) => {
      const { value, mask } = maskedNumber('mark', option, take());
      const text = mask === 0xffffffff ? hex(value) : `${hex(value)}/${hex(mask)}`;
      addToMatch(draft, `${not ? '! ' : ''}--mark ${text}`);
    },
  },
};

const setMark =
  (xmark: (value: number, mask: number) => [number, number]): Handler =>
  (draft, take, _not, option) => {
    const { value, mask } = maskedNumber('MARK', option, take());
    const [bits, cleared] = xmark(value, mask);
    draft.targetText = ` --set-xmark ${hex(bits)}/${hex(cleared)}`;
  };

const MARK_OPTIONS: Readonly<Record<string, Handler>> = {
  '--set-mark': setMark((value, mask) => [value, (mask | value) >>> 0]),
  '--set-xmark': setMark((value, mask) => [value, mask]),
  '--or-mark': setMark((value) => [value, value]),
  '--and-mark': setMark((value) => [0, ~value >>> 0]),
  '--xor-mark': setMark((value) => [value, 0]),
};

/** Every rule the words stand for: several when addresses are lists. */
export function parseRule(words: readonly string[], family: Family, resolve: Resolve): Rule[] {
  const draft: Draft = {
    family, resolve, source: { not: false, list: undefined }, destination: { not: false, list: undefined },
    head: {}, protocol: undefined, matches: [], target: undefined, targetText: '',
  }; // prettier-ignore
  const rest = words.flatMap(splitJoined);
  const seen = new Set<string>();
  let not = false;
  while (rest.length > 0) {
    const word = rest.shift() ?? '';
    if (word === '!') {
      not = true;
      continue;
    }
    const option = ALIASES[word] ?? word;
    if (ONCE.has(option) && seen.has(option)) bad(`multiple ${option} flags not allowed`);
    if (not && option === '-j') bad('cannot have ! before -j');
    seen.add(option);
    const handler = GENERAL[option] ?? extensionOption(draft, option);
    if (handler === undefined)
      throw word.startsWith('-')
        ? new ParameterError(`unknown option "${word}"`)
        : new BadArgument(`Bad argument \`${word}'`);
    handler(draft, () => rest.shift() ?? bad(`option "${word}" requires an argument`), not, word);
    not = false;
  }
  return finish(draft);
}

/** `--dport=80` to two words; `-ptcp` stays with the few who write it. */
function splitJoined(word: string): string[] {
  const match = /^(--[a-z-]+)=([^]*)$/.exec(word);
  return match?.[1] === undefined ? [word] : [match[1], match[2] ?? ''];
}

function extensionOption(draft: Draft, option: string): Handler | undefined {
  if (draft.target === 'MARK' && option in MARK_OPTIONS) return MARK_OPTIONS[option];
  for (const match of [...draft.matches].reverse()) {
    const handler = MATCHES[match.name]?.[option];
    if (handler === undefined) continue;
    // Options write into the last match: bring the one they belong to there without changing the listed order.
    return (inner, take, not, word) => {
      const order = inner.matches;
      inner.matches = [match];
      handler(inner, take, not, word);
      inner.matches = order;
    };
  }
  const implicit = ['tcp', 'udp', 'sctp'].find((name) => name === draft.protocol);
  if (implicit === undefined || !(option in PORT_OPTIONS)) return undefined;
  draft.matches.push({ name: implicit, text: `-m ${implicit}` });
  return PORT_OPTIONS[option];
}

function addToMatch(draft: Draft, text: string): void {
  const match = draft.matches.at(-1);
  if (match !== undefined) match.text += ` ${text}`;
}

function finish(draft: Draft): Rule[] {
  const { head, target, matches } = draft;
  // First the matches and the target have their last word, then addresses are looked up.
  for (const { name, text } of matches)
    if (name === 'multiport' && text === '-m multiport') bad('multiport expection an option');
  if (target === 'MARK' && draft.targetText === '')
    bad('MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required');
  const jump = target === undefined || target === 'MARK' || VERDICTS.has(target) ? undefined : target;
  const sources = sideTexts('-s', draft.source, draft);
  const destinations = sideTexts('-d', draft.destination, draft);
  if (matches.some(({ name }) => name === 'tcp') && draft.protocol !== 'tcp') bad("TCP match requires '-p tcp'");
  return sources.flatMap((source) =>
    destinations.map((destination) => {
      const parts = [
        source, destination, head.in, head.out, head.protocol,
        ...matches.map(({ text }) => text),
        target === undefined ? '' : `-j ${target}${draft.targetText}`,
      ]; // prettier-ignore
      return { text: parts.filter((part) => part !== undefined && part !== '').join(' '), jump };
    }),
  );
}

function sideTexts(option: string, { not, list }: Side, { family, resolve }: Draft): string[] {
  if (list === undefined) return [''];
  const found = networks(list, family, resolve);
  if (not && found.length > 1) bad('! not allowed with multiple source or destination IP addresses');
  return found.map((network) => (network === '' ? '' : `${not ? '! ' : ''}${option} ${network}`));
}

function readProtocol(draft: Draft, take: Take, not: boolean): void {
  const word = take();
  const name = PROTOCOLS[word.toLowerCase()];
  if (word === 'all' || word === '0') {
    if (not) bad('rule would never match protocol');
    return;
  }
  if (name === undefined && !(/^\d{1,3}$/.test(word) && Number(word) < 256))
    bad(`unknown protocol "${word}" specified`);
  draft.protocol = name ?? word;
  draft.head.protocol = `${not ? '! ' : ''}-p ${draft.protocol}`;
}
