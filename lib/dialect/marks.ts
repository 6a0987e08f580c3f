/**
 * Mark rules in the text of `iptables-save` and `ip6tables-save`, nft and legacy alike. Rules of other people are kept
 * as they are. Our own chain must hold nothing but rules the model can express: it is replaced as a whole, and what
 * someone added to it by hand would be lost.
 */
import {
  canonicalCidr,
  canonicalPortRange,
  type ChainState,
  comparePortRanges,
  type Family,
  familyOf,
  InterfaceName,
  isEverything,
  type MarkRule,
  markRuleId,
  Protocol,
} from '../model';
import { misread, readLines, splitWords } from './text';

/** One rule of table mangle: which chain it stands in, its text, and as a mark rule where the model can express it. */
export interface ListedRule {
  chain: string;
  text: string;
  mark: MarkRule | null;
}

export interface ListedMangle {
  chains: string[];
  rules: ListedRule[];
}

/** Our chain, and what others mark in PREROUTING. */
export interface MangleMarks {
  chain: ChainState;
  own: MarkRule[];
  others: MarkRule[];
}

/** Of a table with rules made with nft, iptables-save tells in one of two ways that it can't list them. */
export const UNLISTED = {
  message: "table mangle has rules made with nft that iptables can't list",
  hint: 'move them to a table of another name',
};

/** All that iptables-save prints of such a table, with exit code 0; see iptables-save-incompatible.nft.txt. */
const INCOMPATIBLE = "# Table `mangle' is incompatible";

/**
 * Reads table mangle of `iptables-save`, with or without counters, or `iptables -t mangle -S`. Other tables are left out.
 *
 * @param check called with every rule; may {@link misread} it
 * @throws ParseError
 */
export function parseMangle(
  text: string,
  family: Family,
  check: (rule: ListedRule) => void = () => undefined,
): ListedMangle {
  const listed: ListedMangle = { chains: [], rules: [] };
  const seen = new Set<string>();
  // `iptables -t mangle -S` names no table: it begins with the chains.
  let table = /^(?:#.*\n|\s)*-[PN] /.test(text) ? 'mangle' : undefined;
  readLines(family === 'inet' ? 'iptables-save' : 'ip6tables-save', text, (line) => {
    if (line.startsWith(INCOMPATIBLE)) misread(UNLISTED.message, UNLISTED.hint);
    if (line.startsWith('#')) return;
    if (line.startsWith('*')) {
      table = line.slice(1).trim();
      if (seen.has(table)) misread(`table ${table} is listed twice`, 'pass the rules of one host at a time');
      seen.add(table);
    } else if (line.trim() === 'COMMIT') table = undefined;
    else if (table === undefined) misread('expected a table such as *mangle');
    else if (table === 'mangle') readEntry(line.trim(), family, listed, check);
  });
  return listed;
}

function readEntry(line: string, family: Family, listed: ListedMangle, check: (rule: ListedRule) => void): void {
  const [, saved, shown] = /^(?::(\S+) \S+ \[\d+:\d+\]|-[PN] (\S+)(?: [A-Z]+)?)$/.exec(line) ?? [];
  const chain = saved ?? shown;
  if (chain !== undefined) {
    listed.chains.push(chain);
    return;
  }
  // With -c there are counters in front.
  const [, text, name, match = ''] = /^(?:\[\d+:\d+\] )?(-A (\S+) ?(.*))$/.exec(line) ?? [];
  if (text === undefined || name === undefined) return misread('neither a chain nor a rule');
  const rule = { chain: name, text, mark: readMarkRule(ruleWords(match), family) };
  check(rule);
  listed.rules.push(rule);
}

/**
 * Tells our chain's rules from those of others.
 *
 * @param chain name of our chain
 * @throws ParseError also when our chain was edited in a way the model can't express
 */
export function parseMarks(text: string, family: Family, chain: string): MangleMarks {
  const own = new Map<string, MarkRule>();
  const others: MarkRule[] = [];
  let jumps = 0;
  const hint = `someone edited ${chain} by hand; lvsform replaces that chain as a whole: move the rule to another chain, or delete it`;
  const { chains } = parseMangle(text, family, (rule) => {
    if (rule.text === `-A PREROUTING -j ${chain}`) jumps += 1;
    else if (rule.chain === chain) {
      const mark = rule.mark ?? misread(`chain ${chain} holds a rule that is not ours`, hint);
      own.set(markRuleId(mark), mark);
    } else if (goesTo(rule, chain)) misread(`this jump to chain ${chain} is not ours`, hint);
    else if (rule.chain === 'PREROUTING' && rule.mark !== null) others.push(rule.mark);
  });
  return { chain: { present: chains.includes(chain), jumps }, own: [...own.values()], others };
}

/** Whether a rule jumps there. A comment may be called like a chain. */
function goesTo({ text }: ListedRule, chain: string): boolean {
  const words = ruleWords(text);
  return words.some((word, at) => word === chain && /^-[jg]$/.test(words[at - 1] ?? ''));
}

/** Words of a rule. Comments are quoted, with `"`, `'` and `\` escaped. */
function ruleWords(text: string): string[] {
  if (!text.includes('"')) return splitWords(text);
  return [...text.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '') : quoted.replaceAll(/\\(.)/g, '$1'),
  );
}

const MATCHES: ReadonlySet<string> = new Set(['multiport', 'tcp', 'udp', 'sctp', 'comment']);

/** Options of a mark rule. Each takes one word and says whether the model can express it. */
const OPTIONS: Readonly<Record<string, (rule: MarkRule, word: string) => boolean>> = {
  '-s': (rule, word) => readCidr(rule, 'source', word),
  '-d': (rule, word) => readCidr(rule, 'destination', word),
  '-i': (rule, word) => {
    rule.inputInterface = word;
    return InterfaceName.safeParse(word).success;
  },
  '-p': (rule, word) => {
    const protocol = Protocol.safeParse(word);
    rule.protocol = protocol.data ?? null;
    return protocol.success;
  },
  '-m': (_, word) => MATCHES.has(word),
  '--comment': () => true,
  '--dport': readPorts,
  '--dports': readPorts,
  '-j': (_, word) => word === 'MARK',
  '--set-xmark': readMarkValue,
  '--set-mark': readMarkValue,
};

/** Null when the model can't express the rule: it has anything but the options above, a mask, a port without a protocol. */
function readMarkRule(words: readonly string[], family: Family): MarkRule | null {
  const rule: MarkRule = {
    family,
    protocol: null,
    destination: null,
    source: null,
    inputInterface: null,
    ports: [],
    mark: 0,
  };
  for (let at = 0; at < words.length; at += 2) {
    const [option = '', word] = words.slice(at, at + 2);
    const read = Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined;
    if (word === undefined || read?.(rule, word) !== true) return null;
  }
  return rule.mark > 0 && (rule.protocol !== null || rule.ports.length === 0) ? rule : null;
}

function readCidr(rule: MarkRule, field: 'source' | 'destination', word: string): boolean {
  const cidr = canonicalCidr(word);
  if (cidr === undefined || familyOf(cidr) !== rule.family) return false;
  rule[field] = isEverything(cidr) ? null : cidr;
  return true;
}

/** Ports that are matched twice must match both times. */
function readPorts(rule: MarkRule, word: string): boolean {
  if (rule.ports.length > 0) return false;
  const ports = word.split(',').flatMap((port) => canonicalPortRange(port) ?? []);
  rule.ports = [...new Set(ports)].sort(comparePortRanges);
  return ports.length === word.split(',').length;
}

/** `0xc/0xffffffff`, or without a mask. Iptables 1.4 and later print the mask always. */
function readMarkValue(rule: MarkRule, word: string): boolean {
  const [value = '', mask = '0xffffffff'] = word.split('/');
  if (!/^(?:0x[0-9a-f]{1,8}|\d{1,10})$/i.test(value) || Number(mask) !== 0xffffffff) return false;
  rule.mark = Number(value);
  return rule.mark <= 0xffffffff;
}
