import { Token } from '../../../lib/terraform';

/** Whether a value is only known to the engine that runs the artefact: a cdktf token, or an expression written out. */
export function isUnresolved(value: unknown): boolean {
  return Token.isUnresolved(value) || (typeof value === 'string' && value.includes('${'));
}

/** Whether anything inside a plain value is unresolved. */
export function holdsUnresolved(value: unknown): boolean {
  if (isUnresolved(value)) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsUnresolved);
}
