/** The resource types of the ipvs provider, and what each puts into a director's table. */
import type { z } from 'zod';
import {
  type Declared,
  type DesiredTimeouts,
  type Issue,
  MarkRuleResource,
  markRuleId,
  SyncDaemonResource,
  serviceId,
  type ServicePolicy,
  TimeoutsResource,
  toAbsentService,
  toMarkRules,
  toSyncDaemon,
  toTimeouts,
  toVirtualService,
  VirtualServiceResource,
} from '../model';

type WithoutPlace<T> = T extends unknown ? Omit<T, 'director' | 'place' | 'name'> : never;

/** An entry of a table; timeouts come with their values. */
export type Entry =
  Exclude<WithoutPlace<Declared<unknown>>, { on: 'timeouts' }> | { on: 'timeouts'; timeouts: DesiredTimeouts };

export interface Meaning {
  entries: Entry[];
  /** Id of the resource below its director. */
  id: string;
  issues: Issue[];
  policy?: ServicePolicy;
}

export interface ResourceType {
  schema: z.ZodObject;
  /** The value has been read with this type's schema. */
  mean: (value: unknown) => Meaning;
}

function resourceType<S extends z.ZodObject>(schema: S, mean: (value: z.output<S>) => Meaning): ResourceType {
  return { schema, mean: (value) => mean(value as z.output<S>) };
}

export const RESOURCE_TYPES: ReadonlyMap<string, ResourceType> = new Map([
  [
    'ipvs_virtual_service',
    resourceType(VirtualServiceResource, (resource) => {
      if (resource.absent === true) {
        const { value: key, issues } = toAbsentService(resource);
        return { entries: [{ on: 'absent', key }], id: serviceId(key), issues };
      }
      const { value: service, issues } = toVirtualService(resource);
      const { keepLiveWeights, drain } = resource;
      const policy = { ...(keepLiveWeights ? { keepLiveWeights } : {}), ...(drain === undefined ? {} : { drain }) };
      return { entries: [{ on: 'service', service }], id: serviceId(service.key), issues, policy };
    }),
  ],
  [
    'ipvs_mark_rule',
    resourceType(MarkRuleResource, (resource) => {
      const { value: rules, issues } = toMarkRules(resource);
      const [first] = rules;
      const id = first === undefined ? 'mark' : markRuleId(first);
      return { entries: rules.map((rule) => ({ on: 'mark', rule })), id, issues };
    }),
  ],
  [
    'ipvs_timeouts',
    resourceType(TimeoutsResource, (resource) => {
      const { value: timeouts, issues } = toTimeouts(resource);
      return { entries: [{ on: 'timeouts', timeouts }], id: 'timeouts', issues };
    }),
  ],
  [
    'ipvs_sync_daemon',
    resourceType(SyncDaemonResource, (resource) => {
      const { value: daemon, issues } = toSyncDaemon(resource);
      return { entries: [{ on: 'daemon', daemon }], id: `sync/${daemon.role}`, issues };
    }),
  ],
]);

/** Resources that only order others. */
export const GATE_TYPES: readonly string[] = ['null_resource', 'terraform_data'];
