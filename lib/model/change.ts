import { z } from 'zod';
import { MarkRule } from './mark-rule';
import { RealServer } from './real-server';
import { SyncDaemon } from './sync-daemon';
import { Timeouts } from './timeouts';
import { ServiceConfig, ServiceKey } from './virtual-service';

export const Action = z.enum(['create', 'update', 'delete']);
export type Action = z.output<typeof Action>;

/** What every change says, whatever kind of entry it is about. */
const delta = <T extends z.ZodType>(entry: T) => ({
  action: Action,
  /** Id of the entry with its director: `lb1/tcp/192.0.2.1:443`, `lb1/tcp/192.0.2.1:443/10.0.0.1:443`, `lb1/fwm/12`, `lb1/timeouts`, `lb1/sync/master`. */
  id: z.string(),
  /** Names of the fields that differ; all of them for create and delete. */
  fields: z.array(z.string()),
  before: z.nullable(entry),
  after: z.nullable(entry),
  /** Construct path in the user's program, where there is one. */
  source: z.string().exactOptional(),
});

export const ServiceChange = z.strictObject({ on: z.literal('service'), ...delta(ServiceConfig) });
export type ServiceChange = z.output<typeof ServiceChange>;
export const ServerChange = z.strictObject({ on: z.literal('server'), service: ServiceKey, ...delta(RealServer) });
export type ServerChange = z.output<typeof ServerChange>;
export const MarkChange = z.strictObject({ on: z.literal('mark'), ...delta(MarkRule) });
export type MarkChange = z.output<typeof MarkChange>;
export const TimeoutsChange = z.strictObject({ on: z.literal('timeouts'), ...delta(Timeouts) });
export type TimeoutsChange = z.output<typeof TimeoutsChange>;
export const DaemonChange = z.strictObject({ on: z.literal('daemon'), ...delta(SyncDaemon) });
export type DaemonChange = z.output<typeof DaemonChange>;

/** What differs in one entry between the live and the desired table. */
export const Change = z.discriminatedUnion('on', [
  ServiceChange,
  ServerChange,
  MarkChange,
  TimeoutsChange,
  DaemonChange,
]);
export type Change = z.output<typeof Change>;
