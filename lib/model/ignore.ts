/** Services of a director that a stack keeps its hands off, whatever it owns there. */
import { z } from 'zod';
import { canonicalCidr, Port } from './address';
import { type Issue, quoted } from './issue';
import { Mark, Protocol, type ServiceKey } from './virtual-service';

/**
 * Which live services are left alone. Every field that is given has to match; `address`, `port` and `protocol` match
 * address services only, `mark` matches fwmark services of both families.
 */
export const IgnorePattern = z.object({
  /** Virtual address or network, e.g. `192.0.2.0/24`. */
  address: z
    .string({ error: 'expected an address or network such as 192.0.2.0/24' })
    .refine((text) => canonicalCidr(text) !== undefined, {
      error: (issue) => `${quoted(issue.input)} is not an address or network such as 192.0.2.0/24`,
    })
    .optional()
    .meta({ description: 'Virtual address or network, e.g. 192.0.2.0/24.' }),
  /** Virtual port; 0 matches services of every port. */
  port: Port.optional().meta({ description: 'Virtual port; 0 matches services of every port.' }),
  protocol: Protocol.optional().meta({ description: 'tcp, udp or sctp.' }),
  /** Mark of a fwmark service, IPv4 or IPv6; alone. */
  mark: Mark.optional().meta({ description: 'Mark of a fwmark service, IPv4 or IPv6; goes with no other field.' }),
});
export type IgnorePattern = z.output<typeof IgnorePattern>;

/** What is wrong with the fields of a pattern together. */
export function ignoreIssues(patterns: readonly IgnorePattern[]): Issue[] {
  return patterns.flatMap((pattern, index): Issue[] => {
    const given = Object.entries(pattern).flatMap(([name, value]) => (value === undefined ? [] : [name]));
    const path = ['ignore', index];
    if (given.length === 0)
      return [{ path, message: 'names no service', hint: 'give an address, a port, a protocol or a mark' }];
    if (pattern.mark === undefined) return [];
    return given
      .filter((name) => name !== 'mark')
      .map((name) => ({ path: [...path, name], message: 'does not go with mark: marked packets have no address' }));
  });
}

/** The first pattern that matches a service; undefined when none does. */
export function ignoredBy(patterns: readonly IgnorePattern[], key: ServiceKey): IgnorePattern | undefined {
  return patterns.find((pattern) => matches(pattern, key));
}

function matches({ address, port, protocol, mark }: IgnorePattern, key: ServiceKey): boolean {
  if (key.by === 'fwmark') return mark === key.mark;
  // A pattern of nothing is an error of its own, and must not turn every service into one as well.
  if (mark !== undefined || (address ?? port ?? protocol) === undefined) return false;
  return (
    (address === undefined || contains(address, key.address)) &&
    (port === undefined || port === key.port) &&
    (protocol === undefined || protocol === key.protocol)
  );
}

function contains(network: string, address: string): boolean {
  const cidr = canonicalCidr(network);
  return cidr !== undefined && canonicalCidr(`${address}/${cidr.split('/')[1] ?? ''}`) === cidr;
}

/** `address=192.0.2.0/24 port=53`, as messages name a pattern. */
export function ignoreWords(pattern: IgnorePattern): string {
  return Object.entries(pattern)
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]))
    .join(' ');
}
