/** The packet filter tables of one family: chains, policies, rules. Only what holds MARK rules and jumps to them. */
import type { Rule } from './iptables-rule';

/** Chains a table is born with. */
export const BUILT_IN: Readonly<Record<string, readonly string[]>> = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
};

export interface Chain {
  /** Null for a chain somebody made. */
  policy: string | null;
  rules: Rule[];
  /** nft makes a built-in chain when it is first used; it is listed before that, but a rule number finds none. */
  isUsed: boolean;
}

export type Table = Map<string, Chain>;

export function newTable(name: string): Table {
  return new Map((BUILT_IN[name] ?? []).map((chain) => [chain, { policy: 'ACCEPT', rules: [], isUsed: false }]));
}

export function copyTable(table: Table): Table {
  return new Map([...table].map(([name, chain]) => [name, { ...chain, rules: [...chain.rules] }]));
}

/** Whether any rule jumps to the chain. */
export function isReferenced(table: Table, chain: string): boolean {
  return [...table.values()].some(({ rules }) => rules.some(({ jump }) => jump === chain));
}

/** The body of `iptables-save` for one table. */
export function saveTable(name: string, table: Table): string {
  const chains = listed(table).map(([chain, { policy }]) => `:${chain} ${policy ?? '-'} [0:0]`);
  const rules = listed(table).flatMap(([chain, { rules: own }]) => own.map((rule) => appendText(chain, rule)));
  return [`*${name}`, ...chains, ...rules, 'COMMIT', ''].join('\n');
}

/** `iptables -S`, for all chains or one. */
export function specifyTable(table: Table, only: string | undefined): string {
  const chains = listed(table).filter(([chain]) => only === undefined || chain === only);
  const heads = chains.map(([chain, { policy }]) => (policy === null ? `-N ${chain}` : `-P ${chain} ${policy}`));
  const rules = chains.flatMap(([chain, { rules: own }]) => own.map((rule) => appendText(chain, rule)));
  return [...heads, ...rules].map((line) => `${line}\n`).join('');
}

/** Built-in chains first, then people's own by name. */
function listed(table: Table): [string, Chain][] {
  const chains = [...table];
  const own = chains.filter(([, { policy }]) => policy === null);
  return [...chains.filter(([, { policy }]) => policy !== null), ...own.sort(([a], [b]) => (a < b ? -1 : 1))];
}

function appendText(chain: string, rule: Rule): string {
  return rule.text === '' ? `-A ${chain}` : `-A ${chain} ${rule.text}`;
}
