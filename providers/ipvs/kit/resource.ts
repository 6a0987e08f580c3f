/** From a resource schema to a cdktf resource: typed config, validation with the user's line, Terraform's spelling. */
import type { Construct } from 'constructs';
import type { z } from 'zod';
import { type Declared, type Issue, isPlainObject, readFields, spellFields } from '../../../lib/model';
import { TerraformResource, type TerraformMetaArguments } from '../../../lib/terraform';
import { blockName, inForm } from './blocks';
import { EachDirector } from './each-director';
import { Reporter } from './reporter';
import { holdsUnresolved, isUnresolved } from './unresolved';

/** What a user gives: the schema's fields and Terraform's own arguments (`dependsOn`, `forEach`, `lifecycle` …). */
export type Config<S extends z.ZodObject> = z.input<S> & TerraformMetaArguments;

/** What a resource puts into a director's table, without the director. */
export type Entry =
  Declared<Reporter> extends infer D ? (D extends unknown ? Omit<D, 'director' | 'place' | 'name'> : never) : never;

export interface Definition<S extends z.ZodObject> {
  type: string;
  schema: S;
  /** What holds between fields, and what the resource puts into a director's table. */
  convert: (value: z.output<S>) => { entries: Entry[]; issues: Issue[] };
}

const META_ARGUMENTS = [
  'dependsOn',
  'count',
  'provider',
  'lifecycle',
  'forEach',
  'provisioners',
  'connection',
] as const;

/** A resource of the ipvs provider. */
export abstract class IpvsResource<S extends z.ZodObject> extends TerraformResource {
  /** The resource's fields, defaults applied; unresolved values as they were given. */
  readonly config: z.output<S>;
  readonly reporter: Reporter;
  /** Whether every field is right by itself: only then rules between fields make sense. */
  private readonly sound: boolean;
  /** @internal By director, what its block depends on; for resources with a block for each director only. */
  readonly needs = new Map<string, readonly string[]>();

  constructor(
    scope: Construct,
    id: string,
    private readonly definition: Definition<S>,
    config: Config<S>,
    reporter: Reporter | undefined,
  ) {
    const { meta, fields } = split(config);
    super(scope, id, {
      terraformResourceType: definition.type,
      terraformGeneratorMetadata: { providerName: 'ipvs' },
      ...meta,
    });
    this.reporter = reporter ?? new Reporter(this);
    const read = readFields(definition.schema, fields, { isUnresolved });
    this.reporter.errors(read.issues);
    this.sound = read.issues.length === 0;
    this.config = read.value;
    this.node.addValidation({
      validate: () => {
        this.reporter.errors(this.converted().issues);
        return [];
      },
    });
  }

  /** The provider's id of the entry, e.g. `lb1/tcp/192.0.2.1:443`; a reference until it is applied. */
  get id(): string {
    return this.getStringAttribute('id');
  }

  /** What this resource puts into which directors' tables, as far as it is known before an apply. */
  declared(): Declared<Reporter>[] {
    const { entries, issues } = this.converted();
    if (issues.length > 0) return [];
    const name = this.reporter.construct.node.path;
    return this.directors().flatMap((director) =>
      entries.map((entry) => ({ ...entry, director, name, place: this.reporter })),
    );
  }

  /** The config as far as it is known; undefined when it is not known enough to be judged. */
  protected known(): z.output<S> | undefined {
    const { director: _director, ...rest } = this.config as Record<string, unknown>;
    return holdsUnresolved(rest) ? undefined : this.config;
  }

  private converted(): { entries: Entry[]; issues: Issue[] } {
    const known = this.sound ? this.known() : undefined;
    return known === undefined ? { entries: [], issues: [] } : this.definition.convert(known);
  }

  /** @internal Names of the directors, from a literal or from a {@link EachDirector}. */
  directors(): string[] {
    const director: unknown = (this.config as Record<string, unknown>)['director'];
    if (director === '${each.key}' && this.forEach instanceof EachDirector) return [...this.forEach.names];
    return typeof director === 'string' && !isUnresolved(director) ? [director] : [];
  }

  /** @internal The fleet it is placed on. */
  get fleet(): EachDirector | undefined {
    return this.forEach instanceof EachDirector ? this.forEach : undefined;
  }

  /** @internal Addresses of the blocks that hold it on these of its directors. */
  addressesOn(directors: readonly string[]): string[] {
    const { terraformResourceType: type, friendlyUniqueId: name, fleet } = this;
    if (fleet?.form.blocks !== 'apart') return [`${type}.${name}`];
    return directors.map((director) => `${type}.${blockName(name, director)}`);
  }

  /** @internal What it puts on each director, as the artefact spells it. */
  content(): Record<string, unknown> {
    const { director: _director, ...content } = this.synthesizeAttributes();
    return content;
  }

  override toTerraform(): unknown {
    const json: unknown = super.toTerraform();
    const { terraformResourceType: type, friendlyUniqueId: name, fleet: each } = this;
    return each === undefined ? json : inForm(json, { type, name, each, needs: (one) => this.needs.get(one) ?? [] });
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    const attributes = spellFields(this.definition.schema, this.config);
    return isPlainObject(attributes) ? attributes : {};
  }
}

function split(config: object): { meta: TerraformMetaArguments; fields: Record<string, unknown> } {
  const isMeta = ([name]: [string, unknown]): boolean => META_ARGUMENTS.some((argument) => argument === name);
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  return {
    meta: Object.fromEntries(given.filter(isMeta)),
    fields: Object.fromEntries(given.filter((entry) => !isMeta(entry))),
  };
}
