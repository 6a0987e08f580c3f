import { z } from 'zod';
import {
  DirectorSettings,
  KNOWN_SCHEDULERS,
  MarkRuleResource,
  RealServerResource,
  SyncDaemonResource,
  TimeoutsResource,
  VirtualServiceResource,
} from '../../lib/model';

const SECTIONS: [string, string, z.ZodObject][] = [
  ['Director', 'How a director is reached, and what the stack owns on it.', DirectorSettings],
  [
    'Virtual service (`ipvs_virtual_service`)',
    'In a program, `listen` stands for protocol, address, port, mark and family, `forward` for forwarding and tunnel of the real servers, and durations are `Duration`s.',
    VirtualServiceResource,
  ],
  ['Real server', 'One entry of `realServers`.', RealServerResource],
  [
    'Mark rule (`ipvs_mark_rule`)',
    'A rule in the chain of the stack, jumped to from mangle PREROUTING.',
    MarkRuleResource,
  ],
  ['Timeouts (`ipvs_timeouts`)', "The kernel's connection timeouts, one set per director.", TimeoutsResource],
  ['Sync daemon (`ipvs_sync_daemon`)', 'Connection synchronisation.', SyncDaemonResource],
];

/** docs/reference.md from the schemas that check programs and artefacts. */
export function renderReference(): string {
  const sections = SECTIONS.flatMap(([title, text, schema]) => [
    '',
    `## ${title}`,
    '',
    text,
    '',
    ...fieldTable(schema),
  ]);
  const schedulers = [
    '',
    '## Schedulers',
    '',
    `\`Scheduler.NAME()\` for ${KNOWN_SCHEDULERS.map((name) => `\`${name}\``).join(', ')}; \`sh\` and \`mh\` take \`{ fallback, port }\`. \`Scheduler.of(name, ...flags)\` for any other.`,
  ];
  return [
    '# Reference',
    '',
    '<!-- Made from lib/model by test/docs/reference.test.ts (UPDATE_GOLDEN=1); do not edit. -->',
    ...sections,
    ...schedulers,
    '',
  ].join('\n');
}

function fieldTable(schema: z.ZodObject): string[] {
  const rows = fieldsOf(schema, '').map(
    ({ name, type, fallback, description }) => `| \`${name}\` | ${type} | ${fallback} | ${description} |`,
  );
  return ['| field | type | default | |', '|---|---|---|---|', ...rows];
}

interface Field {
  name: string;
  type: string;
  fallback: string;
  description: string;
}

function fieldsOf(schema: z.ZodObject, prefix: string): Field[] {
  return Object.entries(schema.shape).flatMap(([name, field]) => {
    const { inner, optional, fallback, description } = unwrap(field as z.ZodType);
    const row = {
      name: `${prefix}${name}`,
      type: typeName(inner),
      fallback: fallback === undefined ? (optional ? '' : '*required*') : `\`${JSON.stringify(fallback)}\``,
      description: description.replaceAll('|', '\\|'),
    };
    if (inner instanceof z.ZodObject) return [row, ...fieldsOf(inner, `${prefix}${name}.`)];
    const element = inner instanceof z.ZodArray ? unwrap(inner.def.element as z.ZodType).inner : undefined;
    return element instanceof z.ZodObject ? [row, ...fieldsOf(element, `${prefix}${name}[].`)] : [row];
  });
}

function unwrap(schema: z.ZodType): { inner: z.ZodType; optional: boolean; fallback: unknown; description: string } {
  let inner = schema;
  let optional = false;
  let fallback: unknown;
  let description = schema.meta()?.description ?? '';
  for (;;) {
    if (inner instanceof z.ZodOptional) optional = true;
    else if (inner instanceof z.ZodDefault) fallback = inner.def.defaultValue;
    else if (!(inner instanceof z.ZodPipe)) return { inner, optional, fallback, description };
    inner = (inner instanceof z.ZodPipe ? inner.def.in : inner.def.innerType) as z.ZodType;
    description ||= inner.meta()?.description ?? '';
  }
}

function typeName(schema: z.ZodType): string {
  if (schema instanceof z.ZodEnum) return schema.options.map((option) => `\`${String(option)}\``).join(', ');
  if (schema instanceof z.ZodNumber) return 'number';
  if (schema instanceof z.ZodBoolean) return 'boolean';
  if (schema instanceof z.ZodArray) return `list of ${typeName(unwrap(schema.def.element as z.ZodType).inner)}`;
  if (schema instanceof z.ZodRecord) return `map of ${typeName(unwrap(schema.def.valueType as z.ZodType).inner)}`;
  if (schema instanceof z.ZodObject) return 'object';
  if (schema instanceof z.ZodUnion)
    return schema.def.options.map((option) => typeName(option as z.ZodType)).join(' or ');
  return 'string';
}
