import { isPlainObject, unknownField } from '../model';
import type { Reporter } from '../../providers/ipvs';
import { Duration } from './duration';

/**
 * Reports props nobody knows: TypeScript tells most of them, plain JavaScript none.
 *
 * @param elsewhere what to do instead, by the lower-case name of a prop that is no prop here
 * @returns the props; none, when there is no object of them
 */
export function checkProps<T extends object>(
  reporter: Reporter,
  props: T,
  known: readonly string[],
  path: string[] = [],
  elsewhere: ReadonlyMap<string, string> = new Map(),
): T {
  if (!isPlainObject(props)) {
    reporter.error({ path, message: 'expected an object' });
    return {} as T;
  }
  for (const name of Object.keys(props)) {
    if (known.includes(name) || props[name] === undefined) continue;
    const hint = elsewhere.get(name.toLowerCase());
    reporter.error({ path: [...path, name], ...unknownField(name, known), ...(hint === undefined ? {} : { hint }) });
  }
  return props;
}

/** A value made by one of our factories; undefined, and reported, when it is something else. */
export function checkValue<T>(
  reporter: Reporter,
  path: string[],
  value: unknown,
  is: (value: unknown) => value is T,
  example: string,
): T | undefined {
  if (value === undefined || is(value)) return value;
  reporter.error({ path, message: `expected ${example}` });
  return undefined;
}

/** A duration in seconds as a resource's field; nothing when it is left out or something else. */
export function secondsField<N extends string>(
  reporter: Reporter,
  path: string[],
  value: unknown,
  name: N,
): Partial<Record<N, number>> {
  const duration = checkDuration(reporter, path, value);
  if (duration === undefined) return {};
  const field: Partial<Record<N, number>> = {};
  field[name] = duration.toSeconds();
  return field;
}

export function checkDuration(reporter: Reporter, path: string[], value: unknown): Duration | undefined {
  const is = (candidate: unknown): candidate is Duration => candidate instanceof Duration;
  return checkValue(reporter, path, value, is, 'a Duration such as Duration.minutes(5)');
}
