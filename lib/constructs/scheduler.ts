import { canonicalFlags, flagProblems, SchedulerFlag, SchedulerName } from '../model';
import { refuseValue } from './values';

/** Options of the hashing schedulers `sh` and `mh`. */
export interface HashingOptions {
  /** Another server when the chosen one is unavailable. Default false. */
  fallback?: boolean;
  /** Hash the source port too. Default false. */
  port?: boolean;
}

/** How a virtual service picks a real server for a new connection. See ipvsadm(8), --scheduler. */
export class Scheduler {
  private constructor(
    readonly name: string,
    readonly flags: readonly SchedulerFlag[],
  ) {}

  /** Round robin. */
  static rr(): Scheduler {
    return Scheduler.of('rr');
  }

  /** Weighted round robin. */
  static wrr(): Scheduler {
    return Scheduler.of('wrr');
  }

  /** Least connections. */
  static lc(): Scheduler {
    return Scheduler.of('lc');
  }

  /** Weighted least connections: the default. */
  static wlc(): Scheduler {
    return Scheduler.of('wlc');
  }

  /** Locality-based least connections. */
  static lblc(): Scheduler {
    return Scheduler.of('lblc');
  }

  /** Locality-based least connections with replication. */
  static lblcr(): Scheduler {
    return Scheduler.of('lblcr');
  }

  /** Destination hashing. */
  static dh(): Scheduler {
    return Scheduler.of('dh');
  }

  /** Source hashing. */
  static sh(options: HashingOptions = {}): Scheduler {
    return Scheduler.of('sh', ...hashingFlags('sh', options));
  }

  /** Shortest expected delay. */
  static sed(): Scheduler {
    return Scheduler.of('sed');
  }

  /** Never queue. */
  static nq(): Scheduler {
    return Scheduler.of('nq');
  }

  /** Weighted failover: the heaviest available server. */
  static fo(): Scheduler {
    return Scheduler.of('fo');
  }

  /** Weighted overflow: the heaviest server until it has as many connections as weight. */
  static ovf(): Scheduler {
    return Scheduler.of('ovf');
  }

  /** Maglev hashing; needs kernel 4.18, and ipvsadm 1.30 for its options. */
  static mh(options: HashingOptions = {}): Scheduler {
    return Scheduler.of('mh', ...hashingFlags('mh', options));
  }

  /** Weighted random twos choice; needs kernel 6.4. */
  static twos(): Scheduler {
    return Scheduler.of('twos');
  }

  /** Any scheduler the kernel has, with its flags. @throws ValidationError */
  static of(name: string, ...flags: SchedulerFlag[]): Scheduler {
    const problems = [
      ...(SchedulerName.safeParse(name).error?.issues ?? []).map(({ message }) => message),
      ...flags.flatMap((flag) => (SchedulerFlag.safeParse(flag).error?.issues ?? []).map(({ message }) => message)),
    ];
    const messages = problems.length > 0 ? problems : flagProblems(name, flags);
    refuseValue(
      'Scheduler.of',
      messages.map((message) => ({ path: [], message })),
    );
    return new Scheduler(name, canonicalFlags(name, flags));
  }
}

function hashingFlags(name: 'sh' | 'mh', { fallback = false, port = false }: HashingOptions): SchedulerFlag[] {
  return [...(fallback ? [`${name}-fallback` as const] : []), ...(port ? [`${name}-port` as const] : [])];
}
