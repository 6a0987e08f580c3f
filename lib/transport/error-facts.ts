/** Errors come from other modules and realms as well, so they are asked for what they have, not for what they are. */
export function errorField(error: unknown, name: 'code' | 'level' | 'message'): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const value: unknown = Reflect.get(error, name);
  return typeof value === 'string' ? value : undefined;
}

export function errorText(error: unknown): string {
  return errorField(error, 'message') ?? String(error);
}
