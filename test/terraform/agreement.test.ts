/** Both engines on the same random stacks: they plan the same, and what one has applied is nothing to do for the other. */
import fc from 'fast-check';
import { type Entry, loadStack, RESOURCE_TYPES } from '../../lib/artefact';
import { fetchLive } from '../../lib/apply';
import {
  BLOCKING_FINDINGS,
  chainName,
  type DesiredStack,
  type DirectorTable,
  isPlanned,
  readFields,
  serviceId,
  sortTable,
} from '../../lib/model';
import { applyPlan, planStacks } from '../../lib/pipeline';
import { diffTables } from '../../lib/plan/diff';
import { type Sim, startSim } from '../../lib/sim';
import { createSshConnector, newNonce } from '../../lib/transport';
import { runs } from '../support/seed';
import { type Choose, randomEdit, randomTable, type Resource, resourcesOf } from './stacks';
import { actionsOf, type Change, providerBlock, testCore, Workspace } from './support';

const ROUNDS = 3;
const NAMES = ['lb1', 'lb2'];

let sim: Sim;
let workspace: Workspace;

beforeEach(async () => {
  sim = await startSim({ directors: NAMES });
  // Random edits take pools down.
  workspace = new Workspace({}, { LVSFORM_ALLOW: Object.keys(BLOCKING_FINDINGS).join() });
});

afterEach(async () => {
  workspace.remove();
  await sim.close();
});

const connect = createSshConnector();

function artefactOf(resources: readonly Resource[]): object {
  const resource: Record<string, Record<string, object>> = {};
  for (const { type, name, values } of resources) (resource[type] ??= {})[name] = values;
  return { ...providerBlock(sim.directors), resource };
}

/** Changes the embedded engine plans. With nothing to change, nothing else may be pending either: no ledger, no boot file. */
async function embedded(stack: DesiredStack): Promise<string[]> {
  const open = await planStacks([stack], { connect });
  await open.close();
  return open.plan.directors.flatMap((plan) => {
    if (!isPlanned(plan)) throw new Error(plan.error.message);
    if (plan.changes.length === 0 && plan.ledger === true) return [`${plan.director}: its ledger`];
    return plan.changes.map(({ action, id }) => `${action} ${id}`);
  }).sort(); // prettier-ignore
}

async function liveTables(): Promise<Map<string, DirectorTable>> {
  return new Map(
    await Promise.all(
      sim.directors.map(async (director) => {
        const { name, host, port, user, identityFile, hostKey } = director;
        const runner = await connect({ name, host, port, user, identityFile, hostKey, agent: false });
        const live = await fetchLive({ name, sudo: false, runner, nonce: newNonce }, chainName('edge'));
        await runner.close();
        return [name, live.table] as const;
      }),
    ),
  );
}

/** What a resource means, by Terraform's values. */
function entriesOf(address: string, values: Record<string, unknown> | null): readonly Entry[] {
  const type = RESOURCE_TYPES.get(address.split('.')[0] ?? '');
  if (values === null || type === undefined) return [];
  const { id: _id, ...given } = values;
  const { value, issues } = readFields(type.schema, given, { spelling: 'snake_case', isUnresolved: () => false });
  expect(issues).toEqual([]);
  return type.mean(value).entries;
}

/** The table of one director as Terraform's values describe it. What they leave open is as on the director. */
function tableOf(entries: readonly Entry[], live: DirectorTable): DirectorTable {
  const absent = entries.flatMap((entry) => (entry.on === 'absent' ? [serviceId(entry.key)] : []));
  const services = entries.flatMap((entry) => (entry.on === 'service' ? [entry.service] : []));
  return sortTable({
    services: services.filter(({ key }) => !absent.includes(serviceId(key))),
    marks: entries.flatMap((entry) => (entry.on === 'mark' ? [entry.rule] : [])),
    daemons: entries.flatMap((entry) => {
      if (entry.on !== 'daemon') return [];
      const there = live.daemons.find(({ role }) => role === entry.daemon.role);
      return [{ ...entry.daemon, maxLength: entry.daemon.maxLength ?? there?.maxLength ?? null }];
    }),
    timeouts: Object.assign(
      { ...live.timeouts },
      ...entries.map((entry) => (entry.on === 'timeouts' ? entry.timeouts : {})),
    ) as DirectorTable['timeouts'],
  });
}

/**
 * What Terraform's plan means on the directors, entry by entry, in the words of the embedded engine. Its before and after
 * are all that is looked at; three things have no words there, and are what they are by the nature of their resource:
 * timeouts are always on a director, so before is what they are; a resource that says a service is absent has nothing
 * before and after; and a resource whose values mean the same before and after (another name of a real server, another
 * spelling, a drain) is an update of the state only.
 */
function meant(changes: readonly Change[], live: ReadonlyMap<string, DirectorTable>): string[] {
  return [...live].flatMap(([director, table]) => {
    const own = changes.filter(({ change: { before, after } }) => (after ?? before)?.['director'] === director);
    const [before, after] = (['before', 'after'] as const).map((side) =>
      own.flatMap(({ address, change }) => entriesOf(address, change[side])),
    );
    const from = { ...tableOf(before ?? [], table), timeouts: table.timeouts };
    return diffTables(director, from, tableOf(after ?? [], table), {}).map(({ action, id }) => `${action} ${id}`);
  }).sort(); // prettier-ignore
}

/** Terraform's own word for each resource that is made or goes. */
const coming = (changes: readonly Change[], action: 'create' | 'delete'): string[] =>
  changes
    .filter(({ change: { actions } }) => actions.join() === action)
    .filter(({ address }) => address.startsWith('ipvs_virtual_service') || address.startsWith('ipvs_sync_daemon'))
    .filter(({ change: { before, after } }) => (after ?? before)?.['absent'] !== true)
    .map(({ change: { before, after } }) => `${action} ${String((after ?? before)?.['id'])}`)
    .sort();

testCore('random stacks: both plan the same, and after an apply by Terraform neither has anything to do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (gen) => {
      const choose = gen as Choose;
      let tables: DirectorTable[] | undefined;
      workspace.write('main.tf.json', providerBlock(sim.directors));
      await workspace.init();
      for (let round = 0; round < ROUNDS; round++) {
        const last = tables;
        tables = NAMES.map((_, at) => (last?.[at] === undefined ? randomTable(choose) : randomEdit(last[at], choose)));
        const resources = tables.flatMap((table, at) =>
          resourcesOf(NAMES[at] ?? '', table, choose, {}, last?.[at]?.services.map(({ key }) => key)),
        ); // prettier-ignore
        const artefact = artefactOf(resources);
        workspace.write('main.tf.json', artefact);
        const stack = loadStack('edge', artefact);
        const live = await liveTables();
        const [wanted, { resource_changes: changes = [] }] = [await embedded(stack), await workspace.plan()];
        expect(meant(changes, live)).toEqual(wanted);
        for (const action of ['create', 'delete'] as const) {
          const whole = (line: string): boolean => line.startsWith(action) && /^\S+ [^/]+\/((?:tcp|udp|sctp)\/[^/]+|fwm6?\/\d+|sync\/\w+)$/.test(line); // prettier-ignore
          const gone = wanted.filter(whole).filter((line) => action === 'create' || !isAbsent(line, resources));
          expect(coming(changes, action)).toEqual(gone);
        }
        await workspace.ok('apply', '-input=false', '-parallelism=64', 'plan.bin');
        expect(await embedded(stack)).toEqual([]);
        expect(actionsOf(await workspace.plan())).toEqual([]);
      }
    }),
    { ...runs(1), endOnFailure: true },
  );
});

/** A service that is declared absent goes by an update of its resource, or as one is made. */
function isAbsent(line: string, resources: readonly Resource[]): boolean {
  const name = line.replace(/^\S+ /, '').replace(/[^0-9A-Za-z]+/g, '_');
  return resources.some((resource) => resource.name === name && resource.values['absent'] === true);
}

testCore('random stacks: what lvsform has applied is imported, and Terraform has nothing to do', async () => {
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (gen) => {
      const resources = NAMES.flatMap((name) =>
        resourcesOf(name, randomTable(gen as Choose), gen as Choose, { plain: true }),
      );
      const artefact = artefactOf(resources);
      const stack = loadStack('edge', artefact);
      const open = await planStacks([stack], { connect });
      const reports = await applyPlan(open, { tool: 'test', author: { by: 'test' } });
      await open.close();
      expect(reports.map(({ outcome }) => outcome)).toEqual(['applied', 'applied']);
      const rules = sim.directors.map((director) => director.rules());

      const imports = resources.map(({ type, name, values }) => {
        const { value } = readFields(RESOURCE_TYPES.get(type)!.schema, values, { spelling: 'snake_case', isUnresolved: () => false }); // prettier-ignore
        return {
          to: `${type}.${name}`,
          id: `${String(values['director'])}/${RESOURCE_TYPES.get(type)!.mean(value).id}`,
        };
      });
      workspace.write('main.tf.json', { ...artefact, import: imports });
      await workspace.init();
      expect(actionsOf(await workspace.plan())).toEqual([]);
      await workspace.ok('apply', '-input=false', '-parallelism=64', 'plan.bin');
      const { resource_changes: kept = [] } = await workspace.plan();
      expect(kept.map(({ change: { actions } }) => actions.join())).toEqual(resources.map(() => 'no-op'));
      expect(sim.directors.map((director) => director.rules())).toEqual(rules);
      expect(await embedded(stack)).toEqual([]);
    }),
    { ...runs(1), endOnFailure: true },
  );
});
