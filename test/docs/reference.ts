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

/** What users write is TypeScript with types and comments of its own; here is where to begin. */
const PROGRAM = `## In a program

| write | for |
|---|---|
| \`new IpvsStack(app, id, { owns, ignore })\` | a stack; both are defaults for its directors, as under [Director](#director) |
| \`new Director(stack, id, { host, … })\` | a director; it takes \`timeouts\` and \`syncDaemons\` too, and everything a fleet can add |
| \`new Fleet(stack, id, { directors, rollout, gates, timeouts, syncDaemons })\` | one table for several directors; [rollouts.md](rollouts.md) has \`rollout\` and \`gates\` |
| \`fleet.addService(id, { listen, … })\` | a virtual service |
| \`service.addRealServer(id, { address, … })\`, \`.addRealServers({ id: { … } })\`, \`.addRealServers([address], { … })\` | its real servers |
| \`fleet.absent(listen)\` | a service that must not exist: it is deleted, whoever made it |
| \`fleet.addMarkRule(id, { mark, … })\` | a mark rule beside those of \`Listen.….marked(n)\` |
| \`fleet.setTimeouts({ tcp, tcpFin, udp })\` | connection timeouts, as \`Duration\`s |
| \`fleet.addSyncDaemon(id, SyncDaemon.master({ interface, … }))\`, \`.backup(…)\` | connection synchronisation |
| \`Listen.tcp(address, ...ports)\`, \`.udp\`, \`.sctp\` | one service per port; with \`.marked(n)\` one service by mark and its mark rules, and ports may be ranges: \`'8000:8010'\` |
| \`Listen.mark(n, family)\` | a service by mark, whoever sets it |
| \`Forward.gatewaying()\`, \`.masquerading()\`, \`.ipip({ type, port, checksum })\` | how packets reach real servers: of a service for all, of a real server for itself |
| \`Duration.seconds(n)\`, \`.minutes\`, \`.hours\`, \`.days\` | times; \`persistence\` is one, or \`{ timeout, netmask, engine }\`, and \`drain\` is \`{ timeout, connections }\` |

What is added is a construct as well: \`new VirtualService(fleet, id, props)\`, \`RealServer\`, \`AbsentService\`, \`MarkRule\`, \`SyncDaemon\`,
\`Timeouts\`. [examples/everything](../examples/everything/main.ts) has every field.`;

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
    '',
    PROGRAM,
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
