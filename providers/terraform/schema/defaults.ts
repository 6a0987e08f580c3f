import { Unknown, type Value, type Values } from '../wire/value';
import type { Attribute, AttributeType } from './attribute';

/** What the user wrote, with a value for everything that has a default. Nothing the user wrote is changed. */
export function withDefaults(config: Values, attributes: readonly Attribute[]): Values {
  return Object.fromEntries(
    attributes.map((attribute) => [attribute.name, fill(config[attribute.name] ?? null, attribute)]),
  );
}

function fill(value: Value, { type, mode, fallback }: Attribute): Value {
  if (value === null) return mode === 'defaulted' ? structuredClone(fallback as Value) : null;
  return value instanceof Unknown ? value : inner(value, type);
}

function inner(value: Value, type: AttributeType): Value {
  if (type.kind !== 'nested') return value;
  const object = (item: Value): Value =>
    item === null || item instanceof Unknown ? item : withDefaults(item as Values, type.attributes);
  if (type.nesting === 'single') return object(value);
  if (Array.isArray(value)) return value.map(object);
  return Object.fromEntries(Object.entries(value as Values).map(([key, item]) => [key, object(item)]));
}
