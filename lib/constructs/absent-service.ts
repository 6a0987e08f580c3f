import { Construct } from 'constructs';
import { Reporter, VirtualService as ServiceResource } from '../../providers/ipvs';
import { checkListen, type Listen, singlePorts } from './listen';
import { placementOf } from './placement';
import { checkProps } from './props';

export interface AbsentServiceProps {
  /** What nothing shall listen to. Several ports without a mark are several services. */
  listen: Listen;
}

const FIELDS = { protocol: 'listen', address: 'listen', port: 'listen', mark: 'listen', family: 'listen' };

/**
 * A virtual service that must not exist on any director of a Fleet, or on a single Director: it is deleted with its real
 * servers, whoever made it, and nothing is done where it is not there. Of a marked listener the service of the mark is
 * meant; its mark rules are gone once nobody declares them.
 */
export class AbsentService extends Construct {
  readonly resources: readonly ServiceResource[];

  constructor(scope: Construct, id: string, props: AbsentServiceProps) {
    super(scope, id);
    const reporter = new Reporter(this, { fields: FIELDS });
    const listen = checkListen(reporter, checkProps(reporter, props, ['listen']).listen);
    this.resources = listen === undefined ? [] : this.build(listen, reporter);
  }

  private build({ target, mark }: Listen, reporter: Reporter): ServiceResource[] {
    const common = { ...placementOf(this), absent: true };
    if (mark !== undefined) {
      return [new ServiceResource(this, 'Resource', { ...common, protocol: 'fwmark', ...mark }, reporter)];
    }
    if (target === undefined) return [];
    const { protocol, address, ports } = target;
    const scope = new Construct(this, 'Default');
    return singlePorts(reporter, ports).map(
      ({ name, port }) => new ServiceResource(scope, name, { ...common, protocol, address, port }, reporter),
    );
  }
}
