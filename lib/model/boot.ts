/** What a director loads when it boots, as far as it concerns IPVS. */
import type { SyncDaemon } from './sync-daemon';
import type { DesiredTable } from './table';
import type { Timeouts } from './timeouts';

/** How a distribution keeps rules: Debian's /etc/ipvsadm.rules, or /etc/sysconfig/ipvsadm of the RHEL family. */
export const BOOT_LAYOUTS = ['debian', 'rhel'] as const;
export type BootLayout = (typeof BOOT_LAYOUTS)[number];

/** The file whose rules the distribution loads. */
export const RULES_PATH: Readonly<Record<BootLayout, string>> = {
  debian: '/etc/ipvsadm.rules',
  rhel: '/etc/sysconfig/ipvsadm',
};

/** The distribution's own file of rules, and what starts with it. */
export interface DistributionRules {
  path: string;
  /** The file's text; null when there is none, or none this login may read. */
  text: string | null;
  /** Whether the distribution loads the file at boot, or would if there were one. */
  loaded: boolean;
  /**
   * What keeps it from being loaded: Debian's setting says not to, or nothing starts ipvsadm's unit (or its init script).
   */
  lacks: ('setting' | 'unit')[];
  /** What it sets up; null when it can't be understood or read. */
  table: Omit<DesiredTable, 'marks'> | null;
  /** Why there is no `table`. */
  problem?: string;
  /** Sync daemons that Debian starts by its settings, whether or not it loads the file. */
  daemons: SyncDaemon[];
}

/** The unit that restores what stacks have persisted. `different`: there is one, but not with the text of this version. */
export type BootUnit = 'enabled' | 'disabled' | 'different' | 'missing';

/** What a director does at boot, for one stack. */
export interface BootState {
  /** Null where neither layout is found. */
  layout: BootLayout | null;
  systemd: boolean;
  /** Null without a layout. */
  rules: DistributionRules | null;
  unit: BootUnit;
  /** What this stack has persisted; null for nothing, `corrupt` when it can't be understood. */
  own: DesiredTable | null | 'corrupt';
  /** Text of that file. */
  ownText: string | null;
  /** Record names of other stacks that persist something here. */
  others: string[];
}

/** The kernel's own, after a boot that sets none. */
export const KERNEL_TIMEOUTS: Timeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };
