import { loadStack } from '../../lib/artefact';
import { planStacks } from '../../lib/pipeline';
import { type Sim, startSim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { actionsOf, providerBlock, Workspace, testCore } from './support';

/** So many services per round: with their edits more than a hundred random resources. */
const SERVICES = 24;
const ROUNDS = 4;
const seed = Number(process.env['LVSFORM_SEED'] ?? Date.now() % 1_000_000);

let sim: Sim;
let workspace: Workspace;

beforeAll(async () => {
  sim = await startSim({ directors: 2 });
  workspace = new Workspace();
});

afterAll(async () => {
  workspace.remove();
  await sim.close();
});

/** Mulberry32: the same seed, the same stacks. */
function generator(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

type Stack = Record<string, Record<string, unknown>>;

const random = generator(seed);
const below = (limit: number): number => Math.floor(random() * limit);
const maybe = <T extends object>(value: () => T): T | object => (random() < 0.5 ? value() : {});
const one = <T>(items: readonly T[]): T => items[below(items.length)]!;

function realServer(fwmark: boolean, at: number, port: number): object {
  const masquerading = random() < 0.3;
  return {
    address: `10.0.${at}.${1 + below(3)}`,
    ...maybe(() => ({ weight: below(5) })),
    ...(masquerading
      ? { forwarding: 'masquerading', ...(fwmark ? {} : maybe(() => ({ port: 8000 + below(3) }))) }
      : {}),
    ...(masquerading ? {} : maybe(() => (fwmark ? { port: 0 } : { port }))),
    ...maybe(() => ({ upper_threshold: 10 + below(3), ...maybe(() => ({ lower_threshold: 1 + below(3) })) })),
  };
}

function service(at: number): Record<string, unknown> {
  const fwmark = at % 5 === 0;
  const udp = at % 3 === 0;
  const port = 1000 + at;
  return {
    director: at % 2 === 0 ? 'lb1' : 'lb2',
    ...(fwmark
      ? { protocol: 'fwmark', mark: 100 + at }
      : { protocol: udp ? 'udp' : 'tcp', address: '192.0.2.10', port }),
    ...maybe(() =>
      one([{ scheduler: 'rr' }, { scheduler: 'sh', scheduler_flags: ['sh-port', 'sh-fallback'] }, { scheduler: 'mh' }]),
    ),
    ...maybe(() => ({
      persistence: one<object>([{}, { timeout_seconds: 60 }, { timeout_seconds: 90, netmask: '255.255.255.0' }]),
    })),
    ...(udp && !fwmark ? maybe(() => ({ one_packet: true })) : {}),
    ...maybe(() => ({
      real_servers: Object.fromEntries(
        Array.from({ length: below(4) }, (_, n) => [`rs${n}`, realServer(fwmark, n, port)]),
      ),
    })),
  };
}

function edited(stack: Stack): Stack {
  const next: Stack = {};
  for (let at = 0; at < SERVICES; at++) {
    const name = `s${at}`;
    const before = stack[name];
    if (before !== undefined && random() < 0.4) next[name] = before;
    else if (random() < 0.8) next[name] = service(at);
  }
  return next;
}

/** Ids of the services a plan touches, and how. A change of a real server is an update of its service. */
async function embedded(artefact: unknown): Promise<string[]> {
  const open = await planStacks([loadStack('edge', artefact)], { connect: createSshConnector() });
  await open.close();
  const byService = new Map<string, string>();
  for (const plan of open.plan.directors) {
    if ('error' in plan) throw new Error(plan.error.message);
    for (const { on, action, id } of plan.changes) if (on === 'service') byService.set(id, action);
    for (const { on, id } of plan.changes) {
      const owner = id.replace(/\/[^/]*$/, '');
      if (on === 'server' && !byService.has(owner)) byService.set(owner, 'update');
    }
  }
  return [...byService].map(([id, action]) => `${action} ${id}`).sort();
}

testCore(
  `random stacks: both engines plan the same, and what one applied is nothing to do for the other (LVSFORM_SEED=${seed})`,
  async () => {
    let stack: Stack = {};
    workspace.write('main.tf.json', providerBlock(sim.directors));
    await workspace.init();
    for (let round = 0; round < ROUNDS; round++) {
      stack = edited(stack);
      const artefact = { ...providerBlock(sim.directors), resource: { ipvs_virtual_service: stack } };
      workspace.write('main.tf.json', artefact);
      const wanted = await embedded(artefact);
      const plan = await workspace.plan();
      const planned = (plan.resource_changes ?? [])
        .filter(({ change }) => change.actions.join() !== 'no-op')
        .map(({ change: { actions, before, after } }) => `${actions.join('+')} ${String((after ?? before)?.['id'])}`)
        .sort();
      // What only a name or a spelling is, Terraform writes down, and no director hears of it.
      const onlyWords = planned.filter((line) => line.startsWith('update') && !wanted.includes(line));
      expect(planned.filter((line) => !onlyWords.includes(line))).toEqual(wanted);
      await workspace.ok('apply', '-input=false', '-parallelism=64', 'plan.bin');
      expect(await embedded(artefact)).toEqual([]);
      expect(actionsOf(await workspace.plan())).toEqual([]);
    }
  },
);
