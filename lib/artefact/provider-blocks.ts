import {
  type DesiredRollout,
  type Director,
  DirectorName,
  ignoreIssues,
  type Issue,
  type ProgramIssue,
  ProviderSettings,
  readFields,
  resolveRollout,
  RolloutSettings,
  spellPath,
  twinIssues,
} from '../model';
import { type Block, unresolved } from './document';
import { evaluate, type Problem } from './evaluate';
import type { Scope } from './scope';

/** One `provider "ipvs"` block. */
export interface Provider {
  alias: string | undefined;
  settings: ProviderSettings;
}

export function readProvider(block: Readonly<Record<string, unknown>>, scope: Scope, issues: ProgramIssue[]): Provider {
  const { alias, version: _version, '//': _comment, ...body } = block;
  const where = typeof alias === 'string' ? `provider.ipvs.${alias}` : 'provider.ipvs';
  const problems: Problem[] = [];
  const settings = evaluate(body, scope.lookup(), problems);
  issues.push(...problems.map((problem) => unresolved(where, problem)));
  const read = readFields(ProviderSettings, problems.length > 0 ? {} : settings, {
    spelling: 'snake_case',
    convert: true,
  });
  issues.push(...read.issues.map(({ path, ...issue }) => ({ where, field: path.join('.'), ...issue })));
  if (read.issues.length === 0 && problems.length === 0) {
    const tell = ({ path, ...issue }: Issue, field: string): void => {
      issues.push({ where, field: `${field}${path.join('.')}`, ...issue });
    };
    for (const issue of ignoreIssues(read.value.ignore ?? [])) tell(issue, '');
    for (const [name, { ignore }] of Object.entries(read.value.directors))
      for (const issue of ignoreIssues(ignore ?? [])) tell(issue, `directors.${name}.`);
  }
  return { alias: typeof alias === 'string' ? alias : undefined, settings: read.value };
}

/** Every director of the stack, with what the stack owns and ignores on it. */
export function collectDirectors(providers: readonly Provider[], issues: ProgramIssue[]): Director[] {
  const directors = new Map<string, Director>();
  const ways = new Map<string, string>();
  for (const { settings } of providers) {
    for (const [name, director] of Object.entries(settings.directors)) {
      if (directors.has(name))
        issues.push({ where: 'provider.ipvs', field: `directors.${name}`, message: 'is in two provider blocks' });
      const named = DirectorName.safeParse(name);
      for (const { message } of named.error?.issues ?? [])
        issues.push({ where: 'provider.ipvs', field: `directors.${name}`, message });
      if (typeof director.host === 'string')
        for (const { path, ...issue } of twinIssues(name, director, ways))
          issues.push({ where: 'provider.ipvs', field: ['directors', name, ...path].join('.'), ...issue });
      const owns = director.owns ?? settings.owns;
      const ignore = [...(settings.ignore ?? []), ...(director.ignore ?? [])];
      directors.set(name, {
        ...director,
        name,
        ...(owns === undefined ? {} : { owns }),
        ...(ignore.length === 0 ? {} : { ignore }),
      });
    }
  }
  return [...directors.values()];
}

/** Every rollout of the stack, waves worked out. */
export function collectRollouts(
  providers: readonly Provider[],
  directors: readonly Director[],
  issues: ProgramIssue[],
): DesiredRollout[] {
  const byName = new Map(directors.map((director) => [director.name, director]));
  const owners = new Map<string, string>();
  return providers.flatMap(({ settings }) =>
    Object.entries(settings.rollouts ?? {}).map(([fleet, { fleet: names, ...rollout }]) => {
      const tell = ({ path, ...issue }: Issue): void => {
        issues.push({ where: 'provider.ipvs', field: ['rollouts', fleet, ...path].join('.'), ...issue });
      };
      for (const name of names) {
        const owner = owners.get(name);
        if (owner !== undefined) tell({ path: [], message: `'${name}' is in the rollout of '${owner}' as well` });
        if (!byName.has(name)) tell({ path: ['fleet'], message: `there is no director '${name}'` });
        owners.set(name, fleet);
      }
      const members = names.flatMap((name) => byName.get(name) ?? []);
      const resolved = resolveRollout(fleet, rollout, members);
      for (const { path, ...issue } of resolved.issues) tell({ path: spellPath(RolloutSettings, path), ...issue });
      return resolved.rollout;
    }),
  );
}

/** Names of the directors in the provider block a resource uses; undefined when there is no such block. */
export function directorNames(
  { body, where }: Block,
  providers: readonly Provider[],
  issues: ProgramIssue[],
): string[] | undefined {
  const given = body['provider'];
  const name = typeof given === 'string' ? given.replace(/^\$\{(.*)\}$/, '$1') : 'ipvs';
  const alias = name === 'ipvs' ? undefined : name.replace(/^ipvs\./, '');
  const chosen = providers.filter((provider) => provider.alias === alias);
  if (chosen.length === 0 && alias !== undefined) {
    issues.push({ where, field: 'provider', message: `there is no provider block '${name}'` });
    return undefined;
  }
  return chosen.flatMap(({ settings }) => Object.keys(settings.directors));
}
