/** Errors and warnings as Terraform shows them. */
import { type Issue, LvsformError } from '../../../lib/model';
import type { Attribute, AttributeType } from '../schema/attribute';
import { type AttributePath_Step, type Diagnostic, Diagnostic_Severity as Severity } from './generated/tfplugin6';

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
