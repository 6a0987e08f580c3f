import { z } from 'zod';

/** Flags of the schedulers that name theirs, in the order of their kernel bits (IP_VS_SVC_F_SCHED1, 2, 3). */
const NAMED_FLAGS: ReadonlyMap<string, readonly string[]> = new Map([
  ['sh', ['sh-fallback', 'sh-port']],
  ['mh', ['mh-fallback', 'mh-port']],
]);
const GENERIC_FLAGS = ['flag-1', 'flag-2', 'flag-3'] as const;

/** Schedulers of the mainline kernel (net/netfilter/ipvs); others need `Scheduler.of`. */
export const KNOWN_SCHEDULERS = [
  'rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh', 'twos',
] as const; // prettier-ignore

/** Scheduler name as the kernel knows it; IP_VS_SCHEDNAME_MAXLEN leaves 15 characters. */
export const SchedulerName = z
  .string({ error: 'expected the name of a scheduler such as wrr' })
  .regex(/^[a-z][a-z0-9_-]{0,14}$/, {
    error: (issue) => `'${String(issue.input)}' is not a scheduler name: 1 to 15 of a-z 0-9 _ -`,
  });

/** One scheduler flag: `sh-fallback`, `sh-port`, `mh-fallback`, `mh-port`, or `flag-1`, `flag-2`, `flag-3` for other schedulers. */
export const SchedulerFlag = z.enum(
  ['sh-fallback', 'sh-port', 'mh-fallback', 'mh-port', 'flag-1', 'flag-2', 'flag-3'],
  {
    error: (issue) =>
      `'${String(issue.input)}' is not a scheduler flag (sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3)`,
  },
);
export type SchedulerFlag = z.output<typeof SchedulerFlag>;

/**
 * Flags in kernel bit order, each under the name its scheduler gives it: ipvsadm before 1.30 lists `mh-port` as
 * `flag-2`, and `-b flag-1` on an `sh` service is `sh-fallback`.
 */
export function canonicalFlags(scheduler: string, flags: readonly string[]): SchedulerFlag[] {
  const names = NAMED_FLAGS.get(scheduler) ?? [];
  const bits = new Set(flags.map((flag) => flagBit(scheduler, flag)));
  return [...bits]
    .filter((bit) => bit >= 0)
    .sort()
    .map((bit) => (names[bit] ?? GENERIC_FLAGS[bit]) as SchedulerFlag);
}

/** Which of the three kernel bits a flag sets; -1 when this scheduler has no such flag. */
export function flagBit(scheduler: string, flag: string): number {
  const generic = GENERIC_FLAGS.indexOf(flag as (typeof GENERIC_FLAGS)[number]);
  return generic >= 0 ? generic : (NAMED_FLAGS.get(scheduler) ?? []).indexOf(flag);
}

/** What is wrong with these flags for this scheduler, in words; empty when nothing is. */
export function flagProblems(scheduler: string, flags: readonly string[]): string[] {
  return flags.flatMap((flag) => {
    if (flagBit(scheduler, flag) < 0) return [`scheduler ${scheduler} has no flag ${flag}`];
    // ipvsadm 1.30 and later print nothing at all for it: such a service could not be read back.
    if (flag === 'flag-3' && NAMED_FLAGS.has(scheduler))
      return [`scheduler ${scheduler} does not use flag-3, and ipvsadm can't list it`];
    return [];
  });
}
