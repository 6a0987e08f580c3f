import type { z } from 'zod';
import {
  type ForwardingMethod,
  readFields,
  RealServerResource,
  toRealServer,
  type TunnelChecksum,
  type TunnelType,
} from '../model';
import { holdsUnresolved, isUnresolved } from '../../providers/ipvs/kit/unresolved';
import { refuseValue } from './values';

export interface TunnelOptions {
  /** Encapsulation. Default `ipip`; `gue` and `gre` need ipvsadm 1.31 and kernel 5.3. */
  type?: TunnelType;
  /** UDP port, required for `gue` and only for `gue`. */
  port?: number;
  /** Checksum choice of `gue` and `gre`. Default `none`. */
  checksum?: TunnelChecksum;
}

/** How packets reach a real server. */
export class Forward {
  private constructor(
    readonly method: ForwardingMethod,
    readonly tunnel?: TunnelOptions,
  ) {}

  /** Direct routing (`-g`): the real server answers by itself and holds the virtual address. The default. */
  static gatewaying(): Forward {
    return new Forward('gatewaying');
  }

  /** A tunnel (`-i`): reaches real servers in other networks and of the other address family. @throws ValidationError */
  static ipip(options: TunnelOptions = {}): Forward {
    refuseValue('Forward.ipip', tunnelIssues(options));
    return new Forward('ipip', options);
  }

  /** NAT (`-m`): the only method that can change the port. */
  static masquerading(): Forward {
    return new Forward('masquerading');
  }

  /** As fields of a real server resource. */
  toFields(): Pick<z.input<typeof RealServerResource>, 'forwarding' | 'tunnel'> {
    const plain = this.tunnel === undefined || Object.keys(this.tunnel).length === 0;
    return { forwarding: this.method, ...(plain ? {} : { tunnel: { ...this.tunnel } }) };
  }
}

/** Judged as part of a real server that is right in every other respect. */
function tunnelIssues(tunnel: TunnelOptions) {
  const server = { address: '192.0.2.1', forwarding: 'ipip', tunnel };
  const { value, issues } = readFields(RealServerResource, server, { isUnresolved });
  const all = [
    ...issues,
    ...(issues.length > 0 || holdsUnresolved(tunnel)
      ? []
      : toRealServer(value, { by: 'fwmark', family: 'inet', mark: 1 }).issues),
  ];
  return all.map((issue) => ({ ...issue, path: issue.path.slice(1) }));
}
