import { Construct } from 'constructs';
import type { Family, Protocol } from '../model';
import { MarkRule as MarkRuleResource, Reporter } from '../../providers/ipvs';
import { placementOf } from './placement';
import { checkProps } from './props';

export interface MarkRuleProps {
  /** Firewall mark to set, 1..4294967295. */
  mark: number;
  /** Default: the family of destination or source, else `inet`. */
  family?: Family;
  /** Required with ports. Default: every protocol. */
  protocol?: Protocol;
  /** Destination address or network. Default: every destination. */
  destination?: string;
  /** Source address or network. Default: every source. */
  source?: string;
  /** Interface the packet came in on. Default: every interface. */
  inputInterface?: string;
  /** Destination ports and ranges such as `'8000:8010'`; more than 15 become several rules. Default: every port. */
  ports?: readonly (number | string)[];
}

const KNOWN = ['mark', 'family', 'protocol', 'destination', 'source', 'inputInterface', 'ports'] as const;

/**
 * An iptables rule that marks packets on their way into IPVS, for what `Listen.tcp(…).marked(n)` can't say: networks,
 * sources, interfaces, every protocol. The service that serves the mark is one with `Listen.mark(n)`.
 */
export class MarkRule extends Construct {
  readonly resource: MarkRuleResource;

  constructor(scope: Construct, id: string, props: MarkRuleProps) {
    super(scope, id);
    const reporter = new Reporter(this);
    const { mark, family, protocol, destination, source, inputInterface, ports } = checkProps(reporter, props, KNOWN);
    this.resource = new MarkRuleResource(
      this,
      'Resource',
      {
        mark,
        family,
        protocol,
        destination,
        source,
        inputInterface,
        ports: ports === undefined ? undefined : [...ports],
        ...placementOf(this),
      },
      reporter,
    );
  }
}
