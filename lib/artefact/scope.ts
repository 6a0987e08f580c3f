/** Finds what references stand for: variables, locals, and what other blocks of the same file say. */
import { isPlainObject, readFields, spellFields } from '../model';
import type { Block, Document } from './document';
import { evaluate, type Lookup, type Problem, walk } from './evaluate';
import { Unresolvable } from './expression';
import { RESOURCE_TYPES } from './resource-types';

/** Arguments that belong to Terraform rather than to the resource. */
export const META_ARGUMENTS = [
  '//',
  'for_each',
  'count',
  'depends_on',
  'lifecycle',
  'provider',
  'provisioner',
  'connection',
];

/** One resource: a block without `for_each` is one, with it one per key. */
export interface Instance {
  block: Block;
  /** Key and value of `for_each`. */
  each?: { key: string; value: unknown };
}

const ROOTS_OF_TERRAFORM = ['data', 'module', 'path', 'terraform', 'self', 'count', 'ephemeral'];

export class Scope {
  private readonly blocks: ReadonlyMap<string, Block>;
  private readonly expanded = new Map<Block, Instance[]>();
  /** References being followed, to tell a cycle. */
  private readonly following = new Set<string>();

  constructor(private readonly document: Document) {
    this.blocks = new Map(document.resources.map((block) => [block.address, block]));
  }

  /** The instances of a block; what is wrong with its `for_each` goes to `problems`. */
  expand(block: Block, problems: Problem[]): Instance[] {
    const known = this.expanded.get(block);
    if (known !== undefined) return known;
    const instances = this.instances(block, problems);
    if (problems.length === 0) this.expanded.set(block, instances);
    return instances;
  }

  /** The resource's own arguments, evaluated. */
  attributes(instance: Instance, problems: Problem[]): Record<string, unknown> {
    const lookup = this.lookup(instance);
    const own = Object.entries(instance.block.body).filter(([name]) => !META_ARGUMENTS.includes(name));
    return Object.fromEntries(own.map(([name, value]) => [name, evaluate(value, lookup, problems, [name])]));
  }

  /** The director of an instance, when the rest of its block is known to be right. */
  directorOf(instance: Instance): string {
    return String(evaluate(instance.block.body['director'], this.lookup(instance), []));
  }

  /** What references stand for in this place: `each` only means something inside of an instance. */
  lookup(instance?: Instance): Lookup {
    return (root, steps) => {
      const [first, ...rest] = steps;
      const name = [root, ...steps].join('.');
      if (root === 'each') return this.each(instance, first, rest);
      if (root === 'var')
        return this.once(`var.${first ?? ''}`, () => walk(this.variable(String(first)), rest, `var.${first ?? ''}`));
      if (root === 'local')
        return this.once(`local.${first ?? ''}`, () => walk(this.local(String(first)), rest, `local.${first ?? ''}`));
      if (ROOTS_OF_TERRAFORM.includes(root)) throw new Unresolvable(`only Terraform knows ${name}`);
      if (first === undefined)
        throw new Unresolvable(`'${root}' alone is no reference; the characters \${ themselves are written $\${`);
      const block = this.blocks.get(`${root}.${first}`);
      if (block === undefined) throw new Unresolvable(`there is no ${root}.${first} in this stack`);
      return this.once(name, () => this.attribute(block, rest));
    };
  }

  private instances(block: Block, problems: Problem[]): Instance[] {
    const forEach = block.body['for_each'];
    if (forEach === undefined) return [{ block }];
    const before = problems.length;
    const map = evaluate(forEach, this.lookup(), problems, ['for_each']);
    if (problems.length > before) return [];
    if (!isPlainObject(map)) {
      problems.push({ path: ['for_each'], message: 'expected a map, or a set such as ${toset(["lb1"])}' });
      return [];
    }
    return Object.entries(map).map(([key, value]) => ({ block, each: { key, value } }));
  }

  private each(
    instance: Instance | undefined,
    what: string | number | undefined,
    steps: readonly (string | number)[],
  ): unknown {
    const each = instance?.each;
    if (each === undefined) throw new Unresolvable('each is only known in a resource with for_each');
    if (what === 'key' && steps.length === 0) return each.key;
    if (what === 'value') return walk(each.value, steps, 'each.value');
    throw new Unresolvable(`each has no '${what ?? ''}': use each.key or each.value`);
  }

  private variable(name: string): unknown {
    const variable = this.document.variables.get(name);
    if (!isPlainObject(variable)) throw new Unresolvable(`there is no variable '${name}'`);
    if (variable['default'] === undefined) throw new Unresolvable(`variable '${name}' has no default`);
    return variable['default'];
  }

  private local(name: string): unknown {
    if (!this.document.locals.has(name)) throw new Unresolvable(`there is no local '${name}'`);
    return this.settled(this.document.locals.get(name), this.lookup());
  }

  private attribute(block: Block, steps: readonly (string | number)[]): unknown {
    const type = RESOURCE_TYPES.get(block.type);
    if (type === undefined) throw new Unresolvable(`only Terraform knows the attributes of ${block.address}`);
    const [instance, name, rest] = this.pick(block, steps);
    if (name === 'id') return this.idOf(instance);
    const raw = block.body[name];
    if (raw !== undefined && !META_ARGUMENTS.includes(name)) {
      return walk(this.settled(raw, this.lookup(instance)), rest, `${block.address}.${name}`);
    }
    const defaults = spellFields(type.schema, readFields(type.schema, {}, { spelling: 'snake_case' }).value);
    return walk(defaults, [name, ...rest], block.address);
  }

  /** Which instance of a block a reference means, and which of its attributes. */
  private pick(block: Block, steps: readonly (string | number)[]): [Instance, string, (string | number)[]] {
    const problems: Problem[] = [];
    const instances = this.expand(block, problems);
    if (problems[0] !== undefined) throw new Unresolvable(problems[0].message);
    const [first, ...rest] = steps;
    const keyed = block.body['for_each'] !== undefined;
    const instance = keyed ? instances.find(({ each }) => each?.key === String(first)) : instances[0];
    if (instance === undefined)
      throw new Unresolvable(`${block.address} has for_each: name one, as in ${block.address}["key"]`);
    const [name, ...inner] = keyed ? rest : [first, ...rest];
    if (name === undefined)
      throw new Unresolvable(`a reference to all of ${block.address} is not evaluated: name an attribute`);
    return [instance, String(name), inner.filter((step) => step !== undefined)];
  }

  private idOf(instance: Instance): string {
    const { block } = instance;
    const type = RESOURCE_TYPES.get(block.type);
    const problems: Problem[] = [];
    const attributes = this.attributes(instance, problems);
    if (type === undefined || problems[0] !== undefined) throw new Unresolvable(problems[0]?.message ?? block.address);
    const { value, issues } = readFields(type.schema, attributes, { spelling: 'snake_case', convert: true });
    if (issues.length > 0) throw new Unresolvable(`${block.address} is not valid`);
    return `${String(attributes['director'])}/${type.mean(value).id}`;
  }

  private settled(value: unknown, lookup: Lookup): unknown {
    const problems: Problem[] = [];
    const settled = evaluate(value, lookup, problems);
    if (problems[0] !== undefined) throw new Unresolvable(problems[0].message);
    return settled;
  }

  private once<T>(name: string, follow: () => T): T {
    if (this.following.has(name)) throw new Unresolvable(`${name} refers to itself`);
    this.following.add(name);
    try {
      return follow();
    } finally {
      this.following.delete(name);
    }
  }
}
