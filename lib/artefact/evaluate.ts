import { isPlainObject } from '../model';
import { type Expression, parseTemplate, Unresolvable } from './expression';

/** Gives the value a reference stands for. @throws Unresolvable */
export type Lookup = (root: string, steps: readonly (string | number)[]) => unknown;

/** A value that can't be evaluated, and where in the block it is. */
export interface Problem {
  path: (string | number)[];
  message: string;
}

/** Replaces every expression inside a JSON value. Those that can't be evaluated are reported and left out. */
export function evaluate(value: unknown, lookup: Lookup, problems: Problem[], path: Problem['path'] = []): unknown {
  if (typeof value === 'string') return attempt(value, lookup, problems, path);
  if (Array.isArray(value)) return value.map((item, index) => evaluate(item, lookup, problems, [...path, index]));
  if (!isPlainObject(value)) return value;
  // In Terraform JSON the keys of maps are templates too.
  const before = problems.length;
  const entries = Object.entries(value).map(([key, item]): [string, unknown] => [
    String(attempt(key, lookup, problems, path)),
    evaluate(item, lookup, problems, [...path, key]),
  ]);
  const evaluated = Object.fromEntries(entries);
  if (problems.length === before && Object.keys(evaluated).length < entries.length)
    problems.push({ path, message: 'two keys have the same value' });
  return evaluated;
}

function attempt(text: string, lookup: Lookup, problems: Problem[], path: Problem['path']): unknown {
  try {
    return evaluateTemplate(text, lookup);
  } catch (error) {
    if (!(error instanceof Unresolvable)) throw error;
    problems.push({ path, message: `'${text}' can't be evaluated: ${error.message}` });
    return undefined;
  }
}

/** A template of one expression keeps its type; several parts make text. @throws Unresolvable */
export function evaluateTemplate(text: string, lookup: Lookup): unknown {
  if (!text.includes('${') && !text.includes('%{')) return text;
  const parts = parseTemplate(text).map((part) => (typeof part === 'string' ? part : compute(part, lookup)));
  if (parts.length === 1) return parts[0];
  return parts.map(toText).join('');
}

function toText(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Unresolvable('only text, numbers and booleans can stand inside of text');
}

function compute(expression: Expression, lookup: Lookup): unknown {
  switch (expression.kind) {
    case 'literal':
      return expression.value;
    case 'list':
      return expression.items.map((item) => compute(item, lookup));
    case 'set': {
      const names = expression.items.map((item) => toText(compute(item, lookup)));
      return Object.fromEntries(names.map((name) => [name, name]));
    }
    case 'object':
      return Object.fromEntries(
        expression.entries.map(([key, item]) => [toText(compute(key, lookup)), compute(item, lookup)]),
      );
    case 'reference': {
      const steps = expression.steps.map((step) => compute(step, lookup));
      return lookup(
        expression.root,
        steps.map((step) => (typeof step === 'number' ? step : toText(step))),
      );
    }
  }
}

/** The value inside another one at the given steps. @throws Unresolvable when there is none */
export function walk(value: unknown, steps: readonly (string | number)[], name: string): unknown {
  let inner = value;
  let walked = name;
  for (const step of steps) {
    const known = Array.isArray(inner) || isPlainObject(inner) ? Object.entries(inner) : [];
    const entry = known.find(([key]) => key === String(step));
    if (entry === undefined) throw new Unresolvable(`${walked} has no '${step}'`);
    inner = entry[1];
    walked = `${walked}.${step}`;
  }
  return inner;
}
