import type { DirectorPlan, Finding } from '../model';

/** Directors of a stack whose plans are the same but for the director's name: shown once. */
export interface PlanGroup {
  directors: string[];
  /** The first one's plan, ids without the director. */
  plan: DirectorPlan;
}

/**
 * Groups equal plans, in the order of their first director. A fleet of a hundred equal directors reads like one, whatever
 * foreign entries each of them has: those are counted for all together. Of findings that only differ in their number of
 * connections the largest is shown, with its director.
 */
export function groupPlans(plans: readonly DirectorPlan[]): PlanGroup[] {
  const groups = new Map<string, [DirectorPlan, ...DirectorPlan[]]>();
  for (const plan of plans) {
    const relative = withoutDirector(plan);
    const findings = relative.findings.map(withoutCount);
    const key = JSON.stringify({ ...relative, findings, director: '', foreign: 0, fingerprints: {} });
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [relative]);
    else group.push(relative);
  }
  return [...groups.values()].map((members) => ({
    directors: members.map(({ director }) => director),
    plan: { ...members[0], findings: members[0].findings.map((finding, at) => largest(finding, at, members)) },
  }));
}

/** A finding as it is the same on directors with more or fewer connections. */
function withoutCount(finding: Finding): Finding {
  return finding.connections === undefined ? finding : { ...finding, message: '', connections: 0 };
}

function largest(first: Finding, at: number, members: readonly DirectorPlan[]): Finding {
  let most = { finding: first, director: members[0]?.director ?? '' };
  let differ = false;
  for (const { director, findings } of members) {
    const finding = findings[at];
    if (finding?.connections === undefined) return first;
    differ ||= finding.connections !== first.connections;
    if (finding.connections > (most.finding.connections ?? 0)) most = { finding, director };
  }
  return differ ? { ...most.finding, message: `${most.finding.message} on ${most.director}, fewer elsewhere` } : first;
}

function withoutDirector(plan: DirectorPlan): DirectorPlan {
  const prefix = `${plan.director}/`;
  const cut = (id: string): string => (id.startsWith(prefix) ? id.slice(prefix.length) : id);
  return {
    ...plan,
    changes: plan.changes.map((change) => ({ ...change, id: cut(change.id) })),
    steps: plan.steps.map((step) => ({ ...step, changes: step.changes.map(cut) })),
    findings: plan.findings.map((finding) => ({
      ...finding,
      message: finding.message.replaceAll(prefix, ''),
      ...(finding.subject === undefined ? {} : { subject: cut(finding.subject) }),
    })),
  };
}
