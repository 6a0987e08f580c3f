import { Construct } from 'constructs';
import type { SyncRole } from '../model';
import { Reporter, SyncDaemon as SyncDaemonResource } from '../../providers/ipvs';
import { placementOf } from './placement';
import { checkProps } from './props';

export interface SyncDaemonOptions {
  /** Interface for the multicast traffic. */
  interface: string;
  /** Sync id, 0..255: only daemons with the same id talk to each other. Default 0. */
  syncId?: number;
  /** Longest sync message in bytes, 1..65507. Default: the kernel derives it from the interface's MTU. */
  maxLength?: number;
  /** Multicast group. Default 224.0.0.81. */
  group?: string;
  /** UDP port. Default 8848. */
  port?: number;
  /** Multicast TTL, 1..255. Default 1. */
  ttl?: number;
}

export interface SyncDaemonProps extends SyncDaemonOptions {
  /** `master` sends connection state, `backup` receives it. */
  role: SyncRole;
}

const KNOWN = ['role', 'interface', 'syncId', 'maxLength', 'group', 'port', 'ttl'] as const;

/** A connection synchronisation daemon, `ipvsadm --start-daemon`. Everything but the interface needs ipvsadm 1.29. */
export class SyncDaemon extends Construct {
  readonly resource: SyncDaemonResource;

  /** Sends connection state. For the `syncDaemons` of a Fleet or Director. */
  static master(options: SyncDaemonOptions): SyncDaemonProps {
    return { ...options, role: 'master' };
  }

  /** Receives connection state. For the `syncDaemons` of a Fleet or Director. */
  static backup(options: SyncDaemonOptions): SyncDaemonProps {
    return { ...options, role: 'backup' };
  }

  constructor(scope: Construct, id: string, props: SyncDaemonProps) {
    super(scope, id);
    const reporter = new Reporter(this);
    const { role, interface: device, syncId, maxLength, group, port, ttl } = checkProps(reporter, props, KNOWN);
    const config = { role, interface: device, syncId, maxLength, group, port, ttl, ...placementOf(this) };
    this.resource = new SyncDaemonResource(this, 'Resource', config, reporter);
  }
}
