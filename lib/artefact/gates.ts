/**
 * Order between directors. In the artefact it is `depends_on`, usually through a `null_resource`; here it becomes gates:
 * which directors come before, and which wait. Inside one director the order of entries is the plan's, so a dependency
 * between entries of the same director says nothing new.
 */
import { type Gate, isPlainObject, type ProgramIssue, ROLLOUT_TRIGGER } from '../model';
import { type Block, RUN_ELSEWHERE } from './document';
import { evaluate, type Lookup, type Problem } from './evaluate';
import { GATE_TYPES } from './resource-types';

interface Graph {
  blocks: readonly Block[];
  /** Names of the directors a block puts entries on. */
  directorsOf: (block: Block) => readonly string[];
  lookup: Lookup;
  /** Fleets that have a rollout. */
  fleets: readonly string[];
}

export function readGates({ blocks, directorsOf, lookup, fleets }: Graph, issues: ProgramIssue[]): Gate[] {
  const byAddress = new Map(blocks.map((block) => [block.address, block]));
  const needs = new Map(blocks.map((block) => [block, dependencies(block, byAddress, issues)]));
  const neededBy = reversed(needs);
  for (const { where } of inCircles(needs, neededBy))
    issues.push({ where, field: 'depends_on', message: 'depends on itself' });
  const gates = blocks.flatMap((block): Gate[] => {
    if (!GATE_TYPES.includes(block.type)) return directOrder(block, needs.get(block) ?? [], directorsOf);
    if (isOfRollout(block, fleets, issues)) return [];
    return [
      {
        address: block.address,
        commands: readCommands(block, lookup, issues),
        after: namesOf(reachable(block, needs), directorsOf),
        before: namesOf(reachable(block, neededBy), directorsOf),
      },
    ];
  });
  for (const gate of gates) {
    const both = gate.after.filter((name) => gate.before.includes(name));
    if (both.length === 0) continue;
    const hint = 'a director is applied as a whole: let a gate stand between different directors';
    const where = byAddress.get(gate.address)?.where ?? gate.address;
    issues.push({
      where,
      field: 'depends_on',
      message: `${both.join(', ')} would come both before and after it`,
      hint,
    });
  }
  const ring = issues.length === 0 ? findRing(gates) : undefined;
  if (ring !== undefined) {
    const hint = 'remove one of the dependencies between them';
    issues.push({
      where: 'depends_on',
      field: '',
      message: `directors wait for each other: ${ring.join(' -> ')}`,
      hint,
    });
  }
  return gates;
}

/** Whether a gate is there for Terraform to keep to a rollout: the rollout itself says all of that, and more. */
function isOfRollout({ type, body, where }: Block, fleets: readonly string[], issues: ProgramIssue[]): boolean {
  const triggers = type === 'null_resource' ? body['triggers'] : undefined;
  const fleet = isPlainObject(triggers) ? triggers[ROLLOUT_TRIGGER] : undefined;
  if (fleet === undefined) return false;
  if (typeof fleet !== 'string' || !fleets.includes(fleet))
    issues.push({
      where,
      field: `triggers.${ROLLOUT_TRIGGER}`,
      message: `there is no rollout of ${JSON.stringify(fleet)}`,
    });
  return true;
}

/** A block that depends on blocks of entirely other directors waits for those directors. */
function directOrder(block: Block, needs: readonly Block[], directorsOf: Graph['directorsOf']): Gate[] {
  const before = [...directorsOf(block)];
  const others = needs.filter((other) => !directorsOf(other).some((name) => before.includes(name)));
  const after = namesOf(new Set(others), directorsOf);
  return after.length === 0 || before.length === 0 ? [] : [{ address: block.address, commands: [], after, before }];
}

function dependencies(block: Block, byAddress: ReadonlyMap<string, Block>, issues: ProgramIssue[]): Block[] {
  const given = block.body['depends_on'] ?? [];
  const entries: unknown[] = Array.isArray(given) ? given : [given];
  const explicit = entries.map((entry) => {
    const other = typeof entry === 'string' ? byAddress.get(entry.replace(/\[.*\]$/, '')) : undefined;
    if (other === undefined) {
      const message = `there is no ${String(entry)} in this stack`;
      issues.push({ where: block.where, field: 'depends_on', message, ...dependencyHint(String(entry)) });
    }
    return other;
  });
  return [...new Set([...explicit, ...mentioned(block, byAddress)])].filter((other) => other !== undefined);
}

function dependencyHint(entry: string): { hint?: string } {
  if (entry.includes('${')) return { hint: 'depends_on takes bare addresses, without ${…}' };
  return /^(?:data|module)\./.test(entry) ? { hint: RUN_ELSEWHERE } : {};
}

/** Terraform orders a gate after everything its arguments mention, such as the ids in its triggers. */
function mentioned(block: Block, byAddress: ReadonlyMap<string, Block>): Block[] {
  if (!GATE_TYPES.includes(block.type)) return [];
  const { '//': _comment, depends_on: _dependsOn, ...args } = block.body;
  const addresses =
    JSON.stringify(args).match(/\b(?:ipvs_[a-z_]+|null_resource|terraform_data)\.[A-Za-z_][\w-]*/g) ?? [];
  return addresses.map((address) => byAddress.get(address)).filter((other) => other !== undefined);
}

const LOCAL_EXEC_ARGUMENTS = ['command', 'quiet'];

function readCommands(block: Block, lookup: Lookup, issues: ProgramIssue[]): string[] {
  const refuse = (field: string, message: string): void => {
    issues.push({ where: block.where, field, message, hint: RUN_ELSEWHERE });
  };
  for (const argument of ['count', 'for_each', 'connection']) {
    if (block.body[argument] !== undefined) refuse(argument, 'is not evaluated on a gate');
  }
  const given = block.body['provisioner'] ?? [];
  const provisioners: unknown[] = Array.isArray(given) ? given : [given];
  const kinds = provisioners.filter(isPlainObject).flatMap((provisioner) => Object.entries(provisioner));
  return kinds.flatMap(([kind, settings]) => {
    const list: unknown[] = Array.isArray(settings) ? settings : [settings];
    return list.filter(isPlainObject).flatMap((provisioner) => {
      if (kind !== 'local-exec') refuse('provisioner', `'${kind}' is not run here, only local-exec`);
      const others = Object.keys(provisioner).filter((name) => !LOCAL_EXEC_ARGUMENTS.includes(name));
      if (kind === 'local-exec') for (const name of others) refuse(`provisioner.${name}`, 'is not known here');
      const problems: Problem[] = [];
      const command = evaluate(provisioner['command'], lookup, problems, ['provisioner', 'command']);
      for (const { path, message } of problems) refuse(path.join('.'), message);
      return typeof command === 'string' ? [command] : [];
    });
  });
}

function reversed(edges: ReadonlyMap<Block, readonly Block[]>): Map<Block, Block[]> {
  const back = new Map<Block, Block[]>();
  for (const [block, others] of edges) {
    for (const other of others) {
      const list = back.get(other);
      if (list === undefined) back.set(other, [block]);
      else list.push(block);
    }
  }
  return back;
}

/** Blocks that depend on themselves, in the order they come. Taken off from both ends: a fleet apart has many blocks. */
function inCircles(
  needs: ReadonlyMap<Block, readonly Block[]>,
  neededBy: ReadonlyMap<Block, readonly Block[]>,
): Block[] {
  const left = new Set(needs.keys());
  const takeOff = (towards: ReadonlyMap<Block, readonly Block[]>, away: ReadonlyMap<Block, readonly Block[]>): void => {
    const open = new Map(
      [...left].map((block) => [block, (towards.get(block) ?? []).filter((one) => left.has(one)).length]),
    );
    const ends = [...left].filter((block) => open.get(block) === 0);
    for (let end = ends.pop(); end !== undefined; end = ends.pop()) {
      left.delete(end);
      for (const next of away.get(end) ?? []) {
        const more = (open.get(next) ?? 0) - 1;
        open.set(next, more);
        if (more === 0) ends.push(next);
      }
    }
  };
  takeOff(needs, neededBy);
  takeOff(neededBy, needs);
  // What is left lies on a circle, or between two.
  return [...left].filter((block) => reachable(block, needs).has(block));
}

/** Everything one gets to along the edges; the start itself only when it lies on a cycle. */
function reachable(start: Block, edges: ReadonlyMap<Block, readonly Block[]>): Set<Block> {
  const seen = new Set<Block>();
  const waiting = [...(edges.get(start) ?? [])];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    waiting.push(...(edges.get(next) ?? []));
  }
  return seen;
}

function namesOf(blocks: ReadonlySet<Block>, directorsOf: Graph['directorsOf']): string[] {
  return [...new Set([...blocks].flatMap((block) => [...directorsOf(block)]))].sort();
}

/** Directors that wait for each other, first and last the same; undefined when there is an order. */
function findRing(gates: readonly Gate[]): string[] | undefined {
  const waits = new Map<string, Set<string>>();
  for (const { after, before } of gates) {
    for (const name of before) waits.set(name, new Set([...(waits.get(name) ?? []), ...after]));
  }
  const settled = new Set<string>();
  const visit = (name: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(name)) return [...path.slice(path.indexOf(name)), name];
    if (settled.has(name)) return undefined;
    for (const other of waits.get(name) ?? []) {
      const ring = visit(other, [...path, name]);
      if (ring !== undefined) return ring;
    }
    settled.add(name);
    return undefined;
  };
  for (const name of waits.keys()) {
    const ring = visit(name, []);
    if (ring !== undefined) return ring;
  }
  return undefined;
}
