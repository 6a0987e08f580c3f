/** What an operator lets pass in one run. It is no argument of a block: there it would stay, and let the next one pass too. */
import { blockedError } from '../../../lib/apply';
import { allowFindings, type DirectorPlan, type Finding, UsageError } from '../../../lib/model';

export const ALLOW_VARIABLE = 'LVSFORM_ALLOW';

/** Codes of blocking findings that may pass. @throws UsageError `unknown-finding` */
export function allowedFindings(env: NodeJS.ProcessEnv): string[] {
  const codes = (env[ALLOW_VARIABLE] ?? '').split(/[\s,]+/).filter((code) => code !== '');
  try {
    allowFindings([], codes);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(error.code, `${ALLOW_VARIABLE}: ${error.message}`, error.hint === undefined ? {} : { hint: error.hint }); // prettier-ignore
  }
  return codes;
}

/** @throws ApplyError `blocked` with every finding that stops this change */
export function refuseBlocked({ director, findings }: DirectorPlan, allowed: readonly string[]): void {
  const blocking = allowFindings(findings, allowed);
  if (blocking.length === 0) return;
  throw blockedError(director, blocking, howToAllow(blocking));
}

/** What to do about findings that stop a change, beside what they say themselves. */
export function howToAllow(findings: readonly Finding[]): string {
  const codes = [...new Set(findings.map(({ code }) => code))].join(',');
  return `${ALLOW_VARIABLE}=${codes} in the environment of this plan and its apply lets it pass`;
}
