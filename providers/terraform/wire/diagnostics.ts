/** Errors and warnings as Terraform shows them. */
import { CapabilityError, type Issue, LvsformError } from '../../../lib/model';
import type { Attribute, AttributeType } from '../schema/attribute';
import type { AttributePath_Step, Diagnostic, Diagnostic_Severity } from './generated/tfplugin6';

/** Spelled out, since the generated code brings all of gRPC with it, a second time (see tools/bundle-provider.js). */
/* eslint-disable @typescript-eslint/no-unsafe-enum-assignment -- the enums themselves are not loaded */
const Severity = { ERROR: 1 as Diagnostic_Severity.ERROR, WARNING: 2 as Diagnostic_Severity.WARNING };
/* eslint-enable @typescript-eslint/no-unsafe-enum-assignment */

/** Where in a resource's configuration an entry stands, by its id; empty where that is not known. */
export type Locate = (entry: string, field?: string) => AttributePath_Step[];

/** An error at the places it is about: one for each problem, where it holds several. */
export function errorsOf(error: unknown, locate: Locate): Diagnostic[] {
  if (!(error instanceof CapabilityError)) {
    const entry = error instanceof LvsformError ? error.entry : undefined;
    return [at(errorOf(error), entry === undefined ? [] : locate(entry))];
  }
  const detail = error.hint === undefined ? '' : `hint: ${error.hint}`;
  return error.problems.map(({ message, entry, field }) =>
    at(
      { severity: Severity.ERROR, summary: `${error.director}: ${message}`, detail },
      entry === undefined ? [] : locate(entry, field),
    ),
  );
}

function at(diagnostic: Diagnostic, steps: AttributePath_Step[]): Diagnostic {
  return steps.length === 0 ? diagnostic : { ...diagnostic, attribute: { steps } };
}

/** A finding about an entry: one that blocks and is not allowed is an error. */
export function findingAt(
  severity: 'error' | 'warning',
  { summary, detail }: { summary: string; detail: string },
  steps: AttributePath_Step[],
): Diagnostic {
  return at({ severity: severity === 'error' ? Severity.ERROR : Severity.WARNING, summary, detail }, steps);
}

export function errorOf(error: unknown): Diagnostic {
  if (!(error instanceof LvsformError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    return { severity: Severity.ERROR, summary: 'The ipvs provider failed', detail: text };
  }
  const [summary = '', ...rest] = error.message.split('\n');
  const detail = [...rest, ...(error.hint === undefined ? [] : [`hint: ${error.hint}`])].join('\n');
  return { severity: Severity.ERROR, summary, detail };
}

export function errorAt(
  path: Issue['path'],
  message: string,
  hint: string | undefined,
  schema: readonly Attribute[],
): Diagnostic {
  const field = path.join('.');
  return {
    severity: Severity.ERROR,
    summary: field === '' ? `The resource ${message}` : `${field}: ${message}`,
    detail: hint === undefined ? '' : `hint: ${hint}`,
    ...(path.length === 0 ? {} : { attribute: { steps: stepsOf(path, schema) } }),
  };
}

export function warning(summary: string, detail = ''): Diagnostic {
  return { severity: Severity.WARNING, summary, detail };
}

export function holdsError(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some(({ severity }) => severity === Severity.ERROR);
}

/** Names of attributes, keys of maps and places in lists are different steps. */
export function stepsOf(path: Issue['path'], schema: readonly Attribute[]): AttributePath_Step[] {
  let [attributes, type]: [readonly Attribute[] | undefined, AttributeType | undefined] = [schema, undefined];
  const steps: AttributePath_Step[] = [];
  for (const part of path) {
    if (attributes !== undefined) {
      type = attributes.find(({ name }) => name === part)?.type;
      // Core refuses a path to something that is not there.
      if (type === undefined) break;
      steps.push({ attributeName: String(part) });
      attributes = type.kind === 'nested' && type.nesting === 'single' ? type.attributes : undefined;
    } else {
      if (type === undefined || type.kind === 'set') break;
      steps.push(typeof part === 'number' ? { elementKeyInt: part } : { elementKeyString: part });
      attributes = type.kind === 'nested' ? type.attributes : undefined;
    }
  }
  return steps;
}
