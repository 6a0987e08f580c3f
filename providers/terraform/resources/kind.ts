/** What a resource type of the provider knows about itself. */
import type { z } from 'zod';
import { type Meaning, RESOURCE_TYPES } from '../../../lib/artefact';
import { type Issue, type LiveDirector, readFields, spellPath } from '../../../lib/model';
import { type Attribute, attributesOf, computed, TEXT } from '../schema/attribute';
import { holdsUnknown, Unknown, type Value, type Values } from '../wire/value';

export interface Kind {
  type: string;
  description: string;
  schema: z.ZodObject;
  /** With `id`, which Terraform's resources have and the model's schemas do not. */
  attributes: readonly Attribute[];
  /** The id is the entry's identity: it never changes in place. */
  identified: boolean;
  /** What an import id looks like, without the director. */
  importExample: string;
  /**
   * What a director has of a resource, in the plainest spelling; null when it has nothing.
   *
   * @param state the resource as Terraform knows it
   */
  look: (live: LiveDirector, meaning: Meaning, state: Values) => Values | null;
  /** The same resource as its own values say, in the spelling of `look`. */
  plain: (meaning: Meaning, state: Values) => Values;
  /** The entry with this id. */
  find: (live: LiveDirector, id: string) => Values | null;
  /** Path of a part of the resource that is an entry of its own, by id: a real server. Undefined when it has no such part. */
  part?: (meaning: Meaning, state: Values, id: string) => string[] | undefined;
  /** Ids of all entries of this type. */
  list: (live: LiveDirector) => string[];
}

/** @param importExample what an import id looks like, without the director */
export function kindAttributes(schema: z.ZodObject, importExample: string): Attribute[] {
  return [
    ...attributesOf(schema),
    computed('id', TEXT, `Id with which it is imported, e.g. \`lb1/${importExample}\`.`),
  ];
}

export interface ReadResource {
  /** By field of the model, canonical; fields that are not known yet are {@link Unknown}. */
  fields: Record<string, unknown>;
  /** Undefined while something is not known. */
  meaning: Meaning | undefined;
  /** In Terraform's spelling. */
  issues: Issue[];
}

/** A resource's values against its schema: canonical, and all that is wrong with them. */
export function readResource({ type, schema }: Pick<Kind, 'type' | 'schema'>, values: Values): ReadResource {
  const { id: _id, ...given } = values;
  const isUnresolved = (value: unknown): boolean => value instanceof Unknown;
  const { value, issues } = readFields(schema, given, { spelling: 'snake_case', isUnresolved });
  const fields = value;
  if (issues.length > 0 || holdsUnknown(given)) return { fields, meaning: undefined, issues };
  const meaning = meaningOf(type, value);
  return {
    fields,
    meaning,
    issues: meaning.issues.map((issue) => ({ ...issue, path: spellPath(schema, issue.path) })),
  };
}

function meaningOf(type: string, value: unknown): Meaning {
  const known = RESOURCE_TYPES.get(type);
  if (known === undefined) throw new RangeError(`there is no resource type ${type}`);
  return known.mean(value);
}

/**
 * What the director has, in the user's spelling wherever both mean the same: `2001:DB8::1` stays, and so does a default
 * that was spelled out.
 *
 * @param plainState the state in the spelling of `live`
 */
export function respell(state: Value, plainState: Value, live: Value): Value {
  if (JSON.stringify(plainState) === JSON.stringify(live)) return state;
  if (!isObject(state) || !isObject(plainState) || !isObject(live)) return live;
  return Object.fromEntries(
    Object.entries(live).map(([name, value]) => [name, respell(state[name] ?? null, plainState[name] ?? null, value)]),
  );
}

function isObject(value: Value): value is Values {
  return typeof value === 'object' && value !== null && value.constructor === Object;
}
