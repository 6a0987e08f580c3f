import type { Kind } from './kind';
import { markRule } from './mark-rule';
import { syncDaemon } from './sync-daemon';
import { timeouts } from './timeouts';
import { virtualService } from './virtual-service';

/** The resource types of the provider. */
export const KINDS: ReadonlyMap<string, Kind> = new Map(
  [virtualService, markRule, timeouts, syncDaemon].map((kind) => [kind.type, kind]),
);

export { type Kind, type ReadResource, readResource, respell } from './kind';
