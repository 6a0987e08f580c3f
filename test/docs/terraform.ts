/** The provider's pages in the registry's format, from the schemas it serves. */
import { BLOCKING_FINDINGS } from '../../lib/model';
import { DATA_SOURCES } from '../../providers/terraform/data-sources';
import { PROVIDER_ATTRIBUTES } from '../../providers/terraform/provider';
import { KINDS } from '../../providers/terraform/resources';
import type { Attribute, AttributeType } from '../../providers/terraform/schema/attribute';

/** The provider with two directors. */
export const EXAMPLE = `terraform {
  required_providers {
    ipvs = { source = "lvsform/ipvs" }
  }
}

provider "ipvs" {
  stack = "edge"
  directors = {
    lb1 = { host = "lb1.example.net", user = "lvsform", sudo = true }
    lb2 = { host = "lb2.example.net", user = "lvsform", sudo = true }
  }
}

resource "ipvs_virtual_service" "web" {
  for_each  = toset(["lb1", "lb2"])
  director  = each.key
  protocol  = "tcp"
  address   = "192.0.2.10"
  port      = 443
  scheduler = "wrr"
  real_servers = {
    rs1 = { address = "10.0.0.11", weight = 3 }
    rs2 = { address = "10.0.0.12" }
  }
}`;

/** By type of resource or data source. */
export const EXAMPLES: Readonly<Record<string, string>> = {
  ipvs_virtual_service: `resource "ipvs_virtual_service" "web" {
  for_each    = toset(["lb1", "lb2"])
  director    = each.key
  protocol    = "tcp"
  address     = "192.0.2.10"
  port        = 443
  scheduler   = "wrr"
  persistence = { timeout_seconds = 300 }
  drain       = { timeout_seconds = 120 }
  real_servers = {
    rs1 = { address = "10.0.0.11", weight = 3 }
    rs2 = { address = "10.0.0.12" }
    rs3 = { address = "10.0.0.13", port = 8443, forwarding = "masquerading" }
  }
}

# Packets that ipvs_mark_rule marks, whatever their port.
resource "ipvs_virtual_service" "marked" {
  director     = "lb1"
  protocol     = "fwmark"
  mark         = 12
  real_servers = { rs1 = { address = "10.0.0.11" } }
}`,
  ipvs_mark_rule: `resource "ipvs_mark_rule" "web" {
  director    = "lb1"
  mark        = 12
  protocol    = "tcp"
  destination = "192.0.2.10"
  ports       = ["80", "443", "8000:8010"]
  # No packet gets a mark before there is a service that takes it.
  depends_on = [ipvs_virtual_service.marked]
}`,
  ipvs_timeouts: `resource "ipvs_timeouts" "lb1" {
  director    = "lb1"
  tcp_seconds = 900
  udp_seconds = 30
}`,
  ipvs_sync_daemon: `resource "ipvs_sync_daemon" "master" {
  director  = "lb1"
  role      = "master"
  interface = "eth1"
  sync_id   = 7
}`,
  ipvs_table: `data "ipvs_table" "lb1" {
  director = "lb1"
}

output "services" {
  value = data.ipvs_table.lb1.services[*].id
}`,
  ipvs_stats: `data "ipvs_stats" "lb1" {
  director = "lb1"
}

output "connections" {
  value = { for id, service in data.ipvs_stats.lb1.services : id => service.connections }
}`,
};

const usage = (example: string): string => `\n\n## Example Usage\n\n\`\`\`terraform\n${example}\n\`\`\``;

const NOTES = `## What to know

- **The director is the truth.** Every plan reads it over SSH, once per director and run; what it made is remembered there
  in \`/var/lib/lvsform\`, in the same ledger that \`lvsform\` keeps, so the two engines know each other's entries.
- **An entry that is there already is adopted** by the resource that declares it.
- **Changes go together.** What terraform applies at the same time on one director is one remote change with one undo:
  \`TF_CLI_ARGS_apply=-parallelism=1024\` makes big applies quick. When one of them is refused the director is put back
  and the halves are tried, and their halves, until it is alone; the others are made.
- **What is ignored is left alone.** A resource for a service that \`ignore\` names is an error of the plan. One that was made
  before goes from the state only when it is destroyed, with a warning.
- **One resource for one entry.** Two that make the same one are an error of the second. A resource that gets another name
  should have a \`moved\` block; without one its entry changes hands in place, as long as both are asked for together.
- **Only a new identity replaces**: director, protocol, address, port, mark, family. Everything else is in place.
- **Blocking findings block here too**, in the plan and again in the apply, for \`terraform destroy\` as for
  \`lvsform destroy\`. What is meant is allowed by \`LVSFORM_ALLOW=code,code\` in the environment of that plan and of its
  apply, also of a saved plan, and is a warning then. It is no argument of a block, because there it would stay. A finding
  in a plan stops all of it; one that appears only after it stops its own resource, and the others go on. The codes:
${Object.entries(BLOCKING_FINDINGS)
  .map(([code, about]) => `  - \`${code}\`: ${about}`)
  .join('\n')}
- **\`persist\` goes along with changes.** To set it or to take it away is nothing that Terraform could plan: the next change of
  a resource on that director carries it out, and until then each plan warns. When the last resource goes, so do the boot
  files.
- **A director that does not answer** fails the resources it has in the state when they are read, and so the plan:
  \`-refresh=false\`, or \`-target\`, goes on with the others. In an apply it fails only its own.
- \`owns = "table"\` and rollouts are for the embedded engine: terraform never removes what it does not know, and keeps
  to waves only where a fleet has \`gates: true\` (docs/rollouts.md).
- Keys, agent and host keys follow \`~/.ssh/config\` and known_hosts; LVSFORM_SSH_CONFIG names another file.
- \`LVSFORM_CONNECT_TIMEOUT\` is how many seconds a director may take to let us log in, 1 to 9999. Default: ConnectTimeout of
  the SSH configuration, else 10.
- Debugging: start the executable with \`-debug\` and set the TF_REATTACH_PROVIDERS that it prints.
`;

/** By file below docs/. */
export function renderTerraformDocs(): Record<string, string> {
  const pages: Record<string, string> = {
    'index.md': page(
      'ipvs Provider',
      `Linux Virtual Server (IPVS) directors over SSH, without an agent.${usage(EXAMPLE)}\n\nIt comes with lvsform: \`npx lvsform provider install\` puts it where terraform and tofu look.`,
      PROVIDER_ATTRIBUTES,
      NOTES,
    ),
  };
  for (const [name, { description, attributes, importExample }] of KINDS)
    pages[`resources/${name.slice(5)}.md`] = page(
      `${name} (Resource)`,
      `${description}${usage(EXAMPLES[name] ?? '')}`,
      attributes,
      `## Import\n\n\`\`\`shell\nterraform import ${name}.example 'lb1/${importExample}'\n\`\`\`\n`,
    );
  for (const [name, { description, attributes }] of DATA_SOURCES)
    pages[`data-sources/${name.slice(5)}.md`] = page(
      `${name} (Data Source)`,
      `${description}${usage(EXAMPLES[name] ?? '')}`,
      attributes,
      '',
    );
  return pages;
}

function page(title: string, intro: string, attributes: readonly Attribute[], end: string): string {
  const front = `---\npage_title: "${title}"\ndescription: |-\n  ${(intro.split('\n')[0] ?? '').replaceAll('"', "'")}\n---\n`;
  const text = [front, `# ${title}`, '', intro, '', '## Schema', '', ...schema(attributes, []), end].join('\n');
  return `${text.trimEnd()}\n`;
}

const GROUPS = [
  ['Required', ['required']],
  ['Optional', ['optional', 'defaulted']],
  ['Read-Only', ['computed']],
] as const;

function schema(attributes: readonly Attribute[], path: readonly string[]): string[] {
  const groups = GROUPS.flatMap(([title, modes]) => {
    const chosen = attributes.filter(({ mode }) => (modes as readonly string[]).includes(mode));
    return chosen.length === 0 ? [] : [`### ${title}`, '', ...chosen.map((attribute) => line(attribute, path)), ''];
  });
  const nested = attributes.flatMap(({ name, type }) => {
    if (type.kind !== 'nested') return [];
    const inner = [...path, name];
    return [
      `<a id="nested--${inner.join('--')}"></a>`,
      `## \`${inner.join('.')}\``,
      '',
      ...schema(type.attributes, inner),
    ];
  });
  return [...groups, ...nested];
}

function line({ name, type, description, replace, mode, fallback }: Attribute, path: readonly string[]): string {
  const more = [
    description,
    ...(mode === 'defaulted' && typeof fallback !== 'object'
      ? [`Default \`${JSON.stringify(fallback).replaceAll('"', '')}\`.`]
      : []),
    ...(replace === true ? ['Another value replaces the resource.'] : []),
    ...(type.kind === 'nested' ? [`See [below](#nested--${[...path, name].join('--')}).`] : []),
  ];
  return `- \`${name}\` (${typeWords(type)}) ${more.filter((part) => part !== '').join(' ')}`.trimEnd();
}

function typeWords(type: AttributeType): string {
  const leaf = { string: 'String', number: 'Number', bool: 'Boolean' } as const;
  if (type.kind === 'leaf') return leaf[type.leaf];
  if (type.kind !== 'nested') return `${type.kind[0]?.toUpperCase() ?? ''}${type.kind.slice(1)} of ${leaf[type.leaf]}`;
  return type.nesting === 'single'
    ? 'Attributes'
    : `Attributes ${type.nesting[0]?.toUpperCase() ?? ''}${type.nesting.slice(1)}`;
}
