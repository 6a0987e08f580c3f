/** What stands between a plan and its apply: policies, blocking findings, and what the caller lets pass. */
import {
  allowFindings,
  blockingFindings,
  type DesiredStack,
  findingWords,
  isPlanned,
  markAllowed,
  type Plan,
  UsageError,
} from '../model';
import { renderJson } from '../report';
import type { Io } from './io';
import { type LoadedPolicy, POLICY_PREFIX, withPolicies } from './policy';

/** What the caller lets pass, and the rules that are asked. */
export interface Judges {
  allowed: readonly string[];
  policies: readonly LoadedPolicy[];
}

/** The plan with the findings of the policies, and allowed ones marked. @throws UsageError for a code nobody knows */
export function judged(plan: Plan, { allowed, policies }: Judges): Plan {
  const all = withPolicies(plan, policies);
  const findings = all.directors.filter(isPlanned).flatMap((entry) => entry.findings);
  // What a policy may find is not known before it does.
  allowFindings(
    findings,
    allowed.filter((code) => !code.startsWith(POLICY_PREFIX)),
  );
  return markAllowed(all, allowed);
}

interface Refusal {
  /** What to do, for the codes of the findings. */
  hint: (codes: string) => string;
  /** Print the plan as JSON before, with the rollouts of these stacks: scripts read the findings there. */
  json: readonly DesiredStack[] | undefined;
}

/** @throws UsageError `blocked` with every finding that stops an apply of this plan */
export function refuseBlocked(plan: Plan, allowed: readonly string[], { hint, json }: Refusal, io: Io): void {
  const blocking = blockingFindings(plan, allowed);
  if (blocking.length === 0) return;
  if (json !== undefined) io.out(renderJson(plan, json));
  const codes = [...new Set(blocking.map(({ finding }) => finding.code))].join(' ');
  const lines = blocking.map((entry) => `    ${findingWords(entry)}`).join('\n');
  throw new UsageError('blocked', `findings stop this apply; nothing was changed anywhere:\n${lines}`, {
    hint: hint(codes),
  });
}
