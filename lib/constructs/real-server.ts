import { Construct } from 'constructs';
import { readFields, RealServerResource } from '../model';
import { isUnresolved, Reporter } from '../../providers/ipvs';
import { Forward } from './forward';
import { checkProps, checkValue } from './props';
import type { VirtualService } from './virtual-service';

export interface RealServerProps {
  /** IPv4 or IPv6 address. */
  address: string;
  /** Port, 0..65535. Default: the service's port; a fwmark service keeps the client's. */
  port?: number;
  /** Share of new connections, relative to its siblings; 0 makes it quiescent. Above 65535 only on Debian. Default 1. */
  weight?: number;
  /** No new connections from this many on, inactive ones counted; 0 is no limit. Default 0. */
  upperThreshold?: number;
  /** New connections again below this many. Default 0: the kernel uses three quarters of the upper threshold. */
  lowerThreshold?: number;
  /** How packets reach it. Default: as the service says. */
  forward?: Forward;
}

const KNOWN = ['address', 'port', 'weight', 'upperThreshold', 'lowerThreshold', 'forward'] as const;
const FIELDS = { forwarding: 'forward', tunnel: 'forward' };

/** One real server of a virtual service. Its id names it in the artefact; the kernel knows address and port. */
export class RealServer extends Construct {
  constructor(service: VirtualService, id: string, props: RealServerProps) {
    super(service, id);
    const reporter = new Reporter(this, { fields: FIELDS });
    const given = checkProps(reporter, props, KNOWN);
    const { address, port, weight, upperThreshold, lowerThreshold } = given;
    const is = (value: unknown): value is Forward => value instanceof Forward;
    const forward = checkValue(reporter, ['forward'], given.forward, is, FORWARD_EXAMPLE) ?? service.forward;
    const fields = { address, port, weight, upperThreshold, lowerThreshold, ...forward.toFields() };
    const { value, issues } = readFields(RealServerResource, fields, { isUnresolved });
    reporter.errors(issues);
    if (!reporter.failed) service.attach(this.node.id, value, reporter);
  }
}

export const FORWARD_EXAMPLE = 'a Forward such as Forward.masquerading()';
