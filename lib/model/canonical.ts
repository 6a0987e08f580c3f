import { createHash } from 'node:crypto';

/** JSON with the fields of every object in one order: equal data give equal text, wherever they come from. */
export function canonicalJson(data: unknown): string {
  return JSON.stringify(inOrder(data));
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
