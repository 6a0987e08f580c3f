/**
 * Equal parts of plans as one object. The directors of a fleet mostly get the same commands and the same entries; only
 * the ids of their changes differ, and what is kept for a thousand directors should grow with those alone.
 */
import type { Change, DirectorPlan, Step } from '../model';

export class SharedParts {
  private readonly parts = new Map<string, unknown>();

  /** The same plan; its parts may be those of plans before it, so nobody may write to them. */
  plan(plan: DirectorPlan): DirectorPlan {
    return {
      ...plan,
      changes: plan.changes.map((change) => this.change(change)),
      steps: plan.steps.map((step) => this.step(step)),
      fingerprints: this.part(plan.fingerprints),
    };
  }

  private change(change: Change): Change {
    const { fields, before, after } = change;
    const shared = { fields: this.part(fields), before: before && this.part(before), after: after && this.part(after) };
    const service = change.on === 'server' ? { service: this.part(change.service) } : {};
    return { ...change, ...shared, ...service } as Change;
  }

  private step(step: Step): Step {
    return { ...step, command: this.part(step.command), undo: this.part(step.undo) };
  }

  /** Parts of one kind are made by one piece of code: their fields come in one order. */
  private part<T extends object>(part: T): T {
    const text = JSON.stringify(part);
    const known = this.parts.get(text);
    if (known !== undefined) return known as T;
    this.parts.set(text, part);
    return part;
  }
}
