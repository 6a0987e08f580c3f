import { createHash } from 'node:crypto';

/** JSON with the fields of every object in one order: equal data give equal text, wherever they come from. */
export function canonicalJson(data: unknown): string {
  return JSON.stringify(inOrder(data));
}

/** One order for everybody: localeCompare asks where we are, which takes 30 ms the first time. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** SHA-256 over the canonical JSON of plain data, 64 hexadecimal digits. */
export function sha256(data: unknown): string {
  return createHash('sha256').update(canonicalJson(data)).digest('hex');
}

function inOrder(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(inOrder);
  if (typeof data !== 'object' || data === null) return data;
  const fields = Object.entries(data).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(fields.map(([name, value]) => [name, inOrder(value)]));
}
