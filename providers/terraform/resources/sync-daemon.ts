import { SYNC_DAEMON_DEFAULTS, type SyncDaemon, SyncDaemonResource } from '../../../lib/model';
import type { Meaning } from '../../../lib/artefact';
import type { Values } from '../wire/value';
import { type Kind, kindAttributes } from './kind';

const IMPORT_EXAMPLE = 'sync/master';

/** `ipvs_sync_daemon`: a connection synchronisation daemon. */
export const syncDaemon: Kind = {
  type: 'ipvs_sync_daemon',
  description: 'A connection synchronisation daemon.',
  schema: SyncDaemonResource,
  attributes: kindAttributes(SyncDaemonResource, IMPORT_EXAMPLE),
  identified: true,
  importExample: IMPORT_EXAMPLE,
  look: ({ table }, meaning) => {
    const known = daemonOf(meaning);
    const there = table.daemons.find(({ role }) => role === known.role);
    return there === undefined ? null : form(there, known);
  },
  plain: (meaning) => form(daemonOf(meaning), daemonOf(meaning)),
  find: ({ table }, id) => {
    const there = table.daemons.find(({ role }) => id === `sync/${role}`);
    return there === undefined ? null : form(there, { ...there, ...SYNC_DAEMON_DEFAULTS, maxLength: null });
  },
  list: ({ table }) => table.daemons.map(({ role }) => `sync/${role}`),
};

function daemonOf({ entries: [entry] }: Meaning): SyncDaemon {
  if (entry?.on !== 'daemon') throw new TypeError('a sync daemon means a daemon');
  return entry.daemon;
}

/** What ipvsadm 1.28 does not list can't have drifted; a message length that nobody chose is the kernel's. */
function form(daemon: SyncDaemon, known: SyncDaemon): Values {
  return {
    role: daemon.role,
    interface: daemon.interface,
    sync_id: daemon.syncId,
    max_length: known.maxLength === null ? null : (daemon.maxLength ?? known.maxLength),
    group: daemon.group ?? known.group,
    port: daemon.port ?? known.port,
    ttl: daemon.ttl ?? known.ttl,
  };
}
