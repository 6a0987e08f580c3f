/** Rules of the user's own: modules given with `--policy`, run on every plan. */
import { resolve } from 'node:path';
import { type DirectorPlan, Finding, isPlanned, type Plan, UsageError } from '../model';
import type { Io } from './io';
import { loadModule } from './run-app';

/** Stands before the code of every policy's finding, so that none is taken for one of ours. */
export const POLICY_PREFIX = 'policy/';

export interface LoadedPolicy {
  /** As the user named it. */
  file: string;
  /** Its place in `policies`, from 0. */
  index: number;
  run: (plan: DirectorPlan) => unknown;
}

/** Loads modules that export `policies`. @throws UsageError `bad-policy`, or what stops the module from loading */
export async function loadPolicies(files: readonly string[], io: Io): Promise<LoadedPolicy[]> {
  const loaded: LoadedPolicy[] = [];
  for (const file of files) {
    const exported = await loadModule('policy file', resolve(io.cwd, file), io.cwd);
    // An ES module that imports a CommonJS one finds what that exports under `default`.
    const inner: unknown = exported['default'];
    const policies: unknown =
      exported['policies'] ??
      (typeof inner === 'object' && inner !== null ? Reflect.get(inner, 'policies') : undefined);
    if (!Array.isArray(policies) || !policies.every(isFunction))
      throw new UsageError('bad-policy', `${file} does not export \`policies\`, a list of functions`, {
        hint: 'export const policies: Policy[] = [(plan) => []];',
      });
    loaded.push(...policies.map((run, index) => ({ file, index, run })));
  }
  return loaded;
}

/** The plan with what the policies find in it. @throws UsageError `policy-failed` naming the file and the policy */
export function withPolicies(plan: Plan, policies: readonly LoadedPolicy[]): Plan {
  if (policies.length === 0) return plan;
  return {
    ...plan,
    directors: plan.directors.map((entry) =>
      isPlanned(entry)
        ? { ...entry, findings: [...entry.findings, ...policies.flatMap((policy) => runPolicy(policy, entry))] }
        : entry,
    ),
  };
}

function runPolicy({ file, index, run }: LoadedPolicy, plan: DirectorPlan): Finding[] {
  const failed = (reason: string, cause?: unknown): UsageError =>
    new UsageError('policy-failed', `${file}: policies[${index}] ${reason}`, { cause });
  let found: unknown;
  try {
    // A copy: a policy looks, it doesn't change what will be done.
    found = run(structuredClone(plan));
  } catch (error) {
    throw failed(`failed on ${plan.director}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
  if (!Array.isArray(found)) {
    const what = found instanceof Promise ? 'a promise' : typeof found;
    throw failed(`has to return a list of findings, not ${what}`);
  }
  const parsed = Finding.array().safeParse(found);
  if (!parsed.success) {
    const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
    throw failed(`returns what is not a finding: ${problems.join('; ')}`);
  }
  return parsed.data.map((finding) => ({
    ...finding,
    code: finding.code.startsWith(POLICY_PREFIX) ? finding.code : `${POLICY_PREFIX}${finding.code}`,
  }));
}

function isFunction(value: unknown): value is LoadedPolicy['run'] {
  return typeof value === 'function';
}
