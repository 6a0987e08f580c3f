import type { Construct } from 'constructs';
import { SyncDaemonResource, toSyncDaemon } from '../../lib/model';
import type { Reporter } from './kit/reporter';
import { type Config, type Definition, IpvsResource } from './kit/resource';

const definition: Definition<typeof SyncDaemonResource> = {
  type: 'ipvs_sync_daemon',
  schema: SyncDaemonResource,
  convert(resource) {
    const { value, issues } = toSyncDaemon(resource);
    return { entries: [{ on: 'daemon', daemon: value }], issues };
  },
};

export type SyncDaemonConfig = Config<typeof SyncDaemonResource>;

/** `ipvs_sync_daemon`: a connection synchronisation daemon. */
export class SyncDaemon extends IpvsResource<typeof SyncDaemonResource> {
  static readonly tfResourceType = definition.type;

  constructor(scope: Construct, id: string, config: SyncDaemonConfig, reporter?: Reporter) {
    super(scope, id, definition, config, reporter);
  }
}
