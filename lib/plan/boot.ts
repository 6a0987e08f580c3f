/** What a director would have after a boot, and how that differs from what it has. */
import {
  type BootState,
  type Change,
  type DesiredDirector,
  type DesiredTable,
  type DirectorTable,
  type Finding,
  KERNEL_TIMEOUTS,
  type RealServer,
  serverKey,
  type ServiceId,
  serviceId,
  sortTable,
  type SyncDaemon,
  type VirtualService,
} from '../model';
import { diffTables } from './diff';

/**
 * What of a director's table its boot files shall hold: with `owns: 'table'` all of it, else what the stack declares,
 * each entry as it is live. So a weight that an operator set survives a reboot, too. Of mark rules it is all that is
 * declared: one that a rule of somebody else provides today would else come back only if they see to it.
 *
 * @param table the live table, or the one that is planned
 * @param foreign ids of services and `sync/ROLE` of daemons that are not the stack's, as keepForeign finds them
 */
export function tableAtBoot(wish: DesiredDirector, table: DirectorTable, foreign: readonly string[]): DesiredTable {
  const others = new Set(foreign);
  const declared = wish.table.timeouts;
  const fields = Object.keys(table.timeouts) as (keyof typeof table.timeouts)[];
  const spoken = wish.director.owns === 'table' ? fields : fields.filter((field) => declared[field] !== undefined);
  return sortTable({
    services: table.services.filter((service) => !others.has(serviceId(service.key))),
    marks: wish.table.marks,
    daemons: table.daemons.filter((daemon) => !others.has(`sync/${daemon.role}`)),
    // The kernel has no timeout of 0: that is how ipvsadm says that it does not know.
    timeouts: Object.fromEntries(
      spoken.filter((field) => table.timeouts[field] > 0).map((field) => [field, table.timeouts[field]]),
    ),
  });
}

/** The table a boot makes: what the distribution loads, and over it what our unit restores, which deletes nothing. */
export function tableAfterBoot(boot: BootState): DirectorTable {
  const rules = boot.rules?.loaded === true ? boot.rules.table : null;
  const daemons = [...(rules?.daemons ?? []), ...(boot.rules?.daemons ?? [])];
  const own = boot.unit === 'enabled' && boot.own !== 'corrupt' ? boot.own : null;
  return sortTable({
    services: overlay(rules?.services ?? [], own?.services ?? []),
    marks: own?.marks ?? [],
    daemons: overlaid(daemons, own?.daemons ?? [], ({ role }) => role),
    timeouts: { ...KERNEL_TIMEOUTS, ...rules?.timeouts, ...own?.timeouts },
  });
}

function overlay(below: readonly VirtualService[], above: readonly VirtualService[]): VirtualService[] {
  const servers = new Map(below.map(({ key, realServers }) => [serviceId(key), realServers]));
  const whole = above.map((service) => ({
    ...service,
    realServers: overlaid<RealServer>(servers.get(serviceId(service.key)) ?? [], service.realServers, serverKey),
  }));
  return overlaid(below, whole, ({ key }) => serviceId(key));
}

function overlaid<T>(below: readonly T[], above: readonly T[], id: (entry: T) => string): T[] {
  return [...new Map([...below, ...above].map((entry) => [id(entry), entry])).values()];
}

/** How the boot files differ from what they shall hold. */
export interface BootDrift {
  /** Entry by entry: `before` is what a boot gives, `after` what the director has. */
  changes: Change[];
  /** Ids of services in the loaded file that are none of this stack's. */
  foreign: ServiceId[];
}

/**
 * Compares what a boot would give with what it shall give. Entries of others are counted, not compared.
 *
 * @param director prefix of the ids
 * @param wanted see {@link tableAtBoot}
 */
export function bootDrift(
  director: string,
  boot: BootState,
  wanted: DesiredTable,
  owns: 'declared' | 'table' = 'declared',
): BootDrift {
  const after = tableAfterBoot(boot);
  const known = boot.own === null || boot.own === 'corrupt' ? null : boot.own;
  const ours = new Set([...(known?.services ?? []), ...wanted.services].map(({ key }) => serviceId(key)));
  const roles = new Set([...(known?.daemons ?? []), ...wanted.daemons].map(({ role }) => role));
  const mine = (service: VirtualService): boolean => owns === 'table' || ours.has(serviceId(service.key));
  const compared: DirectorTable = {
    ...after,
    services: after.services.filter(mine),
    daemons: after.daemons.filter(({ role }) => owns === 'table' || roles.has(role)),
  };
  const target: DirectorTable = {
    ...wanted,
    daemons: wanted.daemons.map((daemon) => sameWhereUnknown(daemon, after.daemons)),
    timeouts: { ...after.timeouts, ...wanted.timeouts },
  };
  return {
    changes: diffTables(director, compared, target),
    foreign: after.services.filter((service) => !mine(service)).map(({ key }) => serviceId(key)),
  };
}

/** A message length that was left to the kernel can't differ. */
function sameWhereUnknown(daemon: SyncDaemon, others: readonly SyncDaemon[]): SyncDaemon {
  const other = others.find(({ role }) => role === daemon.role);
  return daemon.maxLength === null || other?.maxLength === null
    ? { ...daemon, maxLength: other?.maxLength ?? daemon.maxLength }
    : daemon;
}

const WHAT: Readonly<Record<Change['action'], string>> = {
  create: 'would not be there after a reboot',
  delete: 'would be there again after a reboot',
  update: 'would differ after a reboot',
};

/**
 * What a reviewer should know about a director's boot files. Code `boot-drift` for what a reboot would change, with the
 * entry as subject; `boot-file` for what else is to be known about the files.
 *
 * @param drift see {@link bootDrift}
 */
export function bootFindings(
  director: string,
  boot: BootState,
  drift: BootDrift,
  owns: 'declared' | 'table' = 'declared',
): Finding[] {
  const hint = 'an apply writes the boot files anew';
  const { rules } = boot;
  const note = (severity: Finding['severity'], message: string, more: Partial<Finding> = {}): Finding => ({
    code: 'boot-file',
    severity,
    message: `${director}: ${message}`,
    ...more,
  });
  const changes = drift.changes.map((change): Finding => ({
    code: 'boot-drift',
    severity: 'warning',
    subject: change.id,
    message: `${WHAT[change.action]}${change.action === 'update' ? `: ${change.fields.join(', ')}` : ''}`,
    hint,
  }));
  return [
    ...(boot.own === null && changes.length > 0
      ? [
          note('info', `nothing is persisted for this stack yet (${changes.length} entries)`, {
            code: 'boot-drift',
            hint,
          }),
        ]
      : changes),
    ...(boot.own === 'corrupt'
      ? [note('warning', 'the file that persists this stack was changed by hand', { hint })]
      : []),
    ...(boot.own !== null && boot.unit !== 'enabled'
      ? [
          note(
            'warning',
            `${unitState(boot)}: nothing of this stack is restored at boot by it`,
            boot.systemd ? { hint } : {},
          ),
        ]
      : []),
    ...(!boot.systemd
      ? [note('warning', 'there is no systemd: mark rules and sync daemons are not restored at boot')]
      : []),
    ...(rules?.problem === undefined
      ? []
      : [
          note(
            'warning',
            `${rules.path} can't be understood and ${owns === 'table' ? 'is replaced' : 'stays as it is'}: ${rules.problem}`,
          ),
        ]),
    ...(rules?.loaded === false && (rules.table?.services.length ?? 0) > 0
      ? [note('info', `${rules.path} sets up ${rules.table?.services.length ?? 0} services, but is not loaded at boot`)]
      : []),
    ...(drift.foreign.length === 0
      ? []
      : [
          note(
            'info',
            `${rules?.path ?? 'the boot file'} also sets up ${drift.foreign.join(', ')}; that stays as it is`,
          ),
        ]),
    ...(boot.layout === 'rhel' && rules?.loaded === true
      ? [
          note(
            'info',
            `ipvsadm.service overwrites ${rules.path} with ipvsadm-save at every stop, which loses thresholds, timeouts and sync daemons; lvsform-boot.service restores them`,
          ),
        ]
      : []),
  ];
}

function unitState({ unit, systemd }: BootState): string {
  if (!systemd) return 'there is no systemd for lvsform-boot.service';
  if (unit === 'missing') return 'lvsform-boot.service is missing';
  return unit === 'different' ? 'lvsform-boot.service was changed' : 'lvsform-boot.service is not enabled';
}
