/** The `ipvs` provider's resources as cdktf classes, for those who want them without the constructs above. */
export { MarkRule, type MarkRuleConfig } from './mark-rule';
export { IpvsProvider, type IpvsProviderConfig } from './provider';
export { SyncDaemon, type SyncDaemonConfig } from './sync-daemon';
export { Timeouts, type TimeoutsConfig } from './timeouts';
export { VirtualService, type VirtualServiceConfig } from './virtual-service';
export { EachDirector, type FleetForm } from './kit/each-director';
export { IpvsResource } from './kit/resource';
export { Reporter } from './kit/reporter';
export { Trace } from './kit/trace';
export { holdsUnresolved, isUnresolved } from './kit/unresolved';
