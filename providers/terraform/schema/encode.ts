/** Attributes as messages of the protocol. */
import type { Schema, Schema_Object_NestingMode as Nesting, StringKind } from '../wire/generated/tfplugin6';
import type { Attribute, AttributeType } from './attribute';

type Message = NonNullable<NonNullable<Schema['block']>['attributes']>[number];

/** Numbers of the protocol; the generated enums would bring all of gRPC with them. */
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- the enums themselves are not loaded */
const NESTING = { single: 1 as Nesting.SINGLE, list: 2 as Nesting.LIST, map: 4 as Nesting.MAP };
const MARKDOWN = 1 as StringKind.MARKDOWN;
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

export function schemaMessage(attributes: readonly Attribute[], description: string): Schema {
  return {
    version: 0,
    block: {
      version: 0,
      attributes: attributes.map(message),
      description,
      descriptionKind: MARKDOWN,
    },
  };
}

function message({ name, type, mode, description }: Attribute): Message {
  return {
    name,
    description,
    descriptionKind: MARKDOWN,
    required: mode === 'required',
    optional: mode === 'optional' || mode === 'defaulted',
    computed: mode === 'computed' || mode === 'defaulted',
    ...(type.kind === 'nested'
      ? { nestedType: { attributes: type.attributes.map(message), nesting: NESTING[type.nesting] } }
      : { type: typeBytes(type) }),
  };
}

/** A cty type is JSON. */
export function typeBytes(type: Exclude<AttributeType, { kind: 'nested' }>): Buffer {
  return Buffer.from(JSON.stringify(type.kind === 'leaf' ? type.leaf : [type.kind, type.leaf]));
}
