/** Terraform's own arguments of a resource: what the embedded engine keeps to, and what it refuses. */
import { IGNORABLE_FIELDS, isPlainObject, type ProgramIssue } from '../model';
import { type Block, RUN_ELSEWHERE } from './document';
import type { Entry, Meaning } from './resource-types';

/** Arguments of Terraform's own that have no meaning here, or none that this engine could keep to. */
export function metaIssues({ body, type, where }: Block): ProgramIssue[] {
  const refuse = (field: string): ProgramIssue => ({ where, field, message: 'is not evaluated', hint: RUN_ELSEWHERE });
  const simple = ['count', 'provisioner', 'connection'].filter((name) => body[name] !== undefined).map(refuse);
  const lifecycle = lifecycleOf(body);
  if (!isPlainObject(lifecycle)) return simple;
  return [
    ...simple,
    ...Object.entries(lifecycle).flatMap(([name, value]) => {
      // Both engines build the new entry first; what is not asked for needs no refusal.
      if (name === 'create_before_destroy' || value === false) return [];
      if (name !== 'ignore_changes') return [refuse(`lifecycle.${name}`)];
      return ignoredFields(value)
        .filter((field) => !canIgnore(type, field))
        .map((field) => ({
          where,
          field: 'lifecycle.ignore_changes',
          message: `'${field}' can't be ignored`,
          hint: `what can be: ${ignorable(type).join(', ') || 'nothing of this type'}; to keep the weights found on the director set keep_live_weights`,
        }));
    }),
  ];
}

/** The block as it is, or as the one element of a list. */
function lifecycleOf(body: Block['body']): unknown {
  const given = body['lifecycle'];
  const blocks: unknown[] = Array.isArray(given) ? given : [given];
  return blocks[0];
}

/** Settings of the stack alone: the director's table has nothing to differ from. */
const POLICY_FIELDS = ['drain', 'keep_live_weights'];
const TIMEOUT_FIELDS = {
  tcp_seconds: 'tcpSeconds',
  tcp_fin_seconds: 'tcpFinSeconds',
  udp_seconds: 'udpSeconds',
} as const;

function ignoredFields(value: unknown): string[] {
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map(String);
}

function ignorable(type: string): string[] {
  if (type === 'ipvs_virtual_service') return [...Object.keys(IGNORABLE_FIELDS), ...POLICY_FIELDS, 'all'];
  return type === 'ipvs_timeouts' ? [...Object.keys(TIMEOUT_FIELDS), 'all'] : [];
}

function canIgnore(type: string, field: string): boolean {
  return ignorable(type).includes(field);
}

/** A resource without the wishes that `lifecycle.ignore_changes` takes back. */
export function withIgnored(meaning: Meaning, { body, type }: Block): Meaning {
  const lifecycle = lifecycleOf(body);
  if (!isPlainObject(lifecycle) || lifecycle['ignore_changes'] === undefined) return meaning;
  const fields = ignoredFields(lifecycle['ignore_changes']);
  const names = fields.includes('all') ? ignorable(type) : fields;
  if (type === 'ipvs_timeouts')
    return { ...meaning, entries: meaning.entries.map((entry) => withoutTimeouts(entry, names)) };
  const ignoreChanges = Object.entries(IGNORABLE_FIELDS).flatMap(([name, kept]) => (names.includes(name) ? kept : []));
  return { ...meaning, policy: { ...meaning.policy, ...(ignoreChanges.length > 0 ? { ignoreChanges } : {}) } };
}

function withoutTimeouts(entry: Entry, names: readonly string[]): Entry {
  if (entry.on !== 'timeouts') return entry;
  const ignored = Object.entries(TIMEOUT_FIELDS).flatMap(([name, field]) =>
    names.includes(name) ? [field as string] : [],
  );
  return {
    ...entry,
    timeouts: Object.fromEntries(Object.entries(entry.timeouts).filter(([field]) => !ignored.includes(field))),
  };
}
