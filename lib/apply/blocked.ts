/** Blocking findings at the moment of the change: connections come and go, and what was harmless may not be any more. */
import { allowFindings, ApplyError, type DirectorPlan, type Finding, findingWords } from '../model';

type Judged = Pick<DirectorPlan, 'findings'>;

/**
 * Blocking findings that nobody has seen: not in the plan that was reviewed, and not allowed. One that was reviewed stays
 * so when its numbers change.
 */
export function newlyBlocking(reviewed: Judged, now: Judged, allowed: readonly string[]): Finding[] {
  const name = ({ code, subject }: Finding): string => `${code} ${subject ?? ''}`;
  const seen = new Set(reviewed.findings.filter(({ severity }) => severity === 'blocking').map(name));
  // A code that only the review knew, such as a policy's, is no mistake here.
  return allowFindings(now.findings, allowed, allowed).filter((finding) => !seen.has(name(finding)));
}

/** With every finding that stops the change of one director. */
export function blockedError(director: string, findings: readonly Finding[], hint: string): ApplyError {
  const lines = findings.map((finding) => `  ${findingWords({ director, finding })}`).join('\n');
  return new ApplyError('blocked', director, `findings stop this change, nothing was changed:\n${lines}`, { hint });
}

/** Codes as the command line takes them, each once. */
export function codesOf(findings: readonly Finding[]): string {
  return [...new Set(findings.map(({ code }) => code))].join(' ');
}
