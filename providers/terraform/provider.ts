/** The provider's answers to Terraform: every call's values in, values and diagnostics out. */
import { ignoreIssues, isPlainObject, ProviderSettings, readFields, UsageError } from '../../lib/model';
import { DATA_SOURCES } from './data-sources';
import { Fleet, type FleetOptions } from './directors/fleet';
import type { Intent } from './directors/wish';
import { entryId } from './directors/wish';
import { type Kind, KINDS, readResource, type ReadResource, respell } from './resources';
import { type Attribute, attributesOf, TEXT } from './schema/attribute';
import { withDefaults } from './schema/defaults';
import { schemaMessage, typeBytes } from './schema/encode';
import { errorAt, errorOf, stepsOf, warning } from './wire/diagnostics';
import type * as wire from './wire/generated/tfplugin6';
import { decodeObject, encodeObject, fromJson, holdsUnknown, Unknown, type Value, type Values } from './wire/value';

export const PROVIDER_ATTRIBUTES: readonly Attribute[] = attributesOf(ProviderSettings);
const IDENTITY: readonly Attribute[] = [
  { name: 'id', type: TEXT, mode: 'required', description: 'As in `terraform import`, e.g. lb1/tcp/192.0.2.1:443.' },
];
const LIST_CONFIG: readonly Attribute[] = [
  { name: 'director', type: TEXT, mode: 'optional', description: 'Only of this director. Default: of all.' },
];

type Diagnostics = wire.Diagnostic[];

export class IpvsProvider {
  private fleet: Fleet | undefined;

  constructor(private readonly options: FleetOptions) {}

  schema(): wire.GetProviderSchema_Response {
    const messages = (entries: Iterable<[string, { attributes: readonly Attribute[]; description: string }]>) =>
      Object.fromEntries(
        [...entries].map(([name, { attributes, description }]) => [name, schemaMessage(attributes, description)]),
      );
    const listable = [...KINDS].filter(([, { identified }]) => identified);
    return {
      provider: schemaMessage(PROVIDER_ATTRIBUTES, 'Linux Virtual Server (IPVS) directors, reached over SSH.'),
      resourceSchemas: messages(KINDS),
      dataSourceSchemas: messages(DATA_SOURCES),
      listResourceSchemas: Object.fromEntries(
        listable.map(([name, { description }]) => [name, schemaMessage(LIST_CONFIG, description)]),
      ),
      serverCapabilities: { planDestroy: true, getProviderSchemaOptional: true },
    };
  }

  identitySchemas(): wire.GetResourceIdentitySchemas_Response {
    const identityAttributes = IDENTITY.map(({ name, description }) => ({
      name,
      type: typeBytes({ kind: 'leaf', leaf: 'string' }),
      requiredForImport: true,
      description,
    }));
    const identified = [...KINDS].filter(([, kind]) => kind.identified);
    return {
      identitySchemas: Object.fromEntries(identified.map(([name]) => [name, { version: 0, identityAttributes }])),
    };
  }

  upgradeIdentity({ rawIdentity }: wire.UpgradeResourceIdentity_Request): wire.UpgradeResourceIdentity_Response {
    const identity = fromJson(String(rawIdentity?.json ?? 'null'), IDENTITY);
    return { upgradedIdentity: { identityData: { msgpack: encodeObject(identity, IDENTITY) } } };
  }

  validateProvider({ config }: wire.ValidateProviderConfig_Request): wire.ValidateProviderConfig_Response {
    return { diagnostics: this.readSettings(decodeObject(config?.msgpack, PROVIDER_ATTRIBUTES)).diagnostics };
  }

  /** Comes again and again in reattach mode, and then replaces everything. */
  async configure({ config }: wire.ConfigureProvider_Request): Promise<wire.ConfigureProvider_Response> {
    await this.fleet?.close();
    const { settings, diagnostics } = this.readSettings(decodeObject(config?.msgpack, PROVIDER_ATTRIBUTES));
    this.fleet = settings === undefined ? undefined : new Fleet(settings, this.options);
    return { diagnostics };
  }

  validateResource({ typeName, config }: wire.ValidateResourceConfig_Request): wire.ValidateResourceConfig_Response {
    const kind = kindOf(typeName);
    const values = decodeObject(config?.msgpack, kind.attributes);
    if (values === null) return {};
    return { diagnostics: issuesOf(readResource(kind, withDefaults(values, kind.attributes)), kind) };
  }

  upgrade({ typeName, rawState }: wire.UpgradeResourceState_Request): wire.UpgradeResourceState_Response {
    const { attributes } = kindOf(typeName);
    const state = fromJson(String(rawState?.json ?? 'null'), attributes);
    return { upgradedState: { msgpack: encodeObject(state, attributes) } };
  }

  async read({ typeName, currentState }: wire.ReadResource_Request): Promise<wire.ReadResource_Response> {
    const kind = kindOf(typeName);
    const state = decodeObject(currentState?.msgpack, kind.attributes);
    if (state === null) return {};
    const unchanged = {
      newState: { msgpack: encodeObject(state, kind.attributes) },
      ...identityOf('newIdentity', kind, state),
    };
    // Without directors, because what they are is not known yet, the state is all there is.
    if (this.fleet === undefined) return unchanged;
    try {
      const { meaning } = readResource(kind, state);
      const live = await this.fleet.link(textOf(state['director'])).live();
      // What an older version took and this one does not: the entry with that id.
      const found = meaning === undefined ? kind.find(live, entryOf(state)) : kind.look(live, meaning, state);
      if (found === null) return { newState: { msgpack: encodeObject(null, kind.attributes) } };
      const plain = meaning === undefined ? {} : kind.plain(meaning, state);
      const seen: Values = { ...state, ...(respell(pick(state, found), plain, found) as Values) };
      return { ...unchanged, newState: { msgpack: encodeObject(seen, kind.attributes) } };
    } catch (error) {
      return { ...unchanged, diagnostics: [errorOf(error)] };
    }
  }

  async plan(request: wire.PlanResourceChange_Request): Promise<wire.PlanResourceChange_Response> {
    const kind = kindOf(request.typeName ?? '');
    const prior = decodeObject(request.priorState?.msgpack, kind.attributes);
    const config = decodeObject(request.config?.msgpack, kind.attributes);
    const proposed = decodeObject(request.proposedNewState?.msgpack, kind.attributes);
    const planned = proposed === null || config === null ? null : withDefaults(config, kind.attributes);
    const after = planned === null ? undefined : readResource(kind, planned);
    const before = prior === null ? undefined : readResource(kind, prior);
    if (planned !== null && after !== undefined) planned['id'] = idOf(planned, after) ?? Unknown.value;
    const replaces = prior === null || planned === null ? [] : replacedBy(kind, prior, planned, before, after);
    const same = planned !== null && prior !== null && JSON.stringify(planned) === JSON.stringify(prior);
    const diagnostics =
      same || after?.issues.length || (planned !== null && after?.meaning === undefined)
        ? []
        : await this.judge(
            textOf((planned ?? prior)?.['director']),
            {
              drop: before?.meaning?.entries ?? [],
              put: after?.meaning?.entries ?? [],
              policy: after?.meaning?.policy,
              dropPolicy: before?.meaning?.policy,
            },
            replaces.length > 0,
          );
    return {
      plannedState: { msgpack: encodeObject(planned, kind.attributes) },
      requiresReplace: replaces.map((name) => ({ steps: stepsOf([name], kind.attributes) })),
      diagnostics: [...(after === undefined ? [] : issuesOf(after, kind)), ...diagnostics],
      ...(planned === null ? {} : identityOf('plannedIdentity', kind, planned)),
    };
  }

  async apply(request: wire.ApplyResourceChange_Request): Promise<wire.ApplyResourceChange_Response> {
    const kind = kindOf(request.typeName ?? '');
    const prior = decodeObject(request.priorState?.msgpack, kind.attributes);
    const planned = decodeObject(request.plannedState?.msgpack, kind.attributes);
    const before = prior === null ? undefined : readResource(kind, prior);
    const after = planned === null ? undefined : readResource(kind, planned);
    const stays = {
      newState: { msgpack: encodeObject(prior, kind.attributes) },
      ...(prior === null ? {} : identityOf('newIdentity', kind, prior)),
    };
    try {
      if (after !== undefined && after.meaning === undefined) return { ...stays, diagnostics: issuesOf(after, kind) };
      const director = textOf((planned ?? prior)?.['director']);
      const id = planned === null || after === undefined ? '' : (idOf(planned, after) ?? '');
      const fleet = this.configured();
      if (prior === null) refuseTwin(fleet, id);
      else fleet.made.delete(textOf(prior['id']));
      await fleet.link(director).change({
        drop: before?.meaning?.entries ?? [],
        put: after?.meaning?.entries ?? [],
        policy: after?.meaning?.policy,
        dropPolicy: before?.meaning?.policy,
      });
      if (planned === null) return { newState: { msgpack: encodeObject(null, kind.attributes) } };
      fleet.made.add(id);
      const made = { ...planned, id };
      return { newState: { msgpack: encodeObject(made, kind.attributes) }, ...identityOf('newIdentity', kind, made) };
    } catch (error) {
      return { ...stays, diagnostics: [errorOf(error)] };
    }
  }

  async importResource({
    typeName,
    id,
    identity,
  }: wire.ImportResourceState_Request): Promise<wire.ImportResourceState_Response> {
    const kind = kindOf(typeName);
    const given = decodeObject(identity?.identityData?.msgpack, IDENTITY);
    const wanted = given === null ? (id ?? '') : textOf(given['id']);
    try {
      const [director = '', ...rest] = wanted.split('/');
      if (rest.length === 0) {
        throw new UsageError('bad-id', `'${wanted}' is not the id of a ${kind.type}`, {
          hint: `the director's name and the entry, e.g. lb1/${kind.importExample}`,
        });
      }
      const live = await this.configured().link(director).live();
      const found = kind.find(live, rest.join('/'));
      if (found === null) {
        throw new UsageError('no-entry', `${director}: there is no ${rest.join('/')}`, {
          hint: `there are: ${kind.list(live).join(', ') || 'none'}`,
        });
      }
      const state = imported(kind, director, wanted, found);
      return {
        importedResources: [
          {
            typeName: kind.type,
            state: { msgpack: encodeObject(state, kind.attributes) },
            ...identityOf('identity', kind, state),
          },
        ],
      };
    } catch (error) {
      return { diagnostics: [errorOf(error)] };
    }
  }

  async *list({
    typeName,
    config,
    includeResourceObject,
    limit,
  }: wire.ListResource_Request): AsyncGenerator<wire.ListResource_Event> {
    const kind = kindOf(typeName);
    const only = decodeObject(config?.msgpack, LIST_CONFIG)?.['director'];
    let left = limit === undefined || limit === 0 ? Infinity : limit;
    try {
      const fleet = this.configured();
      for (const director of typeof only === 'string' ? [only] : fleet.names) {
        const live = await fleet.link(director).live();
        for (const entry of kind.list(live)) {
          const found = kind.find(live, entry);
          if (found === null || left-- <= 0) continue;
          const state = imported(kind, director, `${director}/${entry}`, found);
          yield {
            displayName: `${director}/${entry}`,
            ...identityOf('identity', kind, state),
            ...(includeResourceObject === true
              ? { resourceObject: { msgpack: encodeObject(state, kind.attributes) } }
              : {}),
          };
        }
      }
    } catch (error) {
      yield { diagnostic: [errorOf(error)] };
    }
  }

  async readData({ typeName, config }: wire.ReadDataSource_Request): Promise<wire.ReadDataSource_Response> {
    const source = DATA_SOURCES.get(typeName ?? '');
    if (source === undefined) throw new RangeError(`there is no data source ${typeName ?? ''}`);
    const given = decodeObject(config?.msgpack, source.attributes) ?? {};
    try {
      const live = await this.configured().link(textOf(given['director'])).live();
      return { state: { msgpack: encodeObject({ ...given, ...source.read(live) }, source.attributes) } };
    } catch (error) {
      return { diagnostics: [errorOf(error)] };
    }
  }

  stop(): wire.StopProvider_Response {
    this.fleet?.stop();
    return {};
  }

  private configured(): Fleet {
    if (this.fleet !== undefined) return this.fleet;
    throw new UsageError('not-configured', 'the provider block holds values that are not known yet', {
      hint: 'apply what they come from first, with -target',
    });
  }

  private readSettings(config: Values | null): { settings?: ProviderSettings; diagnostics: Diagnostics } {
    const given = config ?? {};
    const isUnresolved = (value: unknown): boolean => value instanceof Unknown;
    const { value, issues } = readFields(ProviderSettings, given, { spelling: 'snake_case', isUnresolved });
    const known = !holdsUnknown(given);
    const all =
      issues.length > 0 || !known
        ? issues
        : [
            ...ignoreIssues(value.ignore ?? []),
            ...Object.entries(value.directors).flatMap(([name, { ignore }]) =>
              ignoreIssues(ignore ?? []).map((issue) => ({ ...issue, path: ['directors', name, ...issue.path] })),
            ),
          ];
    const diagnostics = all.map(({ path, message, hint }) => errorAt(path, message, hint, PROVIDER_ATTRIBUTES));
    if (all.length > 0 || !known) return { diagnostics };
    const tables = Object.entries(value.directors).filter(([, { owns }]) => (owns ?? value.owns) === 'table');
    if (tables.length > 0) {
      diagnostics.push(
        warning(
          `owns = "table" on ${tables.map(([name]) => name).join(', ')} does nothing under Terraform`,
          'Terraform knows single resources and never removes what is not among them. Use lvsform for this stack, or look for foreign services with the data source ipvs_table.',
        ),
      );
    }
    return { settings: value, diagnostics };
  }

  /** What the core says about a change before it is made. A director that does not answer fails the apply, not the plan. */
  private async judge(director: string, intent: Intent, replaces: boolean): Promise<Diagnostics> {
    if (this.fleet === undefined) return [];
    try {
      const { findings } = await this.fleet.link(director).judge(replaces ? { ...intent, drop: [] } : intent);
      const ids = [...intent.drop, ...intent.put].map((entry) => `${director}/${entryId(entry)}`);
      return findings
        .filter(
          ({ severity, subject }) => severity === 'blocking' && ids.some((id) => subject?.startsWith(id) === true),
        )
        .map(({ subject, message, hint, code }) =>
          warning(`${subject ?? director}: ${message}`, `${hint ?? ''} [${code}]`),
        );
    } catch (error) {
      const diagnostic = errorOf(error);
      const unreachable = isPlainObject(error) && 'director' in error && error.constructor.name === 'TransportError';
      return [
        unreachable
          ? warning(`${diagnostic.summary ?? ''}: the change could not be checked there`, diagnostic.detail)
          : diagnostic,
      ];
    }
  }
}

function kindOf(type: string | undefined): Kind {
  const kind = KINDS.get(type ?? '');
  if (kind === undefined) throw new RangeError(`there is no resource type ${type ?? ''}`);
  return kind;
}

function issuesOf({ issues }: ReadResource, kind: Kind): Diagnostics {
  return issues.map(({ path, message, hint }) => errorAt(path, message, hint, kind.attributes));
}

function idOf(values: Values, { meaning }: ReadResource): string | undefined {
  return meaning === undefined ? undefined : `${textOf(values['director'])}/${meaning.id}`;
}

/** The id without its director. */
function entryOf(state: Values): string {
  return textOf(state['id']).split('/').slice(1).join('/');
}

/** Attributes whose new value makes another entry; another spelling of the same does not. */
function replacedBy(
  kind: Kind,
  prior: Values,
  planned: Values,
  before: ReadResource | undefined,
  after: ReadResource | undefined,
): string[] {
  if (before === undefined || after === undefined) return [];
  if (kind.identified && before.meaning !== undefined && after.meaning !== undefined && prior['id'] === planned['id'])
    return [];
  const plain = (read: ReadResource, name: string): string => JSON.stringify(read.fields[name] ?? null);
  return Object.entries(kind.schema.shape).flatMap(([field, schema]) => {
    const attribute = kind.attributes.find(({ name, replace }) => replace === true && name === snake(field));
    if (attribute === undefined || schema === undefined) return [];
    const unknown = planned[attribute.name] instanceof Unknown;
    return unknown || plain(before, field) !== plain(after, field) ? [attribute.name] : [];
  });
}

/** A name or an id; core makes sure that it is text. */
function textOf(value: Value | undefined): string {
  return typeof value === 'string' ? value : '';
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

function refuseTwin(fleet: Fleet, id: string): void {
  if (!fleet.made.has(id)) return;
  throw new UsageError('declared-twice', `${id} is declared by two resources`, {
    hint: 'they would take it from each other at every apply: remove one of them',
  });
}

function pick(state: Values, like: Values): Values {
  return Object.fromEntries(Object.keys(like).map((name) => [name, state[name] ?? null]));
}

function imported(kind: Kind, director: string, id: string, found: Values): Values {
  return { ...withDefaults({ ...found, director }, kind.attributes), id };
}

/** The identity of a resource in the field a message has for it; nothing while it is not known. */
function identityOf<Field extends string>(
  field: Field,
  kind: Kind,
  values: Values,
): Partial<Record<Field, wire.ResourceIdentityData>> {
  const { id = null } = values;
  if (!kind.identified || id === null || id instanceof Unknown) return {};
  const data = { identityData: { msgpack: encodeObject({ id: textOf(id) }, IDENTITY) } };
  return { [field]: data } as Partial<Record<Field, wire.ResourceIdentityData>>;
}
