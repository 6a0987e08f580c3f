/** Terraform's view of a schema: attributes with cty types, derived from the zod schemas of the model. */
import { z } from 'zod';
import { snakeCase } from '../../../lib/model';

export type Leaf = 'string' | 'number' | 'bool';

export type AttributeType =
  | { kind: 'leaf'; leaf: Leaf }
  | { kind: 'list' | 'set' | 'map'; leaf: Leaf }
  | { kind: 'nested'; nesting: 'single' | 'list' | 'map'; attributes: readonly Attribute[] };

/** `defaulted`: may be left out, and the provider then knows the value; `computed`: never given by the user. */
export type Mode = 'required' | 'optional' | 'defaulted' | 'computed';

export interface Attribute {
  /** In snake_case. */
  name: string;
  type: AttributeType;
  mode: Mode;
  description: string;
  /** Another value makes another entry. */
  replace?: boolean;
  /** Of a defaulted attribute, in Terraform's form. */
  fallback?: unknown;
}

/** The attributes of a model schema, in its order. */
export function attributesOf(schema: z.ZodObject): Attribute[] {
  return Object.entries(schema.shape).map(([name, field]) => attributeOf(snakeCase(name), field as z.ZodType));
}

function attributeOf(name: string, field: z.ZodType): Attribute {
  const { description = '', replace, unordered = false } = field.meta() ?? {};
  const common = { name, description, ...(replace === true ? { replace } : {}) };
  if (field instanceof z.ZodDefault) {
    const type = typeOf(field.unwrap() as z.ZodType, unordered);
    return { ...common, type, mode: 'defaulted', fallback: field.def.defaultValue };
  }
  if (field instanceof z.ZodOptional) {
    return { ...common, type: typeOf(field.unwrap() as z.ZodType, unordered), mode: 'optional' };
  }
  return { ...common, type: typeOf(field, unordered), mode: 'required' };
}

function typeOf(schema: z.ZodType, unordered: boolean): AttributeType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return typeOf(schema.unwrap() as z.ZodType, unordered);
  if (schema instanceof z.ZodObject) return { kind: 'nested', nesting: 'single', attributes: attributesOf(schema) };
  if (schema instanceof z.ZodRecord) return collection('map', schema.valueType as z.ZodType);
  if (schema instanceof z.ZodArray) return collection(unordered ? 'set' : 'list', schema.element as z.ZodType);
  return { kind: 'leaf', leaf: leafOf(schema) };
}

function collection(kind: 'list' | 'set' | 'map', element: z.ZodType): AttributeType {
  if (!(element instanceof z.ZodObject)) return { kind, leaf: leafOf(element) };
  return { kind: 'nested', nesting: kind === 'map' ? 'map' : 'list', attributes: attributesOf(element) };
}

/** What a user writes for it: the input of transforms, text where text and numbers are both taken. */
function leafOf(schema: z.ZodType): Leaf {
  if (schema instanceof z.ZodPipe) return leafOf(schema.in as z.ZodType);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) return leafOf(schema.unwrap() as z.ZodType);
  if (schema instanceof z.ZodUnion) return 'string';
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat || schema instanceof z.ZodEnum)
    return 'string';
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'bool';
  throw new TypeError(`a schema of kind ${schema.def.type} has no counterpart in Terraform`);
}

/** An attribute that the provider alone sets. */
export function computed(name: string, type: AttributeType, description: string): Attribute {
  return { name, type, mode: 'computed', description };
}

export const TEXT: AttributeType = { kind: 'leaf', leaf: 'string' };

/** The same attributes, all of them set by the provider: what a data source shows. */
export function allComputed(attributes: readonly Attribute[]): Attribute[] {
  return attributes.map(({ name, type, description }) => ({
    name,
    description,
    mode: 'computed',
    type: type.kind === 'nested' ? { ...type, attributes: allComputed(type.attributes) } : type,
  }));
}
