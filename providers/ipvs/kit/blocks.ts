/** The two forms of a fleet's resource: one block with `for_each`, or one block for each director. */
import { createHash } from 'node:crypto';
import { isPlainObject } from '../../../lib/model';
import type { EachDirector } from './each-director';
import { withDirector } from './each-key';

/** The name of one director's block. Nothing of a rollout is in it: whoever moves to another wave keeps its address. */
export function blockName(name: string, director: string): string {
  // All that a director's name may hold and an identifier of Terraform may not is the dot.
  const readable = director.replaceAll('.', '-');
  if (readable === director) return `${name}_${director}`;
  return `${name}_${readable}_${createHash('sha256').update(director).digest('hex').slice(0, 8)}`;
}

interface Resource {
  type: string;
  name: string;
  each: EachDirector;
  /** Addresses that the block of one director depends on. */
  needs: (director: string) => readonly string[];
}

/** What cdktf makes of a resource, in the form that its fleet has. */
export function inForm(json: unknown, resource: Resource): unknown {
  const { type, name, each } = resource;
  const typed = isPlainObject(json) && isPlainObject(json['resource']) ? json['resource'][type] : undefined;
  const body = isPlainObject(typed) ? typed[name] : undefined;
  if (!isPlainObject(json) || !isPlainObject(body)) return json;
  const form =
    each.form.blocks === 'together'
      ? json
      : {
          ...json,
          resource: {
            [type]: Object.fromEntries(
              each.names.map((director) => [
                blockName(name, director),
                blockOf(body, director, resource.needs(director)),
              ]),
            ),
          },
        };
  return each.form.moved ? { ...form, moved: movedBlocks(resource) } : form;
}

function blockOf(body: Record<string, unknown>, director: string, needs: readonly string[]): unknown {
  const { for_each: _forEach, depends_on: _dependsOn, lifecycle, ...rest } = body;
  return {
    ...(namedDirector(rest, director) as object),
    // Else a service that gets another address would go from every later wave before the first one is even tried:
    // Terraform destroys in the opposite order, and all of it before what is made in its place.
    lifecycle: { create_before_destroy: true, ...(isPlainObject(lifecycle) ? lifecycle : {}) },
    ...(needs.length === 0 ? {} : { depends_on: [...needs] }),
  };
}

/** The director's name wherever `for_each` would put it. */
function namedDirector(value: unknown, director: string): unknown {
  if (typeof value === 'string') return withDirector(value, director);
  if (Array.isArray(value)) return value.map((item) => namedDirector(item, director));
  // Tokens of cdktf are objects with a class of their own.
  if (!isPlainObject(value) || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, namedDirector(item, director)]));
}

function movedBlocks({ type, name, each }: Resource): { from: string; to: string }[] {
  return each.names.map((director) => {
    const shared = `${type}.${name}[${JSON.stringify(director)}]`;
    const own = `${type}.${blockName(name, director)}`;
    return each.form.blocks === 'apart' ? { from: shared, to: own } : { from: own, to: shared };
  });
}
