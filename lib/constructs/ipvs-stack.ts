import { createHash } from 'node:crypto';
import { isAbsolute, join, relative } from 'node:path';
import type { Construct, IConstruct, Node } from 'constructs';
import type { z } from 'zod';
import {
  type DesiredRollout,
  type DirectorSettings,
  findConflicts,
  type IgnorePattern,
  type Ownership,
  UsageError,
  ValidationError,
} from '../model';
import { NullProvider } from '@cdktf/provider-null/lib/provider';
import {
  LocalBackend,
  TerraformBackend,
  TerraformElement,
  TerraformProvider,
  TerraformResource,
  TerraformStack,
} from '../terraform';
import { type EachDirector, IpvsProvider, type IpvsResource, Reporter, Trace } from '../../providers/ipvs';
import { addressOf, dependOn, GatedFleet, isOurs, spreadDependencies } from './gates';
import { checkProps } from './props';

export interface IpvsStackProps {
  /** What the stack owns on directors that do not say so themselves. Default `declared`. */
  owns?: Ownership;
  /** Live services that are left alone on every director, beside what a director says itself. */
  ignore?: readonly IgnorePattern[];
}

/** Longest readable part of an id; Terraform itself sets no limit. */
const MAX_ID_LENGTH = 200;
const NO_STACK_TRACES = '@cdktf/disable_stack_trace_in_metadata';

/**
 * A stack of directors and what they serve: one artefact, one plan.
 *
 * It closes some traps of plain cdktf stacks: ids that collide or that Terraform refuses, `node.addDependency` that is
 * ignored, a state path that holds the working directory.
 */
export class IpvsStack extends TerraformStack {
  private readonly provider: IpvsProvider;
  private readonly directorsByName = new Map<string, Construct>();
  private readonly gated: GatedFleet[] = [];
  private readonly reporter: Reporter;

  constructor(scope: Construct, id: string, props: IpvsStackProps = {}) {
    super(scope, id);
    // Our own annotations name the user's line; whole stack traces would only bloat the manifest.
    this.node.setContext(NO_STACK_TRACES, true);
    this.reporter = new Reporter(this);
    checkProps(this.reporter, props, ['owns', 'ignore']);
    this.provider = new IpvsProvider(this, 'ipvs', {
      stack: id,
      owns: props.owns,
      ignore: props.ignore && [...props.ignore],
    });
    this.node.addValidation({
      validate: () => {
        this.check();
        return [];
      },
    });
  }

  /** The stack around a construct. @throws ValidationError when it is in none, or in a plain TerraformStack */
  static around(construct: IConstruct): IpvsStack {
    // The nearest one: a stack may stand in another.
    const stack = [...construct.node.scopes].reverse().find((scope) => scope instanceof IpvsStack);
    if (stack !== undefined) return stack;
    const at = Trace.here().line;
    const message = 'is not in an IpvsStack';
    throw new ValidationError([
      { where: construct.node.path, field: '', message, ...(at === undefined ? {} : { at }) },
    ]);
  }

  /** @internal Adds a director to the provider block. */
  addDirector(director: Construct, settings: z.input<typeof DirectorSettings>, reporter: Reporter): void {
    const name = director.node.id;
    const twin = this.directorsByName.get(name);
    if (twin !== undefined) {
      const hint = 'the name of a director is its id, also in plans and errors: choose another';
      reporter.error({ path: [], message: `is called '${name}', and so is '${twin.node.path}'`, hint });
      return;
    }
    this.directorsByName.set(name, director);
    this.provider.addDirector(name, settings, reporter);
  }

  /** @internal Adds the rollout of a fleet to the provider block. @returns it, when it could be worked out */
  addRollout(
    fleet: string,
    directors: readonly string[],
    rollout: unknown,
    reporter: Reporter,
  ): DesiredRollout | undefined {
    return this.provider.addRollout(fleet, directors, rollout, reporter);
  }

  /** @internal Lets Terraform keep to the waves of a fleet. */
  addGates(fleet: Construct, each: EachDirector, rollout: DesiredRollout): void {
    this.gated.push(new GatedFleet(fleet, each, rollout));
  }

  override prepareStack(): void {
    this.lowerDependencies();
    this.steerAfterServing();
    const resources = this.ipvsResources();
    for (const fleet of this.gated) fleet.hang(resources);
    spreadDependencies(elementsOf(this));
    this.provideGates();
    if (!elementsOf(this).some((construct) => TerraformBackend.isBackend(construct))) {
      new LocalBackend(this, { path: this.statePath() });
    }
    super.prepareStack();
  }

  /** @throws UsageError: the artefact is JSON, HCL would lack the resources' fields */
  override toHclTerraform(): never {
    const hint = 'unset SYNTH_HCL_OUTPUT; terraform and tofu read cdk.tf.json as it is';
    throw new UsageError('no-hcl', `stack '${this.node.id}' can only be written as JSON`, { hint });
  }

  /** Readable, legal and unique: cdktf's own ids lose dots and colons, so 10.1.1.11 and 10.11.1.1 would be one. */
  protected override allocateLogicalId(element: TerraformElement | Node): string {
    const { scopes } = TerraformElement.isTerraformElement(element) ? element.node : element;
    const ids = scopes
      .slice(scopes.indexOf(this) + 1)
      .map((scope) => scope.node.id)
      .filter((id) => id !== 'Default');
    const readable = ids
      .filter((id) => id !== 'Resource')
      .join('_')
      .replace(/[^A-Za-z0-9_]+/g, '-')
      .replace(/^(?=[^A-Za-z_])/, '_')
      .slice(0, MAX_ID_LENGTH);
    const path = ids.join('/');
    return path === readable ? path : `${readable}_${createHash('sha256').update(path).digest('hex').slice(0, 8)}`;
  }

  /** cdktf ignores `a.node.addDependency(b)`: everything in `a` shall depend on everything in `b`. */
  private lowerDependencies(): void {
    for (const construct of elementsOf(this)) {
      for (const dependency of construct.node.dependencies) {
        const targets = resourcesIn(dependency);
        for (const target of targets) {
          const stack = TerraformStack.of(target);
          if (stack !== this) this.addDependency(stack);
        }
        const here = targets.filter((target) => TerraformStack.of(target) === this);
        for (const resource of resourcesIn(construct))
          if (TerraformStack.of(resource) === this) dependOn(resource, here);
      }
    }
  }

  /** No packet gets a mark before there is a service that serves it, whichever engine applies the artefact. */
  private steerAfterServing(): void {
    const serving = new Map<string, TerraformResource[]>();
    const rules: { resource: TerraformResource; slots: string[] }[] = [];
    for (const resource of this.ipvsResources()) {
      const slots: string[] = [];
      for (const entry of resource.declared()) {
        if (entry.on === 'mark') slots.push(`${entry.director}/${entry.rule.family}/${entry.rule.mark}`);
        if (entry.on !== 'service' || entry.service.key.by !== 'fwmark') continue;
        const slot = `${entry.director}/${entry.service.key.family}/${entry.service.key.mark}`;
        serving.set(slot, [...(serving.get(slot) ?? []), resource]);
      }
      if (slots.length > 0) rules.push({ resource, slots });
    }
    for (const { resource, slots } of rules)
      dependOn(
        resource,
        slots.flatMap((slot) => serving.get(slot) ?? []),
      );
  }

  /** A program that has gates of its own has brought their provider along. */
  private provideGates(): void {
    const isDefault = (one: IConstruct): boolean =>
      TerraformProvider.isTerraformProvider(one) && one.terraformResourceType === 'null' && one.alias === undefined;
    if (this.gated.some(({ needsProvider }) => needsProvider) && !elementsOf(this).some(isDefault))
      new NullProvider(this, 'provider-of-gates');
  }

  private ipvsResources(): IpvsResource<z.ZodObject>[] {
    return elementsOf(this).filter(isOurs);
  }

  /** Beside the project's files rather than in the output, and without naming the machine's folders. */
  private statePath(): string {
    const outdir: unknown = Reflect.get(this.node.root, 'outdir');
    const file = `${this.node.id}.tfstate`;
    if (typeof outdir !== 'string') return file;
    const home = relative(process.cwd(), outdir);
    if (home.startsWith('..') || isAbsolute(home)) return file;
    return join(relative(join(outdir, 'stacks', this.node.id), '.'), file);
  }

  private check(): void {
    const declared = this.ipvsResources().flatMap((resource) => resource.declared());
    for (const { place, ...conflict } of findConflicts(declared, this.provider.ignored))
      place.error({ path: [], ...conflict });
    this.checkAddresses();
    const others = this.node.root.node
      .findAll()
      .filter((c) => c !== this && TerraformStack.isStack(c) && c.node.id === this.node.id);
    for (const other of others) {
      this.reporter.error({
        path: [],
        message: `has the same name as stack '${other.node.path}'`,
        hint: 'their artefacts would overwrite each other',
      });
    }
  }

  /** Two elements with one address are silently merged by cdktf. */
  private checkAddresses(): void {
    const seen = new Map<string, IConstruct>();
    for (const element of elementsOf(this).filter((one) => TerraformResource.isTerraformResource(one))) {
      for (const address of isOurs(element) ? element.addressesOn(element.directors()) : [addressOf(element)]) {
        const twin = seen.get(address);
        seen.set(address, element);
        if (twin === undefined) continue;
        const message = `shares the address ${address} with '${twin.node.path}'`;
        new Reporter(element).error({ path: [], message, hint: 'give them different ids' });
      }
    }
  }
}

/** What a stack holds itself, without the stacks that stand in it. */
function elementsOf(stack: TerraformStack): IConstruct[] {
  return stack.node.findAll().filter((element) => TerraformStack.of(element) === stack);
}

function resourcesIn(construct: IConstruct): TerraformResource[] {
  return construct.node.findAll().filter((element) => TerraformResource.isTerraformResource(element));
}
