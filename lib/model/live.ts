import type { Family } from './address';
import type { MarkRule } from './mark-rule';
import type { DirectorRecords } from './records';
import type { DirectorTable } from './table';

/** What this director's tools and kernel can express and list; read together with the table. */
export interface Capabilities {
  /** Version of ipvsadm, e.g. `1.31`. */
  ipvsadm: string;
  /** Kernel release, e.g. `6.1.0-50-cloud-amd64`. */
  kernel: string;
  /** Which iptables is used per family; null when there is none. */
  iptables: Record<Family, 'nft' | 'legacy' | null>;
  /** 65535 for upstream builds, 2147483647 for Debian's. */
  maxWeight: number;
}

/** Our chain in one family's mangle table. */
export interface ChainState {
  /** Whether the chain exists. */
  present: boolean;
  /** How often PREROUTING jumps to it; 1 is right. */
  jumps: number;
}

/** Connections of one real server. */
export interface ConnectionCount {
  active: number;
  inactive: number;
}

/**
 * So often the kernel brings the counters it shows up to date (ip_vs_est.c: estimation_timer, 2 * HZ; since 6.2 a thread, as
 * often): what is read is as it was up to two seconds ago.
 */
export const STATS_PERIOD_SECONDS = 2;

/** What has passed every service so far, at one moment of the director's own time or {@link STATS_PERIOD_SECONDS} before. */
export interface Stats {
  uptimeSeconds: number;
  /** By service id. */
  services: Record<string, ServiceCounters>;
}

/** What has passed since an entry was made or zeroed; the kernel counts to 2^64. */
export interface Counters {
  connections: bigint;
  inPackets: bigint;
  outPackets: bigint;
  inBytes: bigint;
  outBytes: bigint;
}

/** A service's own counters outlive those of real servers that are gone. */
export interface ServiceCounters extends Counters {
  /** By server key. */
  realServers: Record<string, Counters>;
}

/** Settings of net.ipv4.vs that decide what becomes of connections to a server that goes; null when not known. */
export interface VsSettings {
  /** Ends connections whose real server is gone, instead of dropping their packets. */
  expireNodestConn: boolean | null;
  /** Persistent clients leave a quiescent real server with their next connection. */
  expireQuiescentTemplate: boolean | null;
}

/** A director as it was read: its table, what stands beside it, and what its tools can do. */
export interface LiveDirector {
  /** `marks` holds the rules of our own chain only. */
  table: DirectorTable;
  /** MARK rules of mangle PREROUTING that are not ours but that the model can express. */
  otherMarks: MarkRule[];
  chain: Record<Family, ChainState>;
  capabilities: Capabilities;
  /** By service id, then by server key. */
  connections: Record<string, Record<string, ConnectionCount>>;
  settings: VsSettings;
  records: DirectorRecords;
}

const versionAtLeast = (version: string, wanted: string): boolean => {
  const [major = 0, minor = 0] = version.split('.').map((part) => parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
};

/** First release of ipvsadm (git history) that can both set and list a feature. */
export const FEATURE_SINCE = {
  sctp: '1.28',
  mixedFamily: '1.28',
  syncDaemonOptions: '1.29',
  mhFlags: '1.30',
  tunnelTypes: '1.31',
  /** Not in a release yet: upstream's commit e61c8cd stands after 1.31. */
  highMarks: '1.32',
} as const;

export function supports(capabilities: Capabilities, feature: keyof typeof FEATURE_SINCE): boolean {
  return versionAtLeast(capabilities.ipvsadm, FEATURE_SINCE[feature]);
}

/** Marks from here up are listed as negative numbers by every release up to 1.31, and can't be restored from that. */
export const FIRST_NEGATIVE_MARK = 2147483648;
