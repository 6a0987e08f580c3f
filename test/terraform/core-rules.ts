/**
 * What Terraform's core demands of a provider's answers, as strictly as for one that does not excuse itself with
 * legacy_type_system: objchange.AssertPlanValid and AssertObjectCompatible, and the comparison of the two plans of an
 * apply. What core calls "Provider produced invalid plan", "inconsistent final plan" or "inconsistent result after
 * apply" is a line here.
 */
import type { Attribute, AttributeType } from '../../providers/terraform/schema/attribute';
import { holdsUnknown, Unknown, type Value, type Values } from '../../providers/terraform/wire/value';

const isUnknown = (value: Value): boolean => value instanceof Unknown;

/** Equal as core sees it: sets have no order. */
export function same(a: Value, b: Value, type: AttributeType): boolean {
  return text(a, type) === text(b, type);
}

function text(value: Value, type: AttributeType): string {
  if (isUnknown(value)) return '?';
  if (value === null) return 'null';
  if (type.kind === 'leaf') return JSON.stringify(value);
  if (type.kind !== 'nested') {
    const leaf: AttributeType = { kind: 'leaf', leaf: type.leaf };
    if (Array.isArray(value)) {
      const items = value.map((item) => text(item, leaf));
      return `[${(type.kind === 'set' ? items.sort() : items).join()}]`;
    }
    return entries(value).map(([key, item]) => `${key}=${text(item, leaf)}`).sort().join(); // prettier-ignore
  }
  const object = (item: Value): string =>
    isUnknown(item) || item === null
      ? text(item, { kind: 'leaf', leaf: 'string' })
      : type.attributes.map((each) => `${each.name}=${text((item as Values)[each.name] ?? null, each.type)}`).join();
  if (type.nesting === 'single') return `{${object(value)}}`;
  if (Array.isArray(value)) return `[${value.map(object).join('|')}]`;
  return `{${entries(value).map(([key, item]) => `${key}:{${object(item)}}`).sort().join()}}`; // prettier-ignore
}

const entries = (value: Value): [string, Value][] => Object.entries((value ?? {}) as Values);

/** What is wrong with a planned object. */
export function planFaults(
  attributes: readonly Attribute[],
  prior: Values | null,
  config: Values | null,
  planned: Values | null,
  path = '',
): string[] {
  if (config === null) return planned === null ? [] : [`${path} is planned, and not wanted`];
  if (planned === null) return [`${path} is wanted, and not planned`];
  const strange = Object.keys(planned).filter((name) => !attributes.some((each) => each.name === name));
  return [
    ...strange.map((name) => `${path}.${name} is no attribute`),
    ...attributes.flatMap((attribute) => {
      const at = `${path}.${attribute.name}`;
      const of = (values: Values | null): Value => values?.[attribute.name] ?? null;
      return attributeFaults(attribute, of(prior), of(config), of(planned), at);
    }),
  ];
}

function attributeFaults(
  { mode, type }: Attribute,
  prior: Value,
  config: Value,
  planned: Value,
  path: string,
): string[] {
  if (same(planned, config, type)) return [];
  const computed = mode === 'computed' || mode === 'defaulted';
  if (config === null) return computed ? [] : [`${path}: a planned value for an attribute that is not computed`];
  if (prior !== null && same(planned, prior, type)) return [];
  if (type.kind !== 'nested' || isUnknown(config))
    return [
      `${path}: planned ${text(planned, type)}, neither the configured ${text(config, type)} nor the prior value`,
    ];
  if (planned === null || isUnknown(planned)) return [`${path}: planned as a whole ${text(planned, type)}`];
  if (type.nesting === 'single')
    return planFaults(type.attributes, prior as Values | null, config as Values, planned as Values, path);
  const [before, wanted, made] = [new Map(entries(prior)), new Map(entries(config)), new Map(entries(planned))];
  return [...new Set([...wanted.keys(), ...made.keys()])].flatMap((key) => {
    const [from, want, plan] = [before.get(key) ?? null, wanted.get(key) ?? null, made.get(key) ?? null];
    if (isUnknown(want)) return isUnknown(plan) ? [] : [`${path}.${key}: known, and the configuration is not`];
    return planFaults(type.attributes, from as Values | null, want as Values | null, plan as Values | null, `${path}.${key}`); // prettier-ignore
  });
}

/** Where an object that was made, or planned again, breaks what was planned: every known value has to stay. */
export function brokenPromises(
  attributes: readonly Attribute[],
  planned: Values | null,
  actual: Values | null,
  path = '',
): string[] {
  if (planned === null || actual === null)
    return planned === actual ? [] : [`${path} was planned ${planned === null ? 'absent' : 'present'}, and is not`];
  return attributes.flatMap(({ name, type }) => {
    const at = `${path}.${name}`;
    const [promised, is] = [planned[name] ?? null, actual[name] ?? null];
    if (isUnknown(promised) || same(promised, is, type)) return [];
    const broken = `${at} was planned ${text(promised, type)}, and is ${text(is, type)}`;
    if (type.kind !== 'nested' || promised === null || is === null || isUnknown(is)) {
      // An unknown in a set may be any of what is there.
      return type.kind !== 'nested' && type.kind !== 'leaf' && holdsUnknown(promised) && !isUnknown(is) && is !== null ? [] : [broken]; // prettier-ignore
    }
    if (type.nesting === 'single') return brokenPromises(type.attributes, promised as Values, is as Values, at);
    const [want, got] = [new Map(entries(promised)), new Map(entries(is))];
    return [...new Set([...want.keys(), ...got.keys()])].flatMap((key) => {
      const [from, to] = [want.get(key) ?? null, got.get(key) ?? null];
      return isUnknown(from) ? [] : brokenPromises(type.attributes, from as Values | null, to as Values | null, `${at}.${key}`); // prettier-ignore
    });
  });
}

/** What core proposes: what is configured, and the prior value of what the provider may choose. */
export function proposed(attributes: readonly Attribute[], prior: Values | null, config: Values | null): Values | null {
  if (config === null) return null;
  return Object.fromEntries(
    attributes.map(({ name, type, mode }) => {
      const [before, wanted] = [prior?.[name] ?? null, config[name] ?? null];
      const computed = mode === 'computed' || mode === 'defaulted';
      if (wanted === null) return [name, computed ? before : null];
      if (type.kind !== 'nested' || isUnknown(wanted)) return [name, wanted];
      const object = (from: Value, to: Value): Value =>
        isUnknown(to) ? to : proposed(type.attributes, isUnknown(from) ? null : (from as Values | null), to as Values);
      if (type.nesting === 'single') return [name, object(before, wanted)];
      if (Array.isArray(wanted)) return [name, wanted];
      const known = new Map(entries(before));
      return [name, Object.fromEntries(entries(wanted).map(([key, item]) => [key, object(known.get(key) ?? null, item)]))]; // prettier-ignore
    }),
  );
}
