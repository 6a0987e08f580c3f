import { z } from 'zod';
import { compareText } from './canonical';
import { Director } from './director';
import { compareMarkRules, MarkRule } from './mark-rule';
import { compareServers } from './real-server';
import { DesiredRollout } from './rollout';
import { SyncDaemon } from './sync-daemon';
import { DesiredTimeouts, Timeouts, TimeoutSeconds } from './timeouts';
import { compareKeys, ServiceKey, VirtualService } from './virtual-service';

/** Everything IPVS holds on one director, and the mark rules of our chain. Canonical: equal tables are equal JSON. */
export const DirectorTable = z.strictObject({
  services: z.array(VirtualService),
  marks: z.array(MarkRule),
  timeouts: Timeouts,
  daemons: z.array(SyncDaemon),
});
export type DirectorTable = z.output<typeof DirectorTable>;

/** A stack's wish for one director. What it leaves open (timeouts) is filled in from the live table by `plan/keep`. */
export const DesiredTable = DirectorTable.extend({ timeouts: DesiredTimeouts });
export type DesiredTable = z.output<typeof DesiredTable>;

/** Fields of a service whose live values a stack may choose to keep, by their name in the artefact. */
export const IGNORABLE_FIELDS = {
  scheduler: ['scheduler', 'schedulerFlags'],
  scheduler_flags: ['schedulerFlags'],
  persistence: ['persistence', 'persistenceEngine'],
  one_packet: ['onePacket'],
  real_servers: ['realServers'],
} as const satisfies Record<string, readonly (keyof VirtualService)[]>;
export type IgnorableField = (typeof IGNORABLE_FIELDS)[keyof typeof IGNORABLE_FIELDS][number];

/** What a stack says about a service beside its table entry. */
export const ServicePolicy = z.strictObject({
  /** `lifecycle.ignore_changes`: what a service that exists has in these fields stays as it is. */
  ignoreChanges: z
    .array(z.enum(Object.values(IGNORABLE_FIELDS).flat()))
    .readonly()
    .exactOptional(),
  /** Weights belong to an operator or a health checker: live ones are kept. */
  keepLiveWeights: z.boolean().exactOptional(),
  /** Wait for connections to end before a real server is removed. */
  drain: z
    .strictObject({ timeoutSeconds: TimeoutSeconds, connections: z.int().min(0).exactOptional() })
    .exactOptional(),
});
export type ServicePolicy = z.output<typeof ServicePolicy>;

/** One director of a stack with its wish, and where in the user's program each entry comes from. */
export const DesiredDirector = z.strictObject({
  director: Director,
  table: DesiredTable,
  /** Services that must not exist, whoever made them. */
  absent: z.array(ServiceKey).exactOptional(),
  /** By service id. */
  policies: z.record(z.string(), ServicePolicy),
  /** Construct path per entry id (service, real server, mark rule, `timeouts`, `sync/master`). */
  sources: z.record(z.string(), z.string()),
});
export type DesiredDirector = z.output<typeof DesiredDirector>;

/** An ordered no-op between directors: `null_resource` or `terraform_data` in the artefact. */
export const Gate = z.strictObject({
  /** Terraform address, e.g. `null_resource.canary-done`. */
  address: z.string(),
  /** Commands of its `local-exec` provisioners, run on the machine running lvsform and only when allowed. */
  commands: z.array(z.string()),
  /** Names of directors whose entries come before this gate. */
  after: z.array(z.string()),
  /** Names of directors whose entries wait for this gate. */
  before: z.array(z.string()),
});
export type Gate = z.output<typeof Gate>;

/** One stack, read from its artefact. */
export const DesiredStack = z.strictObject({
  stack: z.string(),
  directors: z.array(DesiredDirector),
  gates: z.array(Gate),
  /** How changes reach its fleets; a director in none is changed alone, in the order of the program. */
  rollouts: z.array(DesiredRollout).exactOptional(),
});
export type DesiredStack = z.output<typeof DesiredStack>;

/** The canonical order of a table: same entries, same JSON. */
export function sortTable<T extends Pick<DirectorTable, 'services' | 'marks' | 'daemons'>>(table: T): T {
  return {
    ...table,
    services: table.services
      .map((service) => ({ ...service, realServers: [...service.realServers].sort(compareServers) }))
      .sort((a, b) => compareKeys(a.key, b.key)),
    marks: [...table.marks].sort(compareMarkRules),
    daemons: [...table.daemons].sort((a, b) => compareText(a.role, b.role)),
  };
}
