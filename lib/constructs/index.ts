export { AbsentService, type AbsentServiceProps } from './absent-service';
export { Director, type DirectorProps } from './director';
export { Duration } from './duration';
export { Fleet, type FleetProps } from './fleet';
export { Forward, type TunnelOptions } from './forward';
export { IpvsStack, type IpvsStackProps } from './ipvs-stack';
export { Listen } from './listen';
export { MarkRule, type MarkRuleProps } from './mark-rule';
export { RealServer, type RealServerProps } from './real-server';
export { type HashingOptions, Scheduler } from './scheduler';
export { type ConnectionsCheckProps, Rollout, type RolloutCheckProps } from './rollout';
export { SyncDaemon, type SyncDaemonOptions, type SyncDaemonProps } from './sync-daemon';
export { Table, type TableProps } from './table';
export { Timeouts, type TimeoutsProps } from './timeouts';
export {
  type DrainOptions,
  type PersistenceOptions,
  VirtualService,
  type VirtualServiceProps,
} from './virtual-service';
