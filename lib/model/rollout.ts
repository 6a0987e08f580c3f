/** How a change reaches a fleet: in which waves, what stops it, and what happens then. */
import { z } from 'zod';
import type { Director } from './director';
import { type Issue, shown } from './issue';

/** A number of directors, or a share of the fleet: `'10'`, `'25%'`. */
export const Amount = z
  .union([z.int(), z.string()], {
    error: (issue) => `${shown(issue.input)} is neither a number of directors nor a share such as '25%'`,
  })
  .transform(String)
  .pipe(
    z.string().regex(/^(?:\d+|(?:\d{1,2}|100)%)$/, {
      error: (issue) => `${shown(issue.input)} is neither a number of directors nor a share such as '25%'`,
    }),
  );

const seconds = (most: number) =>
  z
    .int({ error: (issue) => `${shown(issue.input)} is not a whole number of seconds` })
    .min(0, { error: (issue) => `${shown(issue.input)} is less than 0 seconds` })
    .max(most, { error: (issue) => `${shown(issue.input)} is more than ${most} seconds` });

/** One part of a rollout; exactly one of its fields is given. */
export const RolloutPart = z.object({
  directors: z.array(z.string()).optional().meta({ description: 'Names of directors that make one wave.' }),
  tags: z
    .record(z.string(), z.string())
    .optional()
    .meta({ description: 'One wave of all directors with these tags that are in no wave before.' }),
  batch: Amount.optional().meta({ description: 'Everything that is left, in waves of this size.' }),
});
export type RolloutPart = z.output<typeof RolloutPart>;

/** Directors have to take new connections as they did before their wave. */
export const ConnectionsCheck = z.object({
  atLeast: z
    .string()
    .regex(/^[1-9]\d?%$/, {
      error: (issue) => `${shown(issue.input)} is not a share between '1%' and '99%'`,
    })
    .meta({
      description:
        "Of its connections per second before the wave a director has to take this share: '80%'; between 1% and 99%.",
    }),
  minConnections: z
    .int({ error: (issue) => `${shown(issue.input)} is not a whole number of connections` })
    .min(1, { error: (issue) => `${shown(issue.input)} is less than 1 connection` })
    .optional()
    .meta({
      description:
        'A director that took fewer connections than this while they were counted before the wave is not judged. Default: as many as it takes for chance not to look like a loss (80 for 50%, 656 for 80%, 2896 for 90%).',
    }),
  windowSeconds: seconds(3600)
    .min(1, { error: (issue) => `${shown(issue.input)} is less than 1 second` })
    .default(10)
    .meta({
      description: 'For so many seconds connections are counted, once before a wave and once after its pause.',
    }),
});
export type ConnectionsCheck = z.output<typeof ConnectionsCheck>;

/** What has to hold after a wave, before the next one starts. All that is given has to. */
export const RolloutCheck = z.object({
  command: z.string().min(1).optional().meta({
    description: 'Exits with 0; run by the shell of the machine that runs lvsform, and only with --allow-exec.',
  }),
  url: z
    .url({ protocol: /^https?$/, error: (issue) => `${shown(issue.input)} is not an http or https URL` })
    .optional()
    .meta({ description: 'Answers with a status from 200 to 399.' }),
  connectionsPerSecond: ConnectionsCheck.optional().meta({
    description: 'Directors of the wave take as many connections as before.',
  }),
  timeoutSeconds: seconds(3600).min(1).default(10).meta({ description: 'Seconds that command and url may take.' }),
});
export type RolloutCheck = z.output<typeof RolloutCheck>;

export const ON_FAILURE = ['stop', 'rollback-batch', 'rollback-all'] as const;

export const RolloutSettings = z.object({
  waves: z.array(RolloutPart).meta({ description: 'The waves, in order.' }),
  maxFailures: Amount.default('0').meta({
    description: 'Go on while no more than this many directors have failed.',
  }),
  minServing: Amount.default('0').meta({
    description: 'So many directors are never in the middle of a change or failed.',
  }),
  pauseSeconds: seconds(86_400).default(0).meta({ description: 'Seconds between a wave and its check.' }),
  check: RolloutCheck.optional().meta({ description: 'What has to hold after each wave.' }),
  onFailure: z
    .enum(ON_FAILURE, { error: (issue) => `${shown(issue.input)} is not one of ${ON_FAILURE.join(', ')}` })
    .default('stop')
    .meta({
      description: 'What becomes of directors that were changed before the run stopped: stop leaves them changed.',
    }),
});
export type RolloutSettings = z.output<typeof RolloutSettings>;

/** A rollout with its waves and amounts worked out: part of a stack, and of a plan file. */
export const DesiredRollout = z.strictObject({
  /** Id of the fleet. */
  fleet: z.string(),
  /** Names of directors, wave by wave. */
  waves: z.array(z.array(z.string())),
  /** Directors that can be out of service or fail are counted among this many. */
  size: z.int().min(0),
  maxFailures: z.int().min(0),
  minServing: z.int().min(0),
  pauseSeconds: z.int().min(0),
  check: RolloutCheck.exactOptional(),
  onFailure: z.enum(ON_FAILURE),
});
export type DesiredRollout = z.output<typeof DesiredRollout>;

/**
 * Trigger of a `null_resource` that stands between two waves of a rollout, for Terraform; its value is the fleet. lvsform
 * has the rollout itself, so to it such a gate says nothing.
 */
export const ROLLOUT_TRIGGER = 'lvsform_rollout';

/** An amount of `size` directors, as a number of them. */
export function amountOf(amount: string, size: number, round: 'up' | 'down'): number {
  if (!amount.endsWith('%')) return Number(amount);
  const share = (Number(amount.slice(0, -1)) * size) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

/**
 * Works out who is in which wave. Failures are rounded down and what has to serve is rounded up, so that a share is never
 * exceeded; a batch has at least one director.
 *
 * @param directors all of the fleet, in the order of the program
 */
export function resolveRollout(
  fleet: string,
  settings: RolloutSettings,
  directors: readonly Pick<Director, 'name' | 'tags'>[],
): { rollout: DesiredRollout; issues: Issue[] } {
  const issues: Issue[] = [];
  const size = directors.length;
  const left = new Map(directors.map((director) => [director.name, director]));
  const known = new Set(left.keys());
  const waves: string[][] = [];
  const take = (names: readonly string[]): void => {
    for (const name of names) left.delete(name);
    if (names.length > 0) waves.push([...names]);
  };
  for (const [at, part] of settings.waves.entries()) {
    const path = ['waves', at];
    const given = Object.values(part).filter((field) => field !== undefined).length;
    if (given !== 1) {
      issues.push({ path, message: 'needs exactly one of directors, tags and batch' });
    } else if (part.directors !== undefined) {
      for (const [nth, name] of part.directors.entries()) {
        if (!known.has(name)) issues.push({ path, message: `'${name}' is not a director of this fleet` });
        else if (!left.has(name) || part.directors.indexOf(name) < nth)
          issues.push({ path, message: `'${name}' is in two waves` });
      }
      if (part.directors.length === 0) issues.push({ path, message: 'a wave needs at least one director' });
      take(part.directors);
    } else if (part.tags !== undefined) {
      const tags = Object.entries(part.tags);
      const tagged = [...left.values()].filter((one) => tags.every(([name, value]) => one.tags?.[name] === value));
      if (tagged.length === 0)
        issues.push({
          path,
          message: `no director that is left has the tags ${tags.map((tag) => tag.join('=')).join(', ')}`,
        });
      take(tagged.map(({ name }) => name));
    } else if (part.batch !== undefined) {
      if (/^0+%?$/.test(part.batch)) issues.push({ path, message: 'a batch needs at least one director' });
      const batch = Math.max(1, amountOf(part.batch, size, 'up'));
      for (let names = [...left.keys()]; names.length > 0; names = [...left.keys()]) take(names.slice(0, batch));
    }
  }
  if (left.size > 0)
    issues.push({
      path: ['waves'],
      message: `leaves out ${[...left.keys()].join(', ')}`,
      hint: "end it with .batches('25%') or .rest()",
    });
  const minServing = amountOf(settings.minServing, size, 'up');
  if (minServing >= size && size > 0)
    issues.push({
      path: ['minServing'],
      message: `${settings.minServing} of ${size} leaves no director that could be changed`,
    });
  return {
    rollout: {
      fleet,
      waves,
      size,
      minServing,
      maxFailures: amountOf(settings.maxFailures, size, 'down'),
      pauseSeconds: settings.pauseSeconds,
      onFailure: settings.onFailure,
      ...(settings.check === undefined ? {} : { check: settings.check }),
    },
    issues,
  };
}

/** A rollout for some of its directors only; the others count as serving. */
export function narrowRollout(rollout: DesiredRollout, names: ReadonlySet<string>): DesiredRollout {
  const waves = rollout.waves.map((wave) => wave.filter((name) => names.has(name))).filter((wave) => wave.length > 0);
  return { ...rollout, waves };
}

/** What one of several runs at once may use up: together they never exceed what the whole rollout allows. */
export function shareRollout(rollout: DesiredRollout, shard: number, shards: number): DesiredRollout {
  const share = (total: number): number => Math.floor(total / shards) + (shard <= total % shards ? 1 : 0);
  const spare = share(rollout.size - rollout.minServing);
  return { ...rollout, maxFailures: share(rollout.maxFailures), minServing: rollout.size - spare };
}
