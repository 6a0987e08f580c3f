import { Construct } from 'constructs';
import { Reporter, Timeouts as TimeoutsResource } from '../../providers/ipvs';
import type { Duration } from './duration';
import { placementOf } from './placement';
import { checkProps, secondsField } from './props';

export interface TimeoutsProps {
  /** Idle TCP connections. Left out: stays as it is. */
  tcp?: Duration;
  /** TCP connections after a FIN. Left out: stays as it is. */
  tcpFin?: Duration;
  /** Idle UDP flows. Left out: stays as it is. */
  udp?: Duration;
}

const FIELDS = { tcpSeconds: 'tcp', tcpFinSeconds: 'tcpFin', udpSeconds: 'udp' };

/** Connection timeouts of the directors, `ipvsadm --set`: 1 second to 31 days. */
export class Timeouts extends Construct {
  readonly resource: TimeoutsResource;

  constructor(scope: Construct, id: string, props: TimeoutsProps) {
    super(scope, id);
    const reporter = new Reporter(this, { fields: FIELDS });
    const { tcp, tcpFin, udp } = checkProps(reporter, props, ['tcp', 'tcpFin', 'udp']);
    const config = {
      ...placementOf(this),
      ...secondsField(reporter, ['tcp'], tcp, 'tcpSeconds'),
      ...secondsField(reporter, ['tcpFin'], tcpFin, 'tcpFinSeconds'),
      ...secondsField(reporter, ['udp'], udp, 'udpSeconds'),
    };
    this.resource = new TimeoutsResource(this, 'Resource', config, reporter);
  }
}
