import type { z } from 'zod';
import { Address, canonicalPortRange, Family, familyOf, type Issue, Mark, PortRange, type Protocol } from '../model';
import { Token } from '../terraform';
import { isUnresolved } from '../../providers/ipvs/kit/unresolved';
import type { Reporter } from '../../providers/ipvs';
import { checkValue } from './props';
import { refuseValue } from './values';

/** Packets to an address and its ports. */
export interface Target {
  protocol: Protocol;
  address: string;
  /** Ports and ranges in iptables' spelling; empty is every port. */
  ports: readonly (number | string)[];
}

/** Packets with a firewall mark. */
export interface Marked {
  mark: number;
  family: Family;
}

/** What a virtual service listens to: an address and ports, a firewall mark, or both. */
export class Listen {
  private constructor(
    readonly target: Target | undefined,
    readonly mark: Marked | undefined,
  ) {}

  /** TCP to an address. Several ports are several services with the same real servers, unless they are `marked`. @throws ValidationError */
  static tcp(address: string, ...ports: (number | string)[]): Listen {
    return Listen.to('tcp', address, ports);
  }

  /** UDP to an address. @throws ValidationError */
  static udp(address: string, ...ports: (number | string)[]): Listen {
    return Listen.to('udp', address, ports);
  }

  /** SCTP to an address; needs ipvsadm 1.28. @throws ValidationError */
  static sctp(address: string, ...ports: (number | string)[]): Listen {
    return Listen.to('sctp', address, ports);
  }

  /** Packets that carry a firewall mark, whoever sets it. Family `inet` by default. @throws ValidationError */
  static mark(mark: number, family: Family = 'inet'): Listen {
    refuseValue('Listen.mark', [...issuesOf(Mark, mark, 'mark'), ...issuesOf(Family, family, 'family')]);
    return new Listen(undefined, { mark, family });
  }

  /** How it is called where it needs a name: `tcp-192.0.2.1-80-443`, `mark-12`, `mark6-12`. */
  get label(): string {
    const { target, mark } = this;
    if (mark !== undefined) return `${mark.family === 'inet6' ? 'mark6' : 'mark'}-${mark.mark}`;
    return target === undefined ? 'nothing' : [target.protocol, target.address, ...target.ports].join('-');
  }

  private static to(protocol: Protocol, address: string, given: readonly (number | string)[]): Listen {
    const ports = given.map((port) => (typeof port === 'string' ? (canonicalPortRange(port) ?? port) : port));
    refuseValue(`Listen.${protocol}`, [
      ...issuesOf(Address, address, 'address'),
      ...ports.flatMap((port) => issuesOf(PortRange, port, 'port')),
      ...repeated(ports).map((port) => ({ path: ['port'], message: `${port} is listed twice` })),
    ]);
    return new Listen(
      { protocol, address: isUnresolved(address) ? address : Address.parse(address), ports },
      undefined,
    );
  }

  /**
   * All ports as one service: packets are marked on their way in, and the service serves the mark. Ranges such as
   * `'8000:8010'` and no ports at all (every port) need this. The family is the address's; it has to be given while the
   * address is not known.
   * @throws ValidationError
   */
  marked(mark: number, family?: Family): Listen {
    const { target } = this;
    const issues = [
      ...issuesOf(Mark, mark, 'mark'),
      ...(family === undefined ? [] : issuesOf(Family, family, 'family')),
    ];
    if (target === undefined)
      issues.push({ path: [], message: 'there is no address to mark: use Listen.mark(n) alone' });
    const known = target === undefined || isUnresolved(target.address) ? undefined : familyOf(target.address);
    if (target !== undefined && known === undefined && family === undefined) {
      issues.push({
        path: ['family'],
        message: 'the address is not known yet',
        hint: `say which: .marked(${mark}, 'inet6')`,
      });
    }
    if (known !== undefined && family !== undefined && known !== family) {
      issues.push({ path: ['family'], message: `${target?.address ?? ''} is of family ${known}, not ${family}` });
    }
    if (target?.ports.some((port) => String(port) === '0') === true) {
      issues.push({
        path: ['port'],
        message: 'port 0 can not be marked',
        hint: 'leave the ports out to mark every port',
      });
    }
    refuseValue('Listen.marked', issues);
    return new Listen(target, { mark, family: known ?? family ?? 'inet' });
  }
}

function issuesOf(schema: z.ZodType, value: unknown, field: string): Issue[] {
  if (isUnresolved(value)) return [];
  return (schema.safeParse(value).error?.issues ?? []).map(({ message }) => ({ path: [field], message }));
}

function repeated(ports: readonly (number | string)[]): string[] {
  const names = ports.map(String);
  return [...new Set(names.filter((port, index) => names.indexOf(port) !== index))];
}

const isListen = (value: unknown): value is Listen => value instanceof Listen;

/** The listener of a service; undefined, and reported, when there is none. */
export function checkListen(reporter: Reporter, listen: unknown): Listen | undefined {
  const example = "a Listen such as Listen.tcp('192.0.2.1', 80)";
  if (listen === undefined) reporter.error({ path: ['listen'], message: `is required: ${example}` });
  return checkValue(reporter, ['listen'], listen, isListen, example);
}

/** The ports of a listener without a mark: each one a service of its own. One that is not known yet is named by its place. */
export function singlePorts(reporter: Reporter, ports: Target['ports']): { name: string; port: number }[] {
  if (ports.length === 0) {
    const hint = 'port 0 is every port and needs persistence; .marked(n) without ports marks every port';
    reporter.error({ path: ['listen'], message: 'names no port', hint });
  }
  return ports.flatMap((port, at) => {
    if (isUnresolved(port)) return [{ name: `port-${at + 1}`, port: Token.asNumber(port) }];
    if (/^\d+$/.test(String(port))) return [{ name: String(port), port: Number(port) }];
    reporter.error({ path: ['listen'], message: `${port} is a range, which needs a mark`, hint: 'add .marked(n)' });
    return [];
  });
}
