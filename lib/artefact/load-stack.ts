/**
 * From an artefact (`cdk.tf.json`, or Terraform JSON written by hand) to what it wishes for each director.
 *
 * Nothing is taken on trust: the fields are read against the same schemas as the constructs', and the same rules are
 * applied. Everything that is wrong is collected.
 */
import {
  compareKeys,
  type Conflict,
  type Declared,
  type DesiredDirector,
  type DesiredStack,
  type Director,
  findConflicts,
  isPlainObject,
  markRuleId,
  nearest,
  type ProgramIssue,
  readFields,
  serverId,
  serviceId,
  sortTable,
  spellPath,
  unknownField,
  ValidationError,
} from '../model';
import { type Block, readDocument, RUN_ELSEWHERE, unresolved } from './document';
import { type Problem } from './evaluate';
import { readGates } from './gates';
import { collectDirectors, collectRollouts, directorNames, type Provider, readProvider } from './provider-blocks';
import { metaIssues, withIgnored } from './lifecycle';
import { GATE_TYPES, type Meaning, RESOURCE_TYPES, type ResourceType } from './resource-types';
import { type Instance, Scope } from './scope';

interface Placed {
  director: string;
  block: Block;
  meaning: Meaning;
  /** Real server names by the model's server, to name them in messages and plans. */
  servers: ReadonlyMap<unknown, string>;
}

/**
 * Reads one stack.
 * @param stack name of the stack, unless the artefact's provider block gives one
 * @param json the parsed document
 * @throws ValidationError with everything that is wrong
 */
export function loadStack(stack: string, json: unknown): DesiredStack {
  const issues: ProgramIssue[] = [];
  const document = readDocument(json, issues);
  const scope = new Scope(document);
  const providers = document.providers.map((block) => readProvider(block, scope, issues));
  const directors = collectDirectors(providers, issues);
  const rollouts = collectRollouts(providers, directors, issues);
  const placed = document.resources.flatMap((block) => readBlock(block, scope, providers, issues));
  for (const { place, ...conflict } of conflictsOf(placed, directors))
    issues.push({ where: place.where, field: '', ...conflict });
  const byBlock = groupBy(placed, ({ block }) => block);
  const byDirector = groupBy(placed, ({ director }) => director);
  const gates = readGates(
    {
      blocks: document.resources.filter(({ type }) => RESOURCE_TYPES.has(type) || GATE_TYPES.includes(type)),
      directorsOf: (block) => [...new Set(byBlock.get(block)?.map(({ director }) => director))],
      lookup: scope.lookup(),
      fleets: rollouts.map(({ fleet }) => fleet),
    },
    issues,
  );
  if (issues.length > 0) throw new ValidationError(distinct(issues));
  return {
    stack: providers.map(({ settings }) => settings.stack).find((name) => name !== undefined) ?? stack,
    directors: toDesired(directors, byDirector),
    gates,
    ...(rollouts.length === 0 ? {} : { rollouts }),
  };
}

function readBlock(block: Block, scope: Scope, providers: readonly Provider[], issues: ProgramIssue[]): Placed[] {
  const type = RESOURCE_TYPES.get(block.type);
  if (type === undefined) {
    if (!GATE_TYPES.includes(block.type)) issues.push(unknownType(block));
    return [];
  }
  issues.push(...metaIssues(block));
  const problems: Problem[] = [];
  const instances = scope.expand(block, problems);
  issues.push(...problems.map((problem) => unresolved(block.where, problem)));
  const known = directorNames(block, providers, issues);
  const [first, ...others] = instances;
  if (known === undefined || first === undefined) return [];
  const read = readInstance(first, type, scope, issues);
  // A fleet's block says the same for each of its directors: reading it once keeps big fleets fast.
  const rest = mentionsEach(block)
    ? others.map((instance) => readInstance(instance, type, scope, issues))
    : others.map((instance) => read && { ...read, director: scope.directorOf(instance) });
  return [read, ...rest].filter((placed) => placed !== undefined).filter((placed) => isKnown(placed, known, issues));
}

/** Whether instances of a block differ in more than their director. */
function mentionsEach({ body }: Block): boolean {
  const { '//': _comment, director: _director, ...rest } = body;
  return /\beach\b/.test(JSON.stringify(rest));
}

function readInstance(
  instance: Instance,
  type: ResourceType,
  scope: Scope,
  issues: ProgramIssue[],
): Placed | undefined {
  const { block } = instance;
  const problems: Problem[] = [];
  const attributes = scope.attributes(instance, problems);
  if (problems.length > 0) {
    issues.push(...problems.map((problem) => unresolved(block.where, problem)));
    return undefined;
  }
  const { value, issues: fieldIssues } = readFields(type.schema, attributes, { spelling: 'snake_case', convert: true });
  if (fieldIssues.length > 0) {
    issues.push(...fieldIssues.map(({ path, ...issue }) => ({ where: block.where, field: path.join('.'), ...issue })));
    return undefined;
  }
  const meaning = withIgnored(type.mean(value), block);
  issues.push(
    ...meaning.issues.map(({ path, ...issue }) => ({
      where: block.where,
      field: spellPath(type.schema, path).join('.'),
      ...issue,
    })),
  );
  if (meaning.issues.length > 0) return undefined;
  return { director: String(value['director']), block, meaning, servers: serverNames(value, meaning) };
}

function isKnown({ director, block }: Placed, known: readonly string[], issues: ProgramIssue[]): boolean {
  if (known.includes(director)) return true;
  const near = nearest(director, known);
  const hint = near === undefined ? `directors: ${known.join(', ') || 'none'}` : `did you mean '${near}'?`;
  issues.push({ where: block.where, field: 'director', message: `there is no director '${director}'`, hint });
  return false;
}

/** The model lists real servers in the order of the map they came from. */
function serverNames(value: Record<string, unknown>, { entries }: Meaning): Map<unknown, string> {
  const names = isPlainObject(value['realServers']) ? Object.keys(value['realServers']) : [];
  const servers = entries.flatMap((entry) => (entry.on === 'service' ? entry.service.realServers : []));
  return new Map(servers.map((server, index) => [server, names[index] ?? '']));
}

function unknownType({ type, address, where }: Block): ProgramIssue {
  const ours = type.startsWith('ipvs_');
  const { hint } = unknownField(type, [...RESOURCE_TYPES.keys()]);
  const message = ours
    ? `there is no resource type ${type}`
    : `${address}: resources of other providers need Terraform`;
  return { where, field: '', message, ...(ours && hint !== undefined ? { hint } : { hint: RUN_ELSEWHERE }) };
}

function conflictsOf(placed: readonly Placed[], directors: readonly Director[]): Conflict<Block>[] {
  return findConflicts(
    placed.flatMap(({ director, block, meaning }) =>
      meaning.entries.map((entry): Declared<Block> => ({ ...entry, director, place: block, name: block.where })),
    ),
    new Map(directors.map(({ name, ignore = [] }) => [name, ignore])),
  );
}

function groupBy<K, T>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** Directors that hold the same entries share one table: a fleet's is built and sorted once. */
function toDesired(
  directors: readonly Director[],
  byDirector: ReadonlyMap<string, readonly Placed[]>,
): DesiredDirector[] {
  const built: { entries: readonly Placed[]; desired: DesiredDirector }[] = [];
  return directors.map((director) => {
    const entries = byDirector.get(director.name) ?? [];
    const same = built.find((other) => sameMeanings(other.entries, entries));
    if (same !== undefined) return { ...same.desired, director };
    const desired = build(director, entries);
    built.push({ entries, desired });
    return desired;
  });
}

function sameMeanings(a: readonly Placed[], b: readonly Placed[]): boolean {
  return a.length === b.length && a.every(({ meaning }, index) => meaning === b[index]?.meaning);
}

function build(director: Director, entries: readonly Placed[]): DesiredDirector {
  const desired: DesiredDirector = {
    director,
    table: { services: [], marks: [], timeouts: {}, daemons: [] },
    policies: {},
    sources: {},
  };
  for (const entry of entries) addEntries(desired, entry);
  const absent = entries
    .flatMap(({ meaning }) => meaning.entries.flatMap((entry) => (entry.on === 'absent' ? [entry.key] : [])))
    .sort(compareKeys);
  return { ...desired, table: sortTable(desired.table), ...(absent.length > 0 ? { absent } : {}) };
}

function addEntries({ table, policies, sources }: DesiredDirector, { block, meaning, servers }: Placed): void {
  for (const entry of meaning.entries) {
    switch (entry.on) {
      case 'service': {
        const { service } = entry;
        const id = serviceId(service.key);
        table.services.push(service);
        sources[id] = block.where;
        for (const server of service.realServers) {
          sources[serverId(service.key, server)] = `${block.where}/${servers.get(server) ?? ''}`;
        }
        if (meaning.policy !== undefined && Object.keys(meaning.policy).length > 0) policies[id] = meaning.policy;
        break;
      }
      case 'absent':
        sources[serviceId(entry.key)] = block.where;
        break;
      case 'mark':
        table.marks.push(entry.rule);
        sources[markRuleId(entry.rule)] = block.where;
        break;
      case 'timeouts':
        Object.assign(table.timeouts, entry.timeouts);
        sources['timeouts'] = block.where;
        break;
      case 'daemon':
        table.daemons.push(entry.daemon);
        sources[`sync/${entry.daemon.role}`] = block.where;
        break;
    }
  }
}

/** A block with for_each says the same for each of its directors: once is enough. */
function distinct(issues: readonly ProgramIssue[]): ProgramIssue[] {
  return [...new Map(issues.map((issue) => [JSON.stringify(issue), issue])).values()];
}
