import { createRequire, Module } from 'node:module';

type Load = (request: string, parent: { filename?: string | null } | undefined, isMain: boolean) => unknown;

/**
 * While `run` loads modules, whoever among them asks for one of the packages gets a stand-in, which loads it when it is
 * first used.
 *
 * @param names packages in CommonJS, each an object or a function that is not called with `new`
 */
export function loadingLater<T>(names: readonly string[], run: () => T): T {
  const loader = Module as unknown as { _load: Load };
  const original = loader._load;
  loader._load = function (request, parent, isMain) {
    const from = parent?.filename;
    if (!names.includes(request) || typeof from !== 'string') return original.call(this, request, parent, isMain);
    return standIn(() => createRequire(from)(request) as object);
  };
  try {
    return run();
  } finally {
    loader._load = original;
  }
}

function standIn(load: () => object): object {
  // Of a function, so that it may be called.
  return new Proxy((): void => undefined, {
    apply: (_, self, args: unknown[]) => Reflect.apply(load() as (...args: unknown[]) => unknown, self, args),
    get: (_, key) => Reflect.get(load(), key) as unknown,
    has: (_, key) => Reflect.has(load(), key),
  });
}
