import { createHash } from 'node:crypto';
import { z } from 'zod';
import { CanonicalCidr, compareAddresses, Family } from './address';
import { compareText } from './canonical';
import { Word } from './issue';
import { Mark, Protocol } from './virtual-service';

/** `80` or `8000:8010`: one port or an inclusive range, in iptables' spelling. */
export const PortRange = z
  .union([z.int(), z.string()], { error: "expected a port or a range such as '8000:8010'" })
  .transform((value, context) => {
    const range = canonicalPortRange(String(value));
    if (range !== undefined) return range;
    context.addIssue({ code: 'custom', message: `'${String(value)}' is not a port or a range such as '8000:8010'` });
    return z.NEVER;
  });
export type PortRange = z.output<typeof PortRange>;

export function canonicalPortRange(text: string): string | undefined {
  const match = /^(\d{1,5})(?:[:-](\d{1,5}))?$/.exec(text);
  if (match?.[1] === undefined) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  if (last > 65535 || first > last) return undefined;
  return first === last ? String(first) : `${first}:${last}`;
}

/**
 * One iptables rule in table mangle that marks packets on their way into IPVS. A user's rule with more ports than
 * multiport takes (15 slots, a range takes two) is several of these.
 */
export const MarkRule = z.strictObject({
  family: Family,
  protocol: Protocol.nullable(),
  /** Canonical CIDR; null matches every destination. */
  destination: CanonicalCidr.nullable(),
  /** Canonical CIDR; null matches every source. */
  source: CanonicalCidr.nullable(),
  inputInterface: Word.nullable(),
  /** Destination ports in ascending order; empty matches every port. */
  ports: z.array(
    z.string().refine((text) => canonicalPortRange(text) === text, {
      error: (issue) => `'${String(issue.input)}' is not a port or a range such as 8000:8010`,
    }),
  ),
  mark: Mark,
});
export type MarkRule = z.output<typeof MarkRule>;

/** An interface name, IFNAMSIZ leaves 15 characters; no `+` wildcard, no path separators, no blanks. */
export const InterfaceName = z
  .string({ error: 'expected the name of a network interface such as eth0' })
  .regex(/^(?!-)[A-Za-z0-9_.:@-]{1,15}$/, {
    error: (issue) => `'${String(issue.input)}' is not the name of a network interface`,
  });

/** Everything a rule matches on, without the mark: `inet/tcp/192.0.2.10/32:80,443`. */
export function markMatch(rule: MarkRule): string {
  const from = `${rule.source === null ? '' : `,from=${rule.source}`}${rule.inputInterface === null ? '' : `,in=${rule.inputInterface}`}`;
  const ports = rule.ports.length > 0 ? `:${rule.ports.join(',')}` : '';
  return `${rule.family}/${rule.protocol ?? 'any'}/${rule.destination ?? 'any'}${ports}${from}`;
}

/** Id of a mark rule. The mark is part of it: a rule that gets another mark is another rule. */
export function markRuleId(rule: MarkRule): string {
  return `mark/${rule.mark}/${markMatch(rule)}`;
}

export function comparePortRanges(a: string, b: string): number {
  return (
    Number(a.split(':')[0]) - Number(b.split(':')[0]) || Number(a.split(':')[1] ?? 0) - Number(b.split(':')[1] ?? 0)
  );
}

/** Whether a rule's ports hold a port. */
export function holdsPort({ ports }: MarkRule, port: number): boolean {
  const isIn = (range: string): boolean => {
    const [first = 0, last = first] = range.split(':').map(Number);
    return first <= port && port <= last;
  };
  return ports.length === 0 || ports.some(isIn);
}

const MULTIPORT_SLOTS = 15;

/** Splits a list of ports into groups that one multiport match can hold; sorted, without repeats. */
export function multiportGroups(ports: readonly string[]): string[][] {
  const groups: string[][] = [];
  let slots = MULTIPORT_SLOTS;
  for (const port of [...new Set(ports)].sort(comparePortRanges)) {
    const needed = port.includes(':') ? 2 : 1;
    if (slots + needed > MULTIPORT_SLOTS) {
      groups.push([]);
      slots = 0;
    }
    groups.at(-1)?.push(port);
    slots += needed;
  }
  return groups;
}

/**
 * Total order in which rules stand in our chain. MARK does not end the traversal, so of two rules that match one packet
 * the later wins: wide rules come first and narrow ones last.
 */
export function compareMarkRules(a: MarkRule, b: MarkRule): number {
  return (
    compareText(a.family, b.family) ||
    narrowness(a) - narrowness(b) ||
    compareText(a.protocol ?? '', b.protocol ?? '') ||
    compareCidrs(a.destination, b.destination) ||
    compareCidrs(a.source, b.source) ||
    compareText(a.inputInterface ?? '', b.inputInterface ?? '') ||
    compareText(a.ports.join(','), b.ports.join(',')) ||
    a.mark - b.mark
  );
}

/** How much a rule narrows down: prefix lengths first, then whether protocol, ports and interface are given. */
function narrowness(rule: MarkRule): number {
  const prefix = (cidr: string | null): number => (cidr === null ? 0 : Number(cidr.split('/')[1]) + 1);
  const given = Number(rule.ports.length > 0) + Number(rule.protocol !== null) + Number(rule.inputInterface !== null);
  return prefix(rule.destination) * 1000 + prefix(rule.source) * 4 + given;
}

function compareCidrs(a: string | null, b: string | null): number {
  if (a === null || b === null) return Number(a !== null) - Number(b !== null);
  const [addressA = '', prefixA] = a.split('/');
  const [addressB = '', prefixB] = b.split('/');
  return compareAddresses(addressA, addressB) || Number(prefixA) - Number(prefixB);
}

/** iptables takes chain names of up to 28 characters. */
const MAX_CHAIN_LENGTH = 28;

/**
 * Name of the chain that holds a stack's mark rules: `LVSFORM-edge`. Every stack has one of its own, so two stacks on
 * one director leave each other alone. A name that would be too long is cut and told apart by a hash. The stack's files
 * are called by it as well: no hidden ones, and none that looks like an option.
 */
export function chainName(stack: string): string {
  const name = `LVSFORM-${stack.replace(/^[.-]|[^A-Za-z0-9_.-]/g, '_')}`;
  if (name.length <= MAX_CHAIN_LENGTH && name === `LVSFORM-${stack}`) return name;
  const hash = createHash('sha256').update(stack).digest('hex').slice(0, 6);
  return `${name.slice(0, MAX_CHAIN_LENGTH - hash.length - 1)}-${hash}`;
}
