/**
 * Terraform's values in msgpack. What goes out has every attribute of its type and no other; what is not known yet is
 * extension 0. Any extension that comes in is an unknown: a refined one promises more than we need.
 */
import { decode, encode, ExtData, type ExtensionCodecType } from '@msgpack/msgpack';
import type { Attribute, AttributeType } from '../schema/attribute';

/** A value that is only known once something else has been applied. */
export class Unknown {
  static readonly value = new Unknown();
  readonly isUnknown = true;
  toString(): string {
    return '(known after apply)';
  }
}

/** A number that JavaScript can't hold, as core spelled it. */
export class NumberText {
  constructor(readonly text: string) {}
  toString(): string {
    return this.text;
  }
}

export type Value = null | string | number | bigint | boolean | Unknown | NumberText | Value[] | Values;
export interface Values {
  [name: string]: Value;
}

const UNKNOWN = 0;

const codec: ExtensionCodecType<undefined> = {
  tryToEncode: (object) => (object instanceof Unknown ? new ExtData(UNKNOWN, new Uint8Array(1)) : null),
  decode: () => Unknown.value,
};
const options = { extensionCodec: codec, useBigInt64: true } as const;

/** The attributes of an object; null for no object. */
export function decodeObject(bytes: Uint8Array | undefined, attributes: readonly Attribute[]): Values | null {
  if (bytes === undefined || bytes.length === 0) return null;
  const value = decode(bytes, options);
  return value === null ? null : (readObject(value, attributes) as Values);
}

export function encodeObject(value: Values | null, attributes: readonly Attribute[]): Buffer {
  return Buffer.from(encode(value === null ? null : writeObject(value, attributes), options));
}

/** State that core has kept as JSON: fields nobody knows any more are dropped, new ones are null. */
export function fromJson(text: string, attributes: readonly Attribute[]): Values | null {
  const value: unknown = JSON.parse(text);
  return value === null ? null : (readObject(value, attributes) as Values);
}

function readObject(value: unknown, attributes: readonly Attribute[]): Value {
  if (value === null || value === undefined) return null;
  if (value instanceof Unknown) return value;
  const given = value as Record<string, unknown>;
  return Object.fromEntries(attributes.map(({ name, type }) => [name, read(given[name], type)]));
}

function read(value: unknown, type: AttributeType): Value {
  if (value === null || value === undefined) return null;
  if (value instanceof Unknown) return value;
  if (type.kind === 'leaf') return readLeaf(value, type.leaf === 'number');
  const item = (inner: unknown): Value =>
    type.kind === 'nested' ? readObject(inner, type.attributes) : readLeaf(inner, type.leaf === 'number');
  if (type.kind === 'nested' && type.nesting === 'single') return item(value);
  if (Array.isArray(value)) return value.map(item);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, item(inner)]));
}

function readLeaf(value: unknown, number: boolean): Value {
  if (typeof value === 'bigint')
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
  if (number && typeof value === 'string') return new NumberText(value);
  return (value ?? null) as Value;
}

function writeObject(value: Value, attributes: readonly Attribute[]): unknown {
  if (value === null || value instanceof Unknown) return value;
  const given = value as Values;
  return Object.fromEntries(attributes.map(({ name, type }) => [name, write(given[name] ?? null, type)]));
}

function write(value: Value, type: AttributeType): unknown {
  if (value === null || value instanceof Unknown) return value;
  if (value instanceof NumberText) return value.text;
  if (type.kind === 'leaf') return value;
  const item = (inner: Value): unknown => (type.kind === 'nested' ? writeObject(inner, type.attributes) : inner);
  if (type.kind === 'nested' && type.nesting === 'single') return item(value);
  if (Array.isArray(value)) return value.map(item);
  return Object.fromEntries(Object.entries(value as Values).map(([key, inner]) => [key, item(inner)]));
}

/** Whether anything in a value is not known yet. */
export function holdsUnknown(value: Value): boolean {
  if (value instanceof Unknown) return true;
  if (value instanceof NumberText || typeof value !== 'object' || value === null) return false;
  return (Array.isArray(value) ? value : Object.values(value)).some(holdsUnknown);
}
