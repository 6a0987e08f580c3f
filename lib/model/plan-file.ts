/**
 * The file between a review and an apply: `lvsform plan --out FILE`, `lvsform apply FILE`. It holds the plan, and the
 * wish it was made from, so that the apply needs no program.
 */
import { z } from 'zod';
import { canonicalJson, sha256 } from './canonical';
import { UsageError } from './errors';
import { isPlainObject } from './fields';
import { DirectorPlan, type FailedDirector, isPlanned, Plan } from './plan';
import { Author } from './records';
import { DesiredStack } from './table';

export const PLAN_FILE_FORMAT = 1;

/** What can be said of a plan file that another version wrote. */
const envelope = {
  format: z.literal(PLAN_FILE_FORMAT).meta({ description: 'Grows when the file changes in a way readers notice.' }),
  kind: z.literal('lvsform-plan'),
  id: z.uuid().meta({ description: 'Tells this plan from every other.' }),
  createdAt: z.iso.datetime(),
  tool: z.string().min(1).meta({ description: 'Version of lvsform that made it, and alone may apply it.' }),
  commit: z
    .string()
    .exactOptional()
    .meta({ description: "Commit of the program, with '-dirty' behind it when the folder had other changes." }),
  job: z.string().exactOptional().meta({ description: 'Link to the CI job that made it.' }),
  used: z
    .strictObject({ at: z.iso.datetime(), author: Author })
    .exactOptional()
    .meta({ description: 'When it was applied, and by whom. A plan is used once.' }),
};

export const PlanFile = z.strictObject({
  ...envelope,
  destroy: z.boolean().meta({ description: 'Whether it removes what the stacks declare.' }),
  only: z
    .strictObject({
      stacks: z.array(z.string()),
      directors: z.array(z.string()),
      shard: z.string().exactOptional(),
    })
    .meta({
      description:
        'The stacks and directors that were asked for; empty for all there are. The part of a sharded run, such as 2/8.',
    }),
  allowed: z.array(z.string()).meta({ description: 'Codes of blocking findings that do not stop the apply.' }),
  desiredDigest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'expected a SHA-256 digest, 64 hexadecimal digits' })
    .meta({ description: "SHA-256 over the JSON of 'desired', without blanks and with the fields of objects sorted." }),
  desired: z.array(DesiredStack).meta({ description: 'What the stacks want, as it was read from the program.' }),
  plan: Plan.extend({ directors: z.array(DirectorPlan) }).meta({
    description: 'What was reviewed: changes, steps, findings and fingerprints per director.',
  }),
  reviewDigest: z
    .string()
    .regex(/^[0-9a-f]{64}$/, { error: 'expected a SHA-256 digest, 64 hexadecimal digits' })
    .meta({
      description:
        "The same over the object of all other fields but 'desired', 'desiredDigest', 'tool' and 'used': the plan, and what goes with it.",
    }),
});
export type PlanFile = z.output<typeof PlanFile>;

/** A plan file as far as any version can tell: for `lvsform show` of what another version wrote. */
export const PlanFileHead = z.looseObject({ ...envelope, format: z.number() });
export type PlanFileHead = z.output<typeof PlanFileHead>;

/** Digest of what stacks want: equal for equal programs, whoever synthesised them. */
export function desiredDigest(desired: readonly DesiredStack[]): string {
  return sha256(desired);
}

const UNREVIEWED = ['desired', 'desiredDigest', 'tool', 'used', 'reviewDigest'];

/** Digest of what was reviewed. What stacks want has its own; `used` comes later, and `tool` is compared by itself. */
export function reviewDigest(file: Omit<PlanFile, 'reviewDigest'>): string {
  const reviewed = Object.fromEntries(Object.entries(file).filter(([field]) => !UNREVIEWED.includes(field)));
  return sha256(reviewed);
}

/** What shows that a plan file was edited, in words. */
export function signsOfEditing(file: PlanFile): string[] {
  const signs: string[] = [];
  if (desiredDigest(file.desired) !== file.desiredDigest || reviewDigest(file) !== file.reviewDigest)
    signs.push('it was edited: its digest is not that of what it holds');
  const wanted = file.desired.flatMap(({ stack, directors }) =>
    directors.map((one) => `${stack}/${one.director.name}`),
  );
  const planned = file.plan.directors.map(({ stack, director }) => `${stack}/${director}`);
  // What is wanted is what would be applied, and what is planned is what a reviewer sees.
  const unseen = wanted.filter((name) => !planned.includes(name));
  const unwanted = planned.filter((name) => !wanted.includes(name));
  if (unseen.length > 0)
    signs.push(`it was edited: it wants something of ${unseen.join(', ')}, and has no plan for that`);
  if (unwanted.length > 0) signs.push(`it was edited: it plans for ${unwanted.join(', ')}, and wants nothing of that`);
  return signs;
}

/** What a new plan file is made of. */
export type NewPlanFile = Omit<PlanFile, 'format' | 'kind' | 'desiredDigest' | 'reviewDigest' | 'plan' | 'used'> & {
  plan: Plan;
};

/**
 * A plan as a file. @throws UsageError `not-planned` when a director could not be planned, `secret` when a field of the
 * program holds a private key
 */
export function makePlanFile(content: NewPlanFile): PlanFile {
  const failed = content.plan.directors.filter((entry): entry is FailedDirector => !isPlanned(entry));
  if (failed.length > 0) {
    const names = failed.map(({ director }) => director).join(', ');
    throw new UsageError('not-planned', `no plan file is written, because ${names} could not be planned`, {
      hint: 'mend it, or choose directors with --director',
    });
  }
  const { plan, desired } = content;
  const whole: Omit<PlanFile, 'reviewDigest'> = {
    ...content,
    format: PLAN_FILE_FORMAT,
    kind: 'lvsform-plan',
    desiredDigest: desiredDigest(desired),
    plan: { ...plan, directors: plan.directors.filter(isPlanned) },
  };
  const file: PlanFile = { ...whole, reviewDigest: reviewDigest(whole) };
  const secrets = privateKeys(file, '');
  if (secrets.length > 0)
    throw new UsageError(
      'secret',
      `no plan file is written, because it would hold a private key: ${secrets.join(', ')}`,
      {
        hint: 'identityFile takes the name of a file, not what is in it',
      },
    );
  return file;
}

/** Dotted paths of fields that hold a private key. */
function privateKeys(value: unknown, path: string): string[] {
  if (typeof value === 'string') return /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => privateKeys(inner, path === '' ? name : `${path}.${name}`));
}

/** So many problems of a file are told; one wrong field can make hundreds. */
const TOLD_PROBLEMS = 10;

/**
 * Reads a plan file's JSON, strictly: an unknown field is a problem too. Whether the plan may still be applied is
 * another question.
 *
 * @param name what messages call the file
 * @throws UsageError `not-a-plan-file`, `plan-file-format` or `bad-plan-file`, with every problem by field
 */
export function parsePlanFile(data: unknown, name: string): PlanFile {
  if (!isPlainObject(data) || data['kind'] !== 'lvsform-plan')
    throw new UsageError('not-a-plan-file', `${name} is not a plan file`, {
      hint: 'lvsform plan --out FILE writes one',
    });
  const format = data['format'];
  if (format !== PLAN_FILE_FORMAT)
    throw new UsageError(
      'plan-file-format',
      `${name} has format ${format === undefined ? 'none' : JSON.stringify(format)}, and this version of lvsform reads format ${PLAN_FILE_FORMAT}`,
      { hint: 'use the version of lvsform that made it, or plan again' },
    );
  const parsed = PlanFile.safeParse(data);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => `    ${path.join('.') || 'the file'}: ${message}`);
  const more = problems.length > TOLD_PROBLEMS ? [`    and ${problems.length - TOLD_PROBLEMS} more`] : [];
  const lines = [...problems.slice(0, TOLD_PROBLEMS), ...more].join('\n');
  throw new UsageError('bad-plan-file', `${name} is not as lvsform writes plan files:\n${lines}`, {
    hint: 'it was edited, or cut off; plan again',
  });
}

/** Something that is not as it was when a plan was made. */
export interface Moved {
  stack: string;
  director: string;
  /** Id of the entry; undefined when no entry differs and yet the steps would. */
  id?: string;
}

/**
 * What moved between a plan and one made later from the same wish: entries the plan touches, and entries it would touch
 * now. Whatever else changed on a director does not matter.
 */
export function movedSince(before: Plan, now: Plan): Moved[] {
  return before.directors.filter(isPlanned).flatMap((planned): Moved[] => {
    const { stack, director } = planned;
    const again = now.directors.find((entry) => entry.stack === stack && entry.director === director);
    if (again === undefined || !isPlanned(again)) return [{ stack, director }];
    const name = (ids: string[]): Moved[] =>
      ids.sort().map((id) => ({ stack, director, id: withoutDirector(id, director) }));
    const entries = differingKeys(planned.fingerprints, again.fingerprints);
    if (entries.length > 0) return name(entries);
    if (stepsOf(planned) === stepsOf(again)) return [];
    const changes = differingKeys(changesById(planned), changesById(again));
    return changes.length > 0 ? name(changes) : [{ stack, director }];
  });
}

/** What would run. How it would be undone may differ: weights that belong to somebody else are put back as they are now. */
function stepsOf({ steps }: DirectorPlan): string {
  return canonicalJson(steps.map(({ undo: _, ...step }) => step));
}

function withoutDirector(id: string, director: string): string {
  return id.startsWith(`${director}/`) ? id.slice(director.length + 1) : id;
}

function changesById({ changes }: DirectorPlan): Record<string, string> {
  return Object.fromEntries(changes.map((change) => [change.id, canonicalJson(change)]));
}

function differingKeys(before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]);
}
