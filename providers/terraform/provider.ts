/** The provider's answers to Terraform: every call's values in, values and diagnostics out. */
import { allowFindings, findingWords, ignoreIssues, ProviderSettings, readFields, snakeCase, TransportError, UsageError } from '../../lib/model'; // prettier-ignore
import { DATA_SOURCES } from './data-sources';
import { ALLOW_VARIABLE, howToAllow } from './directors/allowed';
import { Fleet, type FleetOptions } from './directors/fleet';
import { leftAlone, refuseIgnored } from './directors/ignored';
import type { Intent } from './directors/wish';
import { entryId } from './directors/wish';
import { type Kind, KINDS, readResource, type ReadResource, respell } from './resources';
import { type Attribute, attributesOf, TEXT } from './schema/attribute';
import { withDefaults } from './schema/defaults';
import { schemaMessage, typeBytes } from './schema/encode';
import { errorAt, errorOf, errorsOf, findingAt, holdsError, type Locate, stepsOf, warning } from './wire/diagnostics';
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
    this.fleet = undefined;
    if (settings === undefined) return { diagnostics };
    try {
      this.fleet = new Fleet(settings, this.options);
    } catch (error) {
      return { diagnostics: [...diagnostics, errorOf(error)] };
    }
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
      const director = textOf(state['director']);
      const link = this.fleet.link(director);
      const live = await link.live();
      const diagnostics = (await link.awaitsPersist()) ? [persistAwaits(director)] : [];
      // What an older version took and this one does not: the entry with that id.
      const found = meaning === undefined ? kind.find(live, entryOf(state)) : kind.look(live, meaning, state);
      if (found === null) return { newState: { msgpack: encodeObject(null, kind.attributes) }, diagnostics };
      const plain = meaning === undefined ? {} : kind.plain(meaning, state);
      const seen: Values = { ...state, ...(respell(pick(state, found), plain, found) as Values) };
      return { ...unchanged, newState: { msgpack: encodeObject(seen, kind.attributes) }, diagnostics };
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
    // While anything is unknown, so is the id: but what is not replaced keeps its own, and who uses it is left in peace.
    const keepsId = kind.identified && prior !== null && replaces.length === 0;
    if (keepsId && planned?.['id'] instanceof Unknown) planned['id'] = prior['id'] ?? Unknown.value;
    const same = planned !== null && prior !== null && JSON.stringify(planned) === JSON.stringify(prior);
    const isSettled = same || (planned !== null && after?.meaning === undefined);
    const ignored = this.toldIgnored(before, planned ?? prior, after);
    const isJudged = !isSettled && !holdsError(ignored);
    const judged = isJudged ? await this.judgeAll(kind, { values: prior, read: before }, { values: planned, read: after }) : []; // prettier-ignore
    return {
      plannedState: { msgpack: encodeObject(planned, kind.attributes) },
      requiresReplace: replaces.map((name) => ({ steps: stepsOf([name], kind.attributes) })),
      diagnostics: [...(after === undefined ? [] : issuesOf(after, kind)), ...ignored, ...judged],
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
      const link = this.configured().link(director);
      const ignored = this.toldIgnored(before, planned ?? prior, after);
      if (holdsError(ignored)) return { ...stays, diagnostics: ignored };
      await link.change(intentOf(before, after));
      if (planned === null || after === undefined)
        return { newState: { msgpack: encodeObject(null, kind.attributes) }, diagnostics: ignored };
      const made = { ...planned, id: idOf(planned, after) ?? '' };
      return { newState: { msgpack: encodeObject(made, kind.attributes) }, ...identityOf('newIdentity', kind, made) };
    } catch (error) {
      return { ...stays, diagnostics: errorsOf(error, locator(kind, { values: planned ?? prior, read: after ?? before })) }; // prettier-ignore
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
      const found = await source.read(this.configured().link(textOf(given['director'])));
      return { state: { msgpack: encodeObject({ ...given, ...found }, source.attributes) } };
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

  /** What the provider block says is left alone: an error where it is declared, a warning where it would be destroyed. */
  private toldIgnored(
    before: ReadResource | undefined,
    values: Values | null,
    after: ReadResource | undefined,
  ): Diagnostics {
    const director = textOf(values?.['director']);
    const patterns = this.fleet?.ignored(director) ?? [];
    try {
      refuseIgnored(director, patterns, after?.meaning?.entries ?? []);
    } catch (error) {
      return [errorOf(error)];
    }
    if (after !== undefined) return [];
    return leftAlone(patterns, before?.meaning?.entries ?? []).map(
      (id) =>
      warning(`${director}/${id} is ignored, and so it is left alone`, 'It goes from the state only: on the director it stays as it is.'), // prettier-ignore
    );
  }

  /** What the core says about a change before it is made; on both directors, where it goes from one to another. */
  private async judgeAll(kind: Kind, before: Known, after: Known): Promise<Diagnostics> {
    const directorOf = ({ values }: Known): string => textOf(values?.['director']);
    const [from, to] = [directorOf(before), directorOf(after)];
    const parts: [string, Known | undefined, Known | undefined][] =
      before.values === null || after.values === null || from === to
        ? [[to || from, before, after]]
        : [
            [from, before, undefined],
            [to, undefined, after],
          ];
    const told = await Promise.all(
      parts.map(([director, gone, put]) =>
        this.judge(director, intentOf(gone?.read, put?.read), locator(kind, put?.values ? put : (gone ?? after))),
      ),
    );
    return told.flat();
  }

  /** A director that does not answer fails the apply, not the plan. */
  private async judge(director: string, intent: Intent, locate: Locate): Promise<Diagnostics> {
    if (this.fleet === undefined) return [];
    try {
      const { findings } = await this.fleet.link(director).judge(intent);
      const stopping = allowFindings(findings, this.fleet.allowed);
      return findings
        .filter(({ severity }) => severity === 'blocking')
        .map((finding) => {
          const stops = stopping.includes(finding);
          const summary = `${stops ? '' : `allowed by ${ALLOW_VARIABLE}: `}${findingWords({ director, finding })}`;
          const hints = [finding.hint, ...(stops ? [howToAllow([finding])] : [])].filter((hint) => hint !== undefined);
          const detail = hints.map((hint) => `hint: ${hint}`).join('\n');
          const steps = finding.subject === undefined ? [] : locate(finding.subject);
          return findingAt(stops ? 'error' : 'warning', { summary, detail }, steps);
        });
    } catch (error) {
      const diagnostics = errorsOf(error, locate);
      if (!(error instanceof TransportError)) return diagnostics;
      return diagnostics.map(({ summary = '', detail }) => warning(`${summary}: the change could not be checked there`, detail)); // prettier-ignore
    }
  }
}

/** A resource as Terraform knows it, and what that means. */
interface Known {
  values: Values | null;
  read: ReadResource | undefined;
}

function intentOf(before: ReadResource | undefined, after: ReadResource | undefined): Intent {
  return {
    drop: before?.meaning?.entries ?? [],
    put: after?.meaning?.entries ?? [],
    policy: after?.meaning?.policy,
    dropPolicy: before?.meaning?.policy,
  };
}

/** Where the entries of a resource stand in it. Their ids may begin with the director. */
function locator(kind: Kind, { values, read }: Known): Locate {
  return (entry, field) => {
    if (values === null || read?.meaning === undefined) return [];
    const { meaning } = read;
    const prefix = `${textOf(values['director'])}/`;
    const id = entry.startsWith(prefix) ? entry.slice(prefix.length) : entry;
    const path = meaning.entries.some((one) => entryId(one) === id) ? [] : kind.part?.(meaning, values, id);
    return path === undefined
      ? []
      : stepsOf([...path, ...(field === undefined ? [] : [snakeCase(field)])], kind.attributes);
  };
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
    const attribute = kind.attributes.find(({ name, replace }) => replace === true && name === snakeCase(field));
    if (attribute === undefined || schema === undefined) return [];
    const unknown = planned[attribute.name] instanceof Unknown;
    return unknown || plain(before, field) !== plain(after, field) ? [attribute.name] : [];
  });
}

function persistAwaits(director: string): wire.Diagnostic {
  return warning(
    `${director}: what it loads at boot is not as \`persist\` says now`,
    'The next change of a resource there brings it up to date; by itself `persist` is no change that Terraform knows.',
  );
}

/** A name or an id; core makes sure that it is text. */
function textOf(value: Value | undefined): string {
  return typeof value === 'string' ? value : '';
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
