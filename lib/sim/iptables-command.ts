/** One iptables command (`-A`, `-D`, `-N` …): read once, then carried out on a table. */
import type { Family } from '../model';
import { parseRule, type Rule } from './iptables-rule';
import { BadArgument, ParameterError, type Resolve } from './iptables-values';
import { BUILT_IN, isReferenced, type Table } from './iptables-tables';

export type Flavour = 'nft' | 'legacy';

export interface Command {
  verb: 'append' | 'insert' | 'delete' | 'check' | 'new' | 'flush' | 'remove' | 'policy' | 'specify' | 'declare';
  table: string;
  /** Empty when a verb may do without and none was given. */
  chain: string;
  rules: Rule[];
  /** Rule number from 1, for `-I CHAIN N` and `-D CHAIN N`. */
  number: number | undefined;
  policy: string;
}

/** Refused by the kernel or a lookup: exit 1 with this text, in a restore with its line. */
export class RefusedError extends Error {}

/** nft refuses a jump into nowhere only when the transaction is committed. */
export class CommitError extends Error {
  constructor(
    message: string,
    readonly code: number,
  ) {
    super(message);
  }
}

const VERBS: Readonly<Record<string, Command['verb']>> = {
  '-A': 'append', '--append': 'append', '-I': 'insert', '--insert': 'insert', '-D': 'delete', '--delete': 'delete',
  '-C': 'check', '--check': 'check', '-N': 'new', '--new-chain': 'new', '-F': 'flush', '--flush': 'flush',
  '-X': 'remove', '--delete-chain': 'remove', '-P': 'policy', '--policy': 'policy',
  '-S': 'specify', '--list-rules': 'specify',
}; // prettier-ignore

const RULE_VERBS: ReadonlySet<Command['verb']> = new Set(['append', 'insert', 'check', 'delete']);

/** No interface to go out by before routing, none to have come in by after it. */
const WRONG_WAY = [
  [['PREROUTING', 'INPUT'], '-o'],
  [['OUTPUT', 'POSTROUTING'], '-i'],
] as const;

const NO_CHAIN = 'No chain/target/match by that name.';
const MAX_CHAIN_NAME = 28;

const NO_RULE: Readonly<Record<Flavour, string>> = {
  nft: 'Bad rule (does a matching rule exist in that chain?).',
  legacy: NO_CHAIN,
};

/** What is given to every command beside its verb and rule. */
export function readCommand(words: readonly string[], table: string, family: Family, resolve: Resolve): Command {
  const rest = [...words];
  const command: Command = { verb: 'specify', table, chain: '', rules: [], number: undefined, policy: '' };
  const spec: string[] = [];
  let seen: string | undefined;
  while (rest.length > 0) {
    const word = rest.shift() ?? '';
    const verb = VERBS[word];
    if (verb !== undefined) {
      if (seen !== undefined) throw new ParameterError(`Cannot use ${word} with ${seen}`);
      seen = word;
      command.verb = verb;
      readChain(command, rest, word);
    } else if (word === '-t' || word === '--table') {
      command.table = rest.shift() ?? '';
    } else if (word === '-w' || word === '--wait') {
      if (/^\d+$/.test(rest[0] ?? '')) rest.shift();
    } else if (word !== '-n' && word !== '-v' && word !== '--numeric') {
      spec.push(word);
    }
  }
  if (seen === undefined) throw new ParameterError('no command specified');
  if (RULE_VERBS.has(command.verb) && !(command.verb === 'delete' && command.number !== undefined)) {
    command.rules = parseRule(spec, family, resolve);
    const wrongWay = WRONG_WAY.find(
      ([chains, option]) => chains.some((chain) => chain === command.chain) && spec.includes(option),
    );
    if (wrongWay !== undefined)
      throw new ParameterError(`Can't use ${wrongWay[1]} with ${command.chain}
`);
  } else if (spec[0] !== undefined) {
    throw spec[0].startsWith('-')
      ? new ParameterError(`unknown option "${spec[0]}"`)
      : new BadArgument(`Bad argument \`${spec[0]}'`);
  }
  return command;
}

function readChain(command: Command, rest: string[], option: string): void {
  const isOptional = ['flush', 'remove', 'specify'].includes(command.verb);
  const next = rest[0];
  if (next === undefined || next.startsWith('-')) {
    if (!isOptional) throw new ParameterError(`option "${option}" requires an argument`);
    return;
  }
  command.chain = rest.shift() ?? '';
  if (command.chain.length > MAX_CHAIN_NAME)
    throw new ParameterError(`chain name \`${command.chain}' too long (must be under 29 chars)`);
  if (command.verb === 'policy') command.policy = rest.shift() ?? '';
  const takesNumber = command.verb === 'insert' || command.verb === 'delete';
  if (!takesNumber || !/^\d+$/.test(rest[0] ?? '')) return;
  command.number = Number(rest.shift());
  if (command.number === 0) throw new ParameterError("Invalid rule number `0'");
}

/** What nft notices only when everything is committed: it goes on until then. */
type Action = (table: Table, command: Command, flavour: Flavour) => string | undefined;

/** nft looks for the rule and does not care that there is no such chain. */
const rulesToSearch = (table: Table, command: Command, flavour: Flavour): Rule[] =>
  flavour === 'nft' && command.number === undefined && !table.has(command.chain) ? [] : rulesOf(table, command);

const rulesOf = (table: Table, { chain }: Command): Rule[] => {
  const found = table.get(chain);
  if (found === undefined) throw new RefusedError(NO_CHAIN);
  return found.rules;
};

/** The rules of a chain that something is put into. */
const use = (table: Table, command: Command): Rule[] => {
  const rules = rulesOf(table, command);
  const chain = table.get(command.chain);
  if (chain !== undefined) chain.isUsed = true;
  return rules;
};

const checkJumps = (table: Table, { rules }: Command, flavour: Flavour): void => {
  for (const { jump } of rules) {
    if (jump === undefined || table.has(jump)) continue;
    if (flavour === 'nft') throw new CommitError(`Chain '${jump}' does not exist`, 2);
    throw new ParameterError(`Couldn't load target \`${jump}':No such file or directory\n`);
  }
};

function findRule(rules: Rule[], wanted: Rule, flavour: Flavour): number {
  const at = rules.findIndex(({ text }) => text === wanted.text);
  if (at < 0) throw new RefusedError(NO_RULE[flavour]);
  return at;
}

const ACTIONS: Readonly<Record<Command['verb'], Action>> = {
  append: (table, command, flavour) => {
    checkJumps(table, command, flavour);
    use(table, command).push(...command.rules);
  },
  insert: (table, command, flavour) => {
    checkJumps(table, command, flavour);
    const rules = use(table, command);
    const at = (command.number ?? 1) - 1;
    if (at > rules.length || at < 0) throw new RefusedError('Index of insertion too big.');
    // A command with several addresses is several rules, each put in at the same place: the last comes first.
    rules.splice(at, 0, ...[...command.rules].reverse());
  },
  delete: (table, command, flavour) => {
    checkJumps(table, command, flavour);
    const rules = rulesToSearch(table, command, flavour);
    if (command.number !== undefined && flavour === 'nft' && table.get(command.chain)?.isUsed === false)
      throw new RefusedError(NO_CHAIN);
    if (command.number !== undefined) {
      if (command.number > rules.length) throw new RefusedError('Index of deletion too big.');
      rules.splice(command.number - 1, 1);
    }
    for (const rule of command.rules) rules.splice(findRule(rules, rule, flavour), 1);
  },
  check: (table, command, flavour) => {
    checkJumps(table, command, flavour);
    const rules = rulesToSearch(table, command, flavour);
    for (const rule of command.rules) findRule(rules, rule, flavour);
  },
  new: (table, { chain }) => {
    if (table.has(chain)) throw new RefusedError('Chain already exists.');
    table.set(chain, { policy: null, rules: [], isUsed: true });
  },
  flush: (table, command) => {
    const chains = command.chain === '' ? [...table.values()].map(({ rules }) => rules) : [rulesOf(table, command)];
    for (const rules of chains) rules.length = 0;
  },
  remove: (table, { chain }, flavour) => {
    const own = [...table].filter(([, { policy }]) => policy === null).map(([name]) => name);
    for (const name of chain === '' ? own : [chain]) {
      const found = table.get(name);
      if (found === undefined) throw new RefusedError(NO_CHAIN);
      const isBusy = found.policy !== null || found.rules.length > 0 || isReferenced(table, name);
      if (isBusy && flavour === 'legacy') throw new RefusedError('Too many links.');
      if (isBusy) return ` CHAIN_DEL failed (Device or resource busy): chain ${name}`;
      table.delete(name);
    }
    return undefined;
  },
  policy: (table, { chain, policy }) => {
    const found = table.get(chain);
    if (found === undefined || found.policy === null) throw new RefusedError('Bad built-in chain name.');
    if (policy !== 'ACCEPT' && policy !== 'DROP')
      throw new RefusedError("Bad policy name. Run `dmesg' for more information.");
    Object.assign(found, { policy, isUsed: true });
  },
  specify: (table, { chain, table: name }, flavour) => {
    if (chain === '' || table.has(chain)) return undefined;
    if (flavour === 'legacy') throw new RefusedError(NO_CHAIN);
    throw new CommitError(`chain \`${chain}' in table \`${name}' is incompatible, use 'nft' tool.\n`, 1);
  },
  /** `:CHAIN POLICY` of a restore: makes the chain or, when it is nobody's built-in, empties it. */
  declare: (table, { chain, policy }) => {
    const found = table.get(chain);
    if (found?.policy != null) Object.assign(found, { policy, isUsed: true });
    else table.set(chain, { policy: null, rules: [], isUsed: true });
  },
};

/**
 * @returns a refusal that nft reports only at the end, undefined when all is well.
 * @throws RefusedError, CommitError, ParameterError when it can't be done; the table may be changed by then.
 */
export function carryOut(table: Table, command: Command, flavour: Flavour): string | undefined {
  return ACTIONS[command.verb](table, command, flavour) ?? undefined;
}

/** Whether there is a table of this name. */
export function isTable(name: string): boolean {
  return name in BUILT_IN;
}
