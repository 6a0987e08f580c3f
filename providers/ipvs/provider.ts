import type { Construct } from 'constructs';
import type { z } from 'zod';
import {
  type DesiredRollout,
  DirectorName,
  DirectorSettings,
  ignoreIssues,
  type IgnorePattern,
  isPlainObject,
  ProviderSettings,
  readFields,
  resolveRollout,
  RolloutSettings,
  spellFields,
  twinIssues,
} from '../../lib/model';
import { deepMerge, TerraformProvider } from '../../lib/terraform';
import { Reporter } from './kit/reporter';
import { holdsUnresolved, isUnresolved } from './kit/unresolved';

export interface IpvsProviderConfig extends z.input<typeof ProviderSettings> {
  /** Another provider block beside the first, for other credentials. */
  alias?: string;
}

/** The `ipvs` provider: one block with every director of a stack. */
export class IpvsProvider extends TerraformProvider {
  static readonly tfResourceType = 'ipvs';
  private readonly aliasName: string | undefined;
  private readonly settings: ProviderSettings;
  /** Names of directors by the way they are reached. */
  private readonly ways = new Map<string, string>();

  constructor(scope: Construct, id: string, { alias, ...config }: IpvsProviderConfig = {}) {
    super(scope, id, {
      terraformResourceType: 'ipvs',
      terraformGeneratorMetadata: { providerName: 'ipvs' },
      terraformProviderSource: 'lvsform/ipvs',
    });
    this.aliasName = alias;
    const reporter = new Reporter(this);
    const { value, issues } = readFields(ProviderSettings, { ...config, directors: {} }, { isUnresolved });
    reporter.errors(issues.length > 0 ? issues : ignoreIssues(known(value.ignore)));
    this.settings = value;
    for (const [name, director] of Object.entries(config.directors ?? {})) this.addDirector(name, director, reporter);
  }

  override get alias(): string | undefined {
    return this.aliasName;
  }

  /** Names of the directors so far. */
  get directors(): readonly string[] {
    return Object.keys(this.settings.directors);
  }

  /** Patterns of services that are left alone, by director, as far as they are known before an apply. */
  get ignored(): ReadonlyMap<string, readonly IgnorePattern[]> {
    const everywhere = known(this.settings.ignore);
    return new Map(
      Object.entries(this.settings.directors).map(([name, { ignore }]) => [name, [...everywhere, ...known(ignore)]]),
    );
  }

  /** Adds a director under a name that is new to this block; what is wrong with it goes to `reporter`. */
  addDirector(name: string, settings: z.input<typeof DirectorSettings>, reporter: Reporter): void {
    const named = DirectorName.safeParse(name);
    for (const issue of named.error?.issues ?? []) reporter.error({ path: [], message: issue.message });
    const { value, issues } = readFields(DirectorSettings, settings, { isUnresolved });
    reporter.errors(issues.length > 0 ? issues : ignoreIssues(known(value.ignore)));
    if (issues.length === 0 && !holdsUnresolved([value.host, value.port, value.jump]))
      reporter.errors(twinIssues(name, value, this.ways));
    this.settings.directors[name] = value;
  }

  /** Adds the rollout of a fleet; what is wrong with it goes to `reporter`. @returns it, when it could be worked out */
  addRollout(
    fleet: string,
    directors: readonly string[],
    rollout: unknown,
    reporter: Reporter,
  ): DesiredRollout | undefined {
    const { value, issues } = readFields(RolloutSettings, rollout, { isUnresolved });
    reporter.errors(issues.map((issue) => ({ ...issue, path: ['rollout', ...issue.path] })));
    if (issues.length > 0) return undefined;
    const settings = this.settings.directors;
    const members = directors.map((name) => ({ name, ...pick(settings[name]?.tags) }));
    const resolved = resolveRollout(fleet, value, members);
    reporter.errors(resolved.issues.map((issue) => ({ ...issue, path: ['rollout', ...issue.path] })));
    const twins = Object.entries(this.settings.rollouts ?? {}).flatMap(([other, { fleet: names }]) =>
      names
        .filter((name) => directors.includes(name))
        .map((name) => `'${name}' is in the rollout of '${other}' as well`),
    );
    for (const message of twins)
      reporter.error({ path: ['rollout'], message, hint: 'one rollout decides when a director is changed' });
    this.settings.rollouts = { ...this.settings.rollouts, [fleet]: { fleet: [...directors], ...value } };
    return resolved.issues.length > 0 ? undefined : resolved.rollout;
  }

  protected override synthesizeAttributes(): Record<string, unknown> {
    const attributes = spellFields(ProviderSettings, this.settings);
    return isPlainObject(attributes) ? attributes : {};
  }

  /** cdktf would spell the names of directors, fleets and tags in snake_case. */
  override toTerraform(): unknown {
    const json: unknown = super.toTerraform();
    const block = dig(json, ['provider', 'ipvs', 0]);
    const attributes = this.synthesizeAttributes();
    const overrides: unknown = this.rawOverrides;
    for (const name of ['directors', 'rollouts']) {
      const [named, override] = [attributes[name], isPlainObject(overrides) ? overrides[name] : undefined];
      if (block !== undefined && named !== undefined) block[name] = deepMerge(named, override ?? {});
    }
    return json;
  }
}

const pick = (tags: Record<string, string> | undefined): { tags?: Record<string, string> } =>
  tags === undefined ? {} : { tags };

function known(patterns: readonly IgnorePattern[] | undefined): IgnorePattern[] {
  const given: unknown = patterns;
  return Array.isArray(given) ? (given as IgnorePattern[]).filter((pattern) => !holdsUnresolved(pattern)) : [];
}

/** The object at a path of keys. */
function dig(value: unknown, path: readonly (string | number)[]): Record<string, unknown> | undefined {
  let inner = value;
  for (const key of path) {
    inner = typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[key] : undefined;
  }
  return isPlainObject(inner) ? inner : undefined;
}
