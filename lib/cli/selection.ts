/** Which stacks and directors a command is about. */
import { createHash } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import {
  type DesiredRollout,
  type DesiredStack,
  type Director,
  narrowRollout,
  shareRollout,
  UsageError,
} from '../model';

export interface SelectionFlags {
  director?: readonly string[];
  /** `name=value`; all have to match. */
  tag?: readonly string[];
  /** One of several runs that share the directors. */
  shard?: Shard;
}

export interface Shard {
  /** From 1. */
  number: number;
  of: number;
}

/** `2/8`. @throws InvalidArgumentError */
export function parseShard(text: string): Shard {
  const [, number = 0, of = 0] = /^(\d{1,4})\/(\d{1,4})$/.exec(text)?.map(Number) ?? [];
  if (number < 1 || number > of) throw new InvalidArgumentError('Expected a part of a whole such as 2/8.');
  return { number, of };
}

/** The shard of a director: by its name alone, so that a fleet that grows moves nobody. From 1. */
export function shardOf(director: string, shards: number): number {
  return (createHash('sha256').update(director).digest().readUInt32BE(0) % shards) + 1;
}

/**
 * Only the stacks and directors that were asked for. Their rollouts are narrowed to them; of a shard, to what it may use.
 *
 * @throws UsageError for a name or a tag that isn't there, and for a shard that could change nobody
 */
export function selectStacks(
  stacks: readonly DesiredStack[],
  names: readonly string[],
  flags: SelectionFlags,
): DesiredStack[] {
  const known = stacks.map(({ stack }) => stack);
  for (const name of names) {
    if (!known.includes(name))
      throw new UsageError('no-such-stack', `there is no stack '${name}'`, {
        hint: `stacks: ${known.join(', ') || 'none'}`,
      });
  }
  const chosen = stacks.filter(({ stack }) => names.length === 0 || names.includes(stack));
  const all = chosen.flatMap((stack) => stack.directors.map(({ director }) => director));
  checkNames(all, flags.director ?? []);
  const tags = (flags.tag ?? []).map((tag) => parseTag(tag, all));
  const { director: wanted = [], shard } = flags;
  if (wanted.length === 0 && tags.length === 0 && shard === undefined) return chosen;
  const isChosen = ({ name, tags: own = {} }: Director): boolean =>
    (wanted.length === 0 || wanted.includes(name)) &&
    tags.every(([tag, value]) => own[tag] === value) &&
    (shard === undefined || shardOf(name, shard.of) === shard.number);
  return chosen
    .map(({ rollouts, ...stack }): DesiredStack => {
      const directors = stack.directors.filter(({ director }) => isChosen(director));
      const left = narrowed(rollouts ?? [], new Set(directors.map(({ director }) => director.name)), shard);
      return { ...stack, directors, ...(left.length === 0 ? {} : { rollouts: left }) };
    })
    .filter((stack) => stack.directors.length > 0);
}

function checkNames(all: readonly Director[], wanted: readonly string[]): void {
  const known = new Set(all.map(({ name }) => name));
  for (const name of wanted) {
    if (!known.has(name))
      throw new UsageError('no-such-director', `there is no director '${name}'`, {
        hint: `directors: ${[...known].join(', ') || 'none'}`,
      });
  }
}

function parseTag(text: string, all: readonly Director[]): [string, string] {
  const at = text.indexOf('=');
  const [tag, value] = [text.slice(0, at), text.slice(at + 1)];
  if (at < 1)
    throw new UsageError('bad-tag', `'${text}' is not a tag and its value`, { hint: 'for example --tag site=fra' });
  if (all.some(({ tags }) => tags?.[tag] === value)) return [tag, value];
  const values = [...new Set(all.flatMap(({ tags }) => tags?.[tag] ?? []))];
  const tags = [...new Set(all.flatMap((director) => Object.keys(director.tags ?? {})))];
  throw new UsageError('no-such-tag', `no director has the tag ${tag}=${value}`, {
    hint: values.length > 0 ? `values of ${tag}: ${values.join(', ')}` : `tags: ${tags.join(', ') || 'none'}`,
  });
}

function narrowed(
  rollouts: readonly DesiredRollout[],
  names: ReadonlySet<string>,
  shard: Shard | undefined,
): DesiredRollout[] {
  return rollouts
    .map((rollout) => narrowRollout(rollout, names))
    .filter(({ waves }) => waves.length > 0)
    .map((rollout) => {
      if (shard === undefined) return rollout;
      const share = shareRollout(rollout, shard.number, shard.of);
      if (share.size > share.minServing) return share;
      throw new UsageError(
        'shard-floor',
        `${rollout.size - rollout.minServing} directors of ${rollout.fleet} may be out of service at once: too few for ${shard.of} shards at the same time`,
        { hint: 'use fewer shards, or a lower minServing' },
      );
    });
}
