import type { SimDirector } from './index';

/** Schedulers whose modules Debian's kernel 6.1 has; `twos` came later. */
export const SCHEDULERS = [
  'rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh',
] as const; // prettier-ignore

/** How a simulated director is set up, and what goes wrong on it. */
export interface MachineOptions {
  /**
   * What the login may do: `root` logs in as root, `sudo` as a user who may run everything through `sudo -n`, `none`
   * as one who may not. Default `root`, unless `user` says otherwise.
   */
  permission?: 'root' | 'sudo' | 'none';
  /** Login name. Default `root` with that permission, else `ops`; with any other name `permission` is `sudo` by default. */
  user?: string;
  /** `ip_vs`: there is no IPVS at all. Else names of schedulers (or `sip`) whose modules are not there. */
  missingModule?: 'ip_vs' | readonly string[];
  /** Whether the director can resolve its own name; sudo complains each time when it can't. Default `resolved`. */
  ownName?: 'resolved' | 'unresolved';
  /** Default `present`. */
  ipvsadm?: 'present' | 'missing';
  /** Default `nft`, as on Debian 12. */
  iptables?: 'nft' | 'legacy' | 'missing';
  /** MTU by name of the network interfaces. Default `{ lo: 65536, eth0: 1500 }`. */
  interfaces?: Readonly<Record<string, number>>;
  /** Names the director can resolve, beside `localhost`. */
  hosts?: Readonly<Record<string, string>>;
  /** Refuses the n-th changing command (from 1) with a kernel error: `Memory allocation problem`. */
  refuseNth?: number;
  /** Cuts the SSH connection once this many changing commands took effect, also in the middle of a batch. */
  dropAfter?: number;
  /**
   * Lets the network fall silent once this many changing commands took effect: every connection stays open and nothing
   * passes through it any more, while the director goes on with what it was told. Connections made later work.
   */
  silentAfter?: number;
  /**
   * The disk is full from the n-th write of a file in lvsform's folder (from 1), `true` from the start. What is removed
   * later makes room.
   */
  diskFull?: number | boolean;
  /** Whether lvsform's folder is there; who logs in as root can make it. Default `present`. */
  recordsFolder?: 'present' | 'missing';
  /** Names of further processes that run there, `keepalived` for one. They do nothing. */
  processes?: readonly string[];
  /** How long a second of a director's dead man's switches, locks and pauses lasts, in milliseconds. Default 1000. */
  secondMs?: number;
}

export interface SimOptions extends MachineOptions {
  /** How many directors (`lb1`, `lb2` …) or their names. Default 1. */
  directors?: number | readonly string[];
  /** TCP port of the first director, the others follow. Default: any free ones. */
  port?: number;
  /** How long every remote command takes at least, in milliseconds. Default 0. */
  latencyMs?: number;
  /** What stands in a director's table at the start and after `reset()`: lines for `ipvsadm -R`, by director. */
  rules?: Readonly<Record<string, string>>;
  /** Called before every remote command, for tables that change behind one's back. `nth` counts from 1 per director. */
  beforeCommand?: (director: SimDirector, nth: number) => void;
}
