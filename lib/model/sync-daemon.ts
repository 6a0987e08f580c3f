import { z } from 'zod';
import { CanonicalAddress, Port } from './address';
import { Word } from './issue';

/** `master` sends connection state, `backup` receives it. */
export const SyncRole = z.enum(['master', 'backup'], {
  error: (issue) => `'${String(issue.input)}' is not a sync daemon role (master, backup)`,
});
export type SyncRole = z.output<typeof SyncRole>;

/**
 * A connection synchronisation daemon as `ipvsadm -L --daemon` shows it. Null means "not known": ipvsadm 1.28 lists
 * only interface and sync id.
 */
export const SyncDaemon = z.strictObject({
  role: SyncRole,
  interface: Word,
  syncId: z.int().min(0).max(255),
  maxLength: z.int().nullable(),
  group: CanonicalAddress.nullable(),
  port: Port.nullable(),
  ttl: z.int().nullable(),
});
export type SyncDaemon = z.output<typeof SyncDaemon>;

/** What the kernel uses for what `--start-daemon` leaves out. The message length depends on the interface's MTU, so it has no constant here. */
export const SYNC_DAEMON_DEFAULTS = { syncId: 0, group: '224.0.0.81', port: 8848, ttl: 1 } as const;
