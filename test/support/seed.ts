import type fc from 'fast-check';

/** The seed of this run's random tests; LVSFORM_SEED repeats one. Printed, so that a failure can be run again. */
export const SEED = Number(process.env['LVSFORM_SEED'] ?? Date.now() % 2147483647);

/** LVSFORM_THOROUGH=10 tries ten times as many cases, for looking around by hand. */
const THOROUGH = Number(process.env['LVSFORM_THOROUGH'] ?? 1);

/** Settings for one random test. A failure names the seed and the smallest failing case. */
export function runs(numRuns: number): fc.Parameters<unknown> {
  return { numRuns: numRuns * THOROUGH, seed: SEED };
}
