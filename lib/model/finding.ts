import { UsageError } from './errors';
import type { Finding } from './plan';

/** Codes of findings that stop an apply unless they are allowed, and what each is about. */
export const BLOCKING_FINDINGS = {
  'active-connections': 'something with active connections is removed without a drain',
  'last-server': 'a service that stays loses its last active real server',
  'pool-drop': 'more than 30 % of the active real servers of a service go at once; of up to three, all',
  'weight-floor': 'the weights of a service fall below half of their sum',
} as const;

/**
 * The blocking findings that remain when some codes are allowed.
 *
 * @param known every code that may be allowed beside those of `findings`: a policy brings its own
 * @throws UsageError `unknown-finding` for codes nobody knows, listing the known ones
 */
export function allowFindings(
  findings: readonly Finding[],
  allowed: readonly string[],
  known: readonly string[] = Object.keys(BLOCKING_FINDINGS),
): Finding[] {
  const blocking = findings.filter(({ severity }) => severity === 'blocking');
  const codes = [...new Set([...known, ...blocking.map(({ code }) => code)])].sort();
  const unknown = allowed.filter((code) => !codes.includes(code));
  if (unknown.length > 0) {
    const names = unknown.map((code) => `'${code}'`).join(', ');
    const message = `no finding that blocks an apply is called ${names}`;
    throw new UsageError('unknown-finding', message, { hint: `there are: ${codes.join(', ')}` });
  }
  return blocking.filter(({ code }) => !allowed.includes(code));
}
