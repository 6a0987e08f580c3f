/** As much of Terraform's core as calls a provider: it keeps state, plans twice, and believes nothing it is told. */
import { IpvsProvider, PROVIDER_ATTRIBUTES } from '../../providers/terraform/provider';
import { type Kind, KINDS } from '../../providers/terraform/resources';
import { Diagnostic_Severity, type Diagnostic } from '../../providers/terraform/wire/generated/tfplugin6';
import { decodeObject, encodeObject, holdsUnknown, type Values } from '../../providers/terraform/wire/value';
import { brokenPromises, planFaults, proposed, same } from './core-rules';

type Action = 'no-op' | 'create' | 'update' | 'replace' | 'delete';

interface Planned {
  action: Action;
  prior: Values | null;
  planned: Values | null;
}

/** A resource as configured: what is not known before the apply, and what it is then. */
export interface Configured {
  type: string;
  /** May hold unknowns. */
  planned: Values;
  known: Values;
}

interface Kept {
  type: string;
  /** Core keeps JSON. */
  json: string;
}

const bytes = (values: Values | null, { attributes }: Kind): { msgpack: Buffer } => ({
  msgpack: encodeObject(values, attributes),
});

export class Core {
  private state = new Map<string, Kept>();

  constructor(
    private readonly provider: IpvsProvider,
    private readonly settings: Values,
  ) {}

  /** Ends what is open, and starts anew, as every phase does. */
  async configure(settings: Values = this.settings): Promise<void> {
    const { diagnostics = [] } = await this.provider.configure({
      config: { msgpack: encodeObject(settings, PROVIDER_ATTRIBUTES) },
    });
    accept(diagnostics, 'configure');
  }

  /** Plans with what is not known yet, and applies. @returns how many of each action */
  async apply(stack: ReadonlyMap<string, Configured>): Promise<Map<Action, number>> {
    const names = [...new Set([...this.state.keys(), ...stack.keys()])];
    const plans = new Map<string, Planned>();
    await Promise.all(
      names.map(async (name) => {
        const kind = this.kindOf(name, stack);
        const prior = await this.refresh(name);
        plans.set(name, await this.plan(name, kind, prior, stack.get(name)?.planned ?? null));
      }),
    );
    await Promise.all(
      names.map((name) => this.carryOut(name, this.kindOf(name, stack), plans.get(name)!, stack.get(name)?.known ?? null)),
    ); // prettier-ignore
    const counts = new Map<Action, number>();
    for (const { action } of plans.values()) counts.set(action, (counts.get(action) ?? 0) + 1);
    return counts;
  }

  /** What a second plan would do. */
  async pending(stack: ReadonlyMap<string, Configured>): Promise<string[]> {
    const told: string[] = [];
    for (const name of new Set([...this.state.keys(), ...stack.keys()])) {
      const kind = this.kindOf(name, stack);
      const prior = await this.refresh(name);
      const { action, planned } = await this.plan(name, kind, prior, stack.get(name)?.known ?? null);
      if (action !== 'no-op') told.push(`${action} ${name}: ${JSON.stringify(prior)} → ${JSON.stringify(planned)}`);
    }
    return told;
  }

  private kindOf(name: string, stack: ReadonlyMap<string, Configured>): Kind {
    return KINDS.get((this.state.get(name) ?? stack.get(name))?.type ?? '')!;
  }

  private async refresh(name: string): Promise<Values | null> {
    const kept = this.state.get(name);
    if (kept === undefined) return null;
    const kind = KINDS.get(kept.type)!;
    const { upgradedState } = this.provider.upgrade({ typeName: kept.type, rawState: { json: Buffer.from(kept.json), flatmap: {} } }); // prettier-ignore
    const { newState, diagnostics = [] } = await this.provider.read({ typeName: kept.type, currentState: upgradedState! }); // prettier-ignore
    accept(diagnostics, `read ${name}`);
    const read = decodeObject(newState?.msgpack, kind.attributes);
    if (holdsUnknown(read)) throw new Error(`read ${name}: not wholly known`);
    return read;
  }

  private async plan(name: string, kind: Kind, prior: Values | null, config: Values | null): Promise<Planned> {
    if (config !== null) {
      const { diagnostics = [] } = this.provider.validateResource({ typeName: kind.type, config: bytes(config, kind) });
      accept(diagnostics, `validate ${name}`);
    }
    const { planned, replaced } = await this.ask(name, kind, prior, config);
    if (planned === null) return { action: 'delete', prior, planned };
    if (prior === null) return { action: 'create', prior, planned };
    if (replaced) return { action: 'replace', prior, planned: (await this.ask(name, kind, null, config)).planned };
    const settled = kind.attributes.every(({ name: field, type }) => same(prior[field] ?? null, planned[field] ?? null, type)); // prettier-ignore
    return { action: settled ? 'no-op' : 'update', prior, planned };
  }

  /** One call, and what core checks of its answer. */
  private async ask(
    name: string,
    kind: Kind,
    prior: Values | null,
    config: Values | null,
  ): Promise<{ planned: Values | null; replaced: boolean }> {
    const { attributes } = kind;
    const answer = await this.provider.plan({
      typeName: kind.type,
      priorState: bytes(prior, kind),
      config: bytes(config, kind),
      proposedNewState: bytes(proposed(attributes, prior, config), kind),
    });
    accept(answer.diagnostics ?? [], `plan ${name}`);
    const planned = decodeObject(answer.plannedState?.msgpack, attributes);
    refute(`plan ${name}`, planFaults(attributes, prior, config, planned));
    const replaced = (answer.requiresReplace ?? []).some(({ steps = [] }) => {
      const [first] = steps;
      const attribute = attributes.find((each) => each.name === first?.attributeName);
      if (attribute === undefined) throw new Error(`plan ${name}: a path to replace that is no attribute`);
      // Core ignores what did not change.
      return prior !== null && !same(prior[attribute.name] ?? null, planned?.[attribute.name] ?? null, attribute.type);
    });
    return { planned, replaced };
  }

  private async carryOut(name: string, kind: Kind, first: Planned, config: Values | null): Promise<void> {
    const { action, prior } = first;
    if (action === 'no-op') return;
    if (action === 'delete' || action === 'replace') {
      await this.make(name, kind, prior, null);
      if (action === 'delete') return;
    }
    const before = action === 'replace' ? null : prior;
    const again = await this.plan(name, kind, before, config);
    refute(`final plan ${name}`, brokenPromises(kind.attributes, first.planned, again.planned));
    const wanted = action === 'replace' ? 'create' : action;
    // That an update has become nothing is allowed.
    if (again.action !== wanted && !(wanted === 'update' && again.action === 'no-op'))
      throw new Error(`final plan ${name}: ${action} has become ${again.action}`);
    if (again.action !== 'no-op') await this.make(name, kind, before, again.planned);
  }

  private async make(name: string, kind: Kind, prior: Values | null, planned: Values | null): Promise<void> {
    const answer = await this.provider.apply({
      typeName: kind.type,
      priorState: bytes(prior, kind),
      plannedState: bytes(planned, kind),
      config: bytes(planned, kind),
    });
    accept(answer.diagnostics ?? [], `apply ${name}`);
    const made = decodeObject(answer.newState?.msgpack, kind.attributes);
    if (holdsUnknown(made)) throw new Error(`apply ${name}: not wholly known`);
    refute(`apply ${name}`, brokenPromises(kind.attributes, planned, made));
    if (made === null) this.state.delete(name);
    else this.state.set(name, { type: kind.type, json: JSON.stringify(made) });
  }
}

function accept(diagnostics: readonly Diagnostic[], what: string): void {
  const errors = diagnostics.filter(({ severity }) => severity === Diagnostic_Severity.ERROR);
  refute(what, errors.map(({ summary = '', detail = '' }) => `${summary} ${detail}`)); // prettier-ignore
}

function refute(what: string, faults: readonly string[]): void {
  if (faults.length > 0) throw new Error(`${what}:\n${faults.join('\n')}`);
}
