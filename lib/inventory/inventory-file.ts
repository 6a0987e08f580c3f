/** Directors from a file: JSON or YAML. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Yaml from 'yaml';
import { DirectorSettings, isPlainObject, type ProgramIssue, readFields, UsageError, ValidationError } from '../model';

/** Settings by name, defaults applied. */
export type Inventory = Record<string, DirectorSettings>;

/**
 * Reads an inventory: `directors`, settings by name as in a program, and `defaults` for all of them. `host` is the name
 * unless it is given; tags of defaults and of a director add up.
 *
 * @throws UsageError `no-inventory` when it can't be read; ValidationError with everything that is wrong in it
 */
export function readInventory(file: string): Inventory {
  const json = parseFile(file);
  const issues: ProgramIssue[] = [];
  const tell = (field: string, message: string, hint?: string): void => {
    issues.push({ where: file, field, message, ...(hint === undefined ? {} : { hint }) });
  };
  const document = isPlainObject(json) ? json : {};
  if (!isPlainObject(json)) tell('', 'expected an object with directors');
  for (const key of Object.keys(document))
    if (!['directors', 'defaults'].includes(key)) tell(key, 'is not known here', 'known here: directors, defaults');
  const { directors = {}, defaults = {} } = document;
  if (!isPlainObject(defaults)) tell('defaults', 'expected an object');
  if (!isPlainObject(directors)) tell('directors', 'expected settings by name');
  else if (Object.keys(directors).length === 0) tell('directors', 'is empty');
  const common = isPlainObject(defaults) ? defaults : {};
  const inventory: Inventory = {};
  for (const [name, given] of Object.entries(isPlainObject(directors) ? directors : {})) {
    const own = given ?? {};
    if (!isPlainObject(own)) {
      tell(`directors.${name}`, 'expected an object');
      continue;
    }
    const tags = [common['tags'], own['tags']].filter(isPlainObject);
    const all = { host: name, ...common, ...own, ...(tags.length === 2 ? { tags: { ...tags[0], ...tags[1] } } : {}) };
    const { value, issues: found } = readFields(DirectorSettings, all);
    for (const { path, message, hint } of found) tell(['directors', name, ...path].join('.'), message, hint);
    inventory[name] = value;
  }
  if (issues.length > 0) throw new ValidationError(issues);
  return inventory;
}

/** Loaded when first needed: it would be a tenth of what a program loads, and most have no inventory. */
const loadYaml = (): typeof Yaml => createRequire(__filename)('yaml') as typeof Yaml;

function parseFile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError('no-inventory', `the inventory ${file} can't be read`, { cause: error });
  }
  try {
    // Every JSON document is a YAML one.
    return loadYaml().parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new UsageError('no-inventory', `${file} is neither JSON nor YAML: ${reason}`, { cause: error });
  }
}
