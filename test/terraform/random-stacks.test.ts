/** A hundred random stacks and their edits through every call of the protocol, judged by core's own rules. */
import fc from 'fast-check';
import { BLOCKING_FINDINGS, type DirectorTable } from '../../lib/model';
import { type Sim, startSim } from '../../lib/sim';
import { IpvsProvider } from '../../providers/terraform/provider';
import { Unknown, type Value, type Values } from '../../providers/terraform/wire/value';
import { runs } from '../support/seed';
import { type Configured, Core } from './core';
import { type Choose, randomEdit, randomTable, resourcesOf } from './stacks';
import { connections } from './support';

/** Each is two stacks, the second an edit of the first. */
const PAIRS = 52;

let sim: Sim;
let provider: IpvsProvider;

beforeAll(async () => {
  sim = await startSim({ directors: 1 });
  // Random edits take pools down.
  const env = { ...process.env, LVSFORM_ALLOW: Object.keys(BLOCKING_FINDINGS).join() };
  provider = new IpvsProvider({ cwd: process.cwd(), env, version: 'test' });
});

afterAll(async () => {
  await sim.close();
});

/** The same values with some of them not known yet: a leaf, a real server, or all of them. */
function blurred(value: Value, choose: Choose): Value {
  if (value === null) return null;
  if (choose(() => fc.nat(11)) === 0) return Unknown.value;
  if (typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value as Values).map(([name, inner]) => [name, blurred(inner, choose)]));
}

function configured(table: DirectorTable, before: DirectorTable | undefined, choose: Choose, named: boolean) {
  const resources = resourcesOf(
    'lb1',
    table,
    choose,
    { named },
    before?.services.map(({ key }) => key),
  );
  return new Map(
    resources.map(({ type, name, values }): [string, Configured] => {
      const known = values as Values;
      const planned = Object.entries(known).map(([field, value]) => [field, blurred(value, choose)] as const);
      return [`${type}.${name}`, { type, known, planned: Object.fromEntries(planned) }];
    }),
  );
}

test('no invalid plan, no inconsistent result: random stacks with unknown values, fields left out, and edits', async () => {
  const settings = { stack: 'edge', directors: connections(sim.directors) } as unknown as Values;
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (choose) => {
      sim.directors[0]!.reset();
      const named = choose(fc.boolean);
      const core = new Core(provider, settings);
      await core.configure();
      const first = randomTable(choose as Choose);
      const second = randomEdit(first, choose as Choose);
      for (const [table, before] of [[first], [second, first]] as const) {
        const stack = configured(table, before, choose as Choose, named);
        await core.apply(stack);
        // A run of its own: what the next stack is planned by, too.
        await core.configure();
        expect(await core.pending(stack)).toEqual([]);
      }
    }),
    { ...runs(PAIRS), endOnFailure: true },
  );
  await provider.configure({ config: { msgpack: Buffer.alloc(0) } });
}, 300_000);
