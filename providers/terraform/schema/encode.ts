/** Attributes as messages of the protocol. */
import { type Schema, Schema_Object_NestingMode as Nesting, StringKind } from '../wire/generated/tfplugin6';
import type { Attribute, AttributeType } from './attribute';

type Message = NonNullable<NonNullable<Schema['block']>['attributes']>[number];

const NESTING = { single: Nesting.SINGLE, list: Nesting.LIST, map: Nesting.MAP } as const;

export function schemaMessage(attributes: readonly Attribute[], description: string): Schema {
  return {
    version: 0,
    block: {
      version: 0,
      attributes: attributes.map(message),
      description,
      descriptionKind: StringKind.MARKDOWN,
    },
  };
}

function message({ name, type, mode, description }: Attribute): Message {
  return {
    name,
    description,
    descriptionKind: StringKind.MARKDOWN,
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
