import { Construct } from 'constructs';
import { AbsentService } from './absent-service';
import { Listen } from './listen';
import { MarkRule, type MarkRuleProps } from './mark-rule';
import { type Placement, placeTable } from './placement';
import { SyncDaemon, type SyncDaemonProps } from './sync-daemon';
import { Timeouts, type TimeoutsProps } from './timeouts';
import { VirtualService, type VirtualServiceProps } from './virtual-service';

/** What a Fleet and a single Director have in common. */
export interface TableProps {
  /** Connection timeouts, as `ipvsadm --set`. Default: they stay as they are. */
  timeouts?: TimeoutsProps;
  /** Connection synchronisation, at most one master and one backup. */
  syncDaemons?: readonly SyncDaemonProps[];
}

/** One IPVS table, wherever it is held: on the directors of a Fleet, or on a single Director. */
export abstract class Table extends Construct {
  /** Declares a virtual service: the same as `new VirtualService(this, id, props)`. */
  addService(id: string, props: VirtualServiceProps): VirtualService {
    return new VirtualService(this, id, props);
  }

  /**
   * Declares that a service must not exist: it is deleted wherever it is live, whoever made it. The same as
   * `new AbsentService(this, id, { listen })`.
   *
   * @param id default: `absent-` and what is listened to, e.g. `absent-tcp-192.0.2.1-80`
   */
  absent(listen: Listen, id?: string): AbsentService {
    // Plain JavaScript may give anything: AbsentService tells.
    const given: unknown = listen;
    return new AbsentService(this, id ?? `absent-${given instanceof Listen ? given.label : 'service'}`, { listen });
  }

  /** Declares a mark rule of its own: the same as `new MarkRule(this, id, props)`. */
  addMarkRule(id: string, props: MarkRuleProps): MarkRule {
    return new MarkRule(this, id, props);
  }

  /** Declares a sync daemon: the same as `new SyncDaemon(this, id, props)`. */
  addSyncDaemon(id: string, props: SyncDaemonProps): SyncDaemon {
    return new SyncDaemon(this, id, props);
  }

  /** Declares the connection timeouts: the same as `new Timeouts(this, 'timeouts', props)`. */
  setTimeouts(props: TimeoutsProps): Timeouts {
    return new Timeouts(this, 'timeouts', props);
  }

  /** To be called once the table knows where it goes. */
  protected place(placement: Placement, { timeouts, syncDaemons = [] }: TableProps): void {
    placeTable(this, placement);
    if (timeouts !== undefined) this.setTimeouts(timeouts);
    syncDaemons.forEach((props, index) => this.addSyncDaemon(`sync-${index + 1}`, props));
  }
}
