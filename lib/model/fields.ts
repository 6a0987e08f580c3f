/**
 * Reads plain data against a resource schema, field by field, and collects everything that is wrong with it.
 *
 * zod's own `parse` of a whole object will not do: a program's values may still be unresolved references, which no
 * schema accepts, unknown keys would be dropped instead of reported, and the artefact spells fields in snake_case while
 * map keys belong to the user.
 */
import { z } from 'zod';
import type { Issue } from './issue';

export interface ReadOptions {
  /** Values that are not known yet; they are kept as they are. */
  isUnresolved?: (value: unknown) => boolean;
  /** Spelling of field names in the input. Default camelCase. */
  spelling?: 'camelCase' | 'snake_case';
  /** Convert between text, numbers and booleans as Terraform does. Default false. */
  convert?: boolean;
}

export interface Read<T> {
  /** Meaningful when there are no issues and nothing is unresolved. */
  value: T;
  issues: Issue[];
}

/** Reads the fields of an object: defaults applied, addresses canonical, unknown fields reported with the nearest known one. */
export function readFields<S extends z.ZodObject>(
  schema: S,
  input: unknown,
  options: ReadOptions = {},
): Read<z.output<S>> {
  const reader = new Reader(options);
  const value = reader.object(schema, input, []) as z.output<S>;
  return { value, issues: reader.issues };
}

class Reader {
  readonly issues: Issue[] = [];

  constructor(private readonly options: ReadOptions) {}

  object(schema: z.ZodObject, input: unknown, path: Issue['path']): unknown {
    if (!isPlainObject(input)) return this.mismatch(path, 'expected an object', input);
    const names = new Map(Object.keys(schema.shape).map((name) => [this.spell(name), name]));
    for (const key of Object.keys(input)) {
      if (names.has(key) || input[key] === undefined) continue;
      this.issues.push({ path: [...path, key], ...unknownField(key, [...names.keys()]) });
    }
    const value: Record<string, unknown> = {};
    for (const [spelled, name] of names) {
      const fieldSchema = schema.shape[name] as z.ZodType;
      const field = this.field(fieldSchema, input[spelled] ?? undefined, [...path, spelled]);
      if (field !== undefined) value[name] = field;
    }
    return value;
  }

  private field(schema: z.ZodType, input: unknown, path: Issue['path']): unknown {
    if (schema instanceof z.ZodDefault) {
      return this.field(schema.unwrap() as z.ZodType, input === undefined ? schema.def.defaultValue : input, path);
    }
    if (schema instanceof z.ZodOptional) {
      return input === undefined ? undefined : this.field(schema.unwrap() as z.ZodType, input, path);
    }
    if (input === undefined) {
      this.issues.push({ path, message: 'is required' });
      return undefined;
    }
    if (this.options.isUnresolved?.(input) === true) return input;
    if (schema instanceof z.ZodObject) return this.object(schema, input, path);
    if (schema instanceof z.ZodRecord) return this.map(schema.valueType as z.ZodType, input, path);
    if (schema instanceof z.ZodArray) return this.list(schema.element as z.ZodType, input, path);
    return this.leaf(schema, input, path);
  }

  private map(schema: z.ZodType, input: unknown, path: Issue['path']): unknown {
    if (!isPlainObject(input)) return this.mismatch(path, 'expected a map of names to values', input);
    return Object.fromEntries(Object.keys(input).map((key) => [key, this.field(schema, input[key], [...path, key])]));
  }

  private list(schema: z.ZodType, input: unknown, path: Issue['path']): unknown {
    if (!Array.isArray(input)) return this.mismatch(path, 'expected a list', input);
    return input.map((item: unknown, index) => this.field(schema, item, [...path, index]));
  }

  private leaf(schema: z.ZodType, input: unknown, path: Issue['path']): unknown {
    const result = schema.safeParse(this.options.convert === true ? converted(schema, input) : input);
    if (result.success) return result.data;
    for (const issue of result.error.issues) {
      const inner = issue.path.filter((part) => typeof part !== 'symbol');
      this.issues.push({ path: [...path, ...inner], message: issue.message });
    }
    return input;
  }

  private mismatch(path: Issue['path'], message: string, input: unknown): unknown {
    this.issues.push({ path, message });
    return input;
  }

  private spell(name: string): string {
    return this.options.spelling === 'snake_case' ? snakeCase(name) : name;
  }
}

/** A value in the artefact's spelling: field names in snake_case, map keys untouched. */
export function spellFields(schema: z.ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return spellFields(schema.unwrap() as z.ZodType, value);
  }
  if (schema instanceof z.ZodObject && isPlainObject(value)) {
    const entries = Object.entries(value).filter(([, field]) => field !== undefined);
    return Object.fromEntries(
      entries.map(([name, field]) => {
        const fieldSchema = schema.shape[name] as z.ZodType | undefined;
        return [snakeCase(name), fieldSchema === undefined ? field : spellFields(fieldSchema, field)];
      }),
    );
  }
  if (schema instanceof z.ZodRecord && isPlainObject(value)) {
    const item = schema.valueType as z.ZodType;
    return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, spellFields(item, field)]));
  }
  return value;
}

/** An issue's path in the artefact's spelling. */
export function spellPath(schema: z.ZodType, [head, ...tail]: Issue['path']): Issue['path'] {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodOptional) {
    return head === undefined ? [] : spellPath(schema.unwrap() as z.ZodType, [head, ...tail]);
  }
  if (head === undefined) return [];
  if (schema instanceof z.ZodRecord) return [head, ...spellPath(schema.valueType as z.ZodType, tail)];
  if (!(schema instanceof z.ZodObject)) return [head, ...tail];
  const field = schema.shape[head] as z.ZodType | undefined;
  return [snakeCase(String(head)), ...(field === undefined ? tail : spellPath(field, tail))];
}

/** `tcpFinSeconds` to `tcp_fin_seconds`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What to say about a field nobody knows. */
export function unknownField(name: string, known: readonly string[]): Pick<Issue, 'message' | 'hint'> {
  const near = nearest(name, known);
  const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean '${near}'?`;
  return { message: 'is not known here', hint };
}

/** The known name that was probably meant, at most a third of its letters away. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: editDistance(fold(name), fold(candidate)) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

const fold = (name: string): string => name.toLowerCase().replace(/[_-]/g, '');

/** Levenshtein distance with a single row. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Terraform turns `"80"` into 80 and 80 into `"80"` where the schema asks for the other. */
function converted(schema: z.ZodType, input: unknown): unknown {
  if (schema instanceof z.ZodNumber && typeof input === 'string' && /^-?\d+(?:\.\d+)?$/.test(input))
    return Number(input);
  if (schema instanceof z.ZodBoolean && (input === 'true' || input === 'false')) return input === 'true';
  if (schema instanceof z.ZodString && (typeof input === 'number' || typeof input === 'boolean')) return String(input);
  return input;
}
