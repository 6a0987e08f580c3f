/**
 * Waves for Terraform: it knows no rollout, but it keeps the order of `depends_on`. Between two waves of a fleet stands a
 * gate, a `null_resource` that depends on everything of the wave before it; everything of the wave behind it depends on
 * the gate. Where waves end is in no address and in no argument but `depends_on`.
 */
import { Resource as NullResource } from '@cdktf/provider-null/lib/resource';
import { Construct, type IConstruct } from 'constructs';
import type { z } from 'zod';
import { type DesiredRollout, digest, ROLLOUT_TRIGGER } from '../model';
import {
  DefaultTokenResolver,
  type LocalExecProvisioner,
  StringConcat,
  type TerraformResource,
  Tokenization,
} from '../terraform';
import { type EachDirector, IpvsResource } from '../../providers/ipvs';

type AnyResource = IpvsResource<z.ZodObject>;

/** A fleet that Terraform changes in waves. */
export class GatedFleet {
  /** One after each wave but the last. */
  private readonly gates: readonly NullResource[];

  constructor(
    fleet: Construct,
    private readonly each: EachDirector,
    private readonly rollout: DesiredRollout,
  ) {
    // A scope of its own keeps the names of the gates apart from those of the services.
    const scope = new Construct(fleet, 'Default');
    const provisioners = passing(rollout);
    this.gates = rollout.waves
      .slice(1)
      .map((_, at) => new NullResource(scope, `gate-${at + 1}`, { ...(provisioners.length > 0 && { provisioners }) }));
  }

  get needsProvider(): boolean {
    return this.gates.length > 0;
  }

  /** Hangs the gates between the waves, once everything is declared. A director's own table moves with its director. */
  hang(resources: readonly AnyResource[]): void {
    const waveOf = new Map(this.rollout.waves.flatMap((wave, at) => wave.map((name) => [name, at] as const)));
    const own = resources.filter(({ fleet }) => fleet === this.each);
    const alone = resources.filter(({ fleet }) => fleet === undefined);
    const triggers = { [ROLLOUT_TRIGGER]: this.rollout.fleet, ...carried(own) };
    for (const [at, gate] of this.gates.entries()) {
      const wave = this.rollout.waves[at] ?? [];
      const before = this.gates[at - 1];
      const inWave = alone.filter((resource) => resource.directors().some((name) => waveOf.get(name) === at));
      gate.triggers = triggers;
      gate.dependsOn = [
        ...(before === undefined ? [] : [addressOf(before)]),
        ...own.flatMap((resource) => resource.addressesOn(wave)),
        ...inWave.flatMap((resource) => resource.addressesOn([])),
      ];
    }
    const gateOf = (name: string): NullResource | undefined => this.gates[(waveOf.get(name) ?? 0) - 1];
    for (const resource of own)
      for (const name of this.each.names) addNeeds(resource, name, [gateOf(name)].filter(isThere).map(addressOf));
    for (const resource of alone) dependOn(resource, resource.directors().map(gateOf).filter(isThere));
  }
}

/**
 * Says of every dependency which blocks are meant, where a fleet has one for each director. Between entries of the same
 * directors it is a matter of each director alone, as it is for lvsform: else directors of one wave would wait for those
 * of another.
 */
export function spreadDependencies(elements: readonly IConstruct[]): void {
  const resources = elements.filter(isOurs);
  if (!resources.some(isApart)) return;
  const byAddress = new Map(resources.map((resource) => [addressOf(resource), resource]));
  /** @param all directors of what depends @param some those that are asked about */
  const spread = (address: string, all: readonly string[], some: readonly string[]): string[] => {
    const target = byAddress.get(address);
    const there = target?.directors() ?? [];
    if (target === undefined || there.length === 0) return [address];
    const isShared = all.some((name) => there.includes(name));
    const meant = isShared ? some.filter((name) => there.includes(name)) : there;
    return meant.length === 0 ? [] : target.addressesOn(meant);
  };
  for (const resource of resources.filter(isApart)) {
    const names = resource.directors();
    const addresses = resource.dependsOn ?? [];
    for (const name of names)
      addNeeds(
        resource,
        name,
        addresses.flatMap((address) => spread(address, names, [name])),
      );
  }
  for (const element of elements.filter(hasDependencies)) {
    if (isOurs(element) && isApart(element)) continue;
    const names = isOurs(element) ? element.directors() : [];
    const needs = element.dependsOn.flatMap((address) => {
      const target = byAddress.get(address);
      return target !== undefined && isApart(target) ? spread(address, names, names) : [address];
    });
    element.dependsOn = [...new Set(needs)];
  }
}

/** By address rather than by token: two tokens for one address would be two entries. */
export function dependOn(resource: TerraformResource, targets: readonly TerraformResource[]): void {
  const addresses = targets.filter((target) => target !== resource).map(addressOf);
  if (addresses.length > 0) resource.dependsOn = [...new Set([...(resource.dependsOn ?? []), ...addresses])];
}

export function addressOf(resource: TerraformResource): string {
  return `${resource.terraformResourceType}.${resource.friendlyUniqueId}`;
}

export const isOurs = (construct: IConstruct): construct is AnyResource => construct instanceof IpvsResource;
const isApart = ({ fleet }: AnyResource): boolean => fleet?.form.blocks === 'apart';
const isThere = <T>(value: T | undefined): value is T => value !== undefined;

function hasDependencies(construct: IConstruct): construct is IConstruct & { dependsOn: string[] } {
  return 'dependsOn' in construct && Array.isArray(construct.dependsOn);
}

function addNeeds(resource: AnyResource, director: string, addresses: readonly string[]): void {
  resource.needs.set(director, [...new Set([...(resource.needs.get(director) ?? []), ...addresses])]);
}

/**
 * What Terraform runs before a gate is passed: as much of a rollout as it can do. Nothing of the user's is put into a
 * shell string: the address goes by the environment, and a command is the user's own, as it is.
 */
function passing({ pauseSeconds, check = { timeoutSeconds: 0 } }: DesiredRollout): LocalExecProvisioner[] {
  const run = (command: string, environment?: Record<string, string>): LocalExecProvisioner => ({
    type: 'local-exec',
    command,
    ...(environment && { environment }),
  });
  // Answers from 300 to 399 are good as they are: curl doesn't follow them unless its configuration (-q: not read) says so.
  const probe = `curl -q -g -fsS --max-time ${check.timeoutSeconds} -o /dev/null --url "$url"`;
  return [
    ...(pauseSeconds > 0 ? [run(`sleep ${pauseSeconds}`)] : []),
    ...(check.url === undefined ? [] : [run(probe, { url: check.url })]),
    ...(check.command === undefined ? [] : [run(check.command)]),
  ];
}

/**
 * What a gate is passed anew for: that the fleet's table is another one. Neither waves nor the number of directors are
 * part of it. What only Terraform knows it has to compare itself.
 */
function carried(resources: readonly AnyResource[]): Record<string, string> {
  const table = resources.map((resource) => {
    const resolver = new DefaultTokenResolver(new StringConcat());
    const content: unknown = Tokenization.resolve(resource.content(), { scope: resource, resolver, preparing: false });
    return [addressOf(resource), content];
  });
  const open = [...new Set(expressionsIn(table))].sort();
  return {
    table: digest(table),
    ...Object.fromEntries(open.map((text, at) => [`value_${at + 1}`, asText(text)])),
  };
}

/** Texts with expressions in them, `${each.…}` aside: that names a director. */
function expressionsIn(value: unknown): string[] {
  if (typeof value === 'string')
    return /(?<!\$)\$\{/.test(value) && !/\beach\.(?:key|value)\b/.test(value) ? [value] : [];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(expressionsIn) : [];
}

/** A lone expression may be a number or a list, and triggers are text. */
function asText(text: string): string {
  const [, expression] = /^\$\{((?:(?!\$\{)[^])*)\}$/.exec(text) ?? [];
  return expression === undefined ? text : `\${jsonencode(${expression})}`;
}
