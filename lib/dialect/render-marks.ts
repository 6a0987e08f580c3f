/**
 * Our chain of mark rules as input for `iptables-restore --noflush`: one transaction, so the rules change at once or
 * not at all, and nobody else's are touched.
 */
import type { ChainState, Command, Family, MarkRule, Steering } from '../model';

/** What our chain is to be, rules and all. */
interface Chain extends ChainState {
  rules: readonly MarkRule[];
}

/**
 * A rule in iptables-save's own spelling. Multiport also for a single port: `-p sctp --dport` needs another match than
 * `-p tcp --dport`, multiport is the same for all.
 */
export function formatMarkRule(rule: MarkRule, chain: string): string {
  const option = (name: string, value: string | null): string[] => (value === null ? [] : [name, value]);
  return [
    '-A',
    chain,
    ...option('-s', rule.source),
    ...option('-d', rule.destination),
    ...option('-i', rule.inputInterface),
    ...option('-p', rule.protocol),
    ...(rule.ports.length === 0 ? [] : ['-m', 'multiport', '--dports', rule.ports.join(',')]),
    ...['-j', 'MARK', '--set-xmark', `0x${rule.mark.toString(16)}/0xffffffff`],
  ].join(' ');
}

/**
 * Lines that turn the chain into what it is to be. A chain's own line creates it or, also with --noflush, empties it.
 * `-D` of a jump that is not there would fail the whole transaction, so jumps are counted.
 */
function restoreInput(name: string, live: ChainState, wanted: Chain): string {
  const surplus = live.jumps - wanted.jumps;
  const jump = `PREROUTING -j ${name}`;
  return [
    '*mangle',
    wanted.present ? `:${name} - [0:0]` : `-F ${name}`,
    ...Array<string>(Math.max(0, surplus)).fill(`-D ${jump}`),
    ...Array<string>(Math.max(0, -surplus)).fill(`-A ${jump}`),
    ...wanted.rules.map((rule) => formatMarkRule(rule, name)),
    ...(wanted.present ? [] : [`-X ${name}`]),
    'COMMIT',
    '',
  ].join('\n');
}

const RESTORE = { inet: 'iptables-restore', inet6: 'ip6tables-restore' } as const;

function restore(family: Family, name: string, live: ChainState, wanted: Chain): Command[] {
  // Nothing there and nothing wanted: -F would fail.
  if (!live.present && !wanted.present) return [];
  return [{ tool: RESTORE[family], args: ['--noflush'], input: restoreInput(name, live, wanted) }];
}

/** The chain as it is to be: gone when it has no rules, jumped to once when it has. */
function chainOf(rules: readonly MarkRule[]): Chain {
  const present = rules.length > 0;
  return { present, jumps: present ? 1 : 0, rules };
}

/** The swap of a family's rules, and what takes it back. */
export function steer({ family, chain, before, after, live }: Steering): { command: Command; undo: Command[] } {
  const wanted = chainOf(after);
  const input = restoreInput(chain, live, wanted);
  return {
    command: { tool: RESTORE[family], args: ['--noflush'], input },
    undo: restore(family, chain, wanted, { ...live, rules: before }),
  };
}

/** Commands that make our chain in a table that has none. */
export function buildChain(family: Family, chain: string, rules: readonly MarkRule[]): Command[] {
  return restore(family, chain, { present: false, jumps: 0 }, chainOf(rules));
}
