/**
 * The laws of the plan, on random tables over all of IPVS; the desired table is made by editing the live one. A strict
 * model of the kernel carries the moves out: what exists can't be added, what is missing can't be removed.
 */
import fc from 'fast-check';
import {
  type DirectorTable,
  markRuleId,
  type Move,
  serverKey,
  serviceConfig,
  serviceId,
  sortTable,
  type VirtualService,
} from '../../lib/model';
import { planTable } from '../../lib/plan';
import { orderChanges } from '../../lib/plan/order';
import { arbitraryTable, editedTable } from '../support/arbitraries';
import { asLive, asWish } from '../support/as-live';
import { runs } from '../support/seed';

const pairs = arbitraryTable().chain((before) =>
  fc.tuple(
    fc.constant(before),
    fc.oneof({ arbitrary: editedTable(before), weight: 4 }, { arbitrary: arbitraryTable(), weight: 1 }),
  ),
);

function movesBetween(before: DirectorTable, after: DirectorTable): Move[] {
  return planTable('edge', asWish(after), asLive(before)).moves;
}

/** One move on a table, as strict as the kernel. */
function carryOut(table: DirectorTable, move: Move): DirectorTable {
  const withService = (change: (service: VirtualService) => VirtualService, id: string): DirectorTable => {
    if (!table.services.some((service) => serviceId(service.key) === id)) throw new Error(`no such service ${id}`);
    return {
      ...table,
      services: table.services.map((service) => (serviceId(service.key) === id ? change(service) : service)),
    };
  };
  switch (move.verb) {
    case 'add-service': {
      const config = move.change.after!;
      if (table.services.some((service) => serviceId(service.key) === serviceId(config.key)))
        throw new Error('service already exists');
      return { ...table, services: [...table.services, { ...config, realServers: [] }] };
    }
    case 'edit-service':
      return withService((service) => ({ ...service, ...move.change.after! }), serviceId(move.change.after!.key));
    case 'remove-service': {
      const gone = serviceId(move.change.before!.key);
      withService((service) => service, gone);
      return { ...table, services: table.services.filter((service) => serviceId(service.key) !== gone) };
    }
    case 'quiesce-server': {
      const gone = move.change.before!;
      return withService(
        (service) => ({
          ...service,
          realServers: service.realServers.map((other) =>
            serverKey(other) === serverKey(gone) ? { ...other, weight: 0 } : other,
          ),
        }),
        serviceId(move.change.service),
      );
    }
    case 'add-server':
    case 'edit-server':
    case 'remove-server': {
      const server = (move.change.after ?? move.change.before)!;
      return withService((service) => {
        const there = service.realServers.some((other) => serverKey(other) === serverKey(server));
        if (there === (move.verb === 'add-server'))
          throw new Error(`${move.verb}: destination ${there ? 'already exists' : 'is missing'}`);
        const others = service.realServers.filter((other) => serverKey(other) !== serverKey(server));
        return { ...service, realServers: move.verb === 'remove-server' ? others : [...others, move.change.after!] };
      }, serviceId(move.change.service));
    }
    case 'steer': {
      const { family, after } = move.steering;
      return { ...table, marks: [...table.marks.filter((rule) => rule.family !== family), ...after] };
    }
    case 'set-timeouts':
      return { ...table, timeouts: move.change.after! };
    case 'stop-daemon': {
      const { role } = (move.change.before ?? move.change.after)!;
      if (!table.daemons.some((daemon) => daemon.role === role)) throw new Error('no daemon is running');
      return { ...table, daemons: table.daemons.filter((daemon) => daemon.role !== role) };
    }
    case 'start-daemon':
      if (table.daemons.some((daemon) => daemon.role === move.change.after!.role))
        throw new Error('daemon has already run');
      return { ...table, daemons: [...table.daemons, move.change.after!] };
  }
}

/** Every table on the way, the first and the last included. */
function way(before: DirectorTable, moves: readonly Move[]): DirectorTable[] {
  const tables = [before];
  for (const move of moves) tables.push(carryOut(tables.at(-1)!, move));
  return tables;
}

const activeServers = (table: DirectorTable, id: string): number =>
  table.services.find((service) => serviceId(service.key) === id)?.realServers.filter((server) => server.weight > 0)
    .length ?? 0;

test('equal tables give no change', () => {
  fc.assert(
    fc.property(arbitraryTable(), (table) => {
      expect(planTable('edge', asWish(table), asLive(table)).changes).toEqual([]);
    }),
    runs(500),
  );
});

test('the moves lead to the desired table, and planning again gives nothing', () => {
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      const reached = sortTable(way(before, movesBetween(before, after)).at(-1)!);
      expect(reached).toEqual(after);
      expect(movesBetween(reached, after)).toEqual([]);
    }),
    runs(1000),
  );
});

/**
 * Pools in which a wrong order shows: few real servers, weights of 0 and 1, most of them edited. Ordinary tables hardly
 * ever move the last active weight from one server to another; with them, lowering before raising went unnoticed.
 */
const tightPairs = arbitraryTable({ maxServices: 3, maxServers: 4, marks: false, daemons: false }).chain((table) => {
  const weights = fc.infiniteStream(fc.constantFrom(0, 0, 1));
  const withWeights = (stream: IterableIterator<number>): DirectorTable => ({
    ...table,
    services: table.services.map((service) => ({
      ...service,
      realServers: service.realServers.map((server) => ({ ...server, weight: stream.next().value as number })),
    })),
  });
  return fc.tuple(weights, weights).map(([before, after]) => [withWeights(before), withWeights(after)] as const);
});

test.each([
  ['any tables', pairs],
  ['tight pools', tightPairs],
])('a service with an active real server before and after is never without one in between: %s', (_name, tables) => {
  let steadyServices = 0;
  fc.assert(
    fc.property(tables, ([before, after]) => {
      const steady = after.services
        .map((service) => serviceId(service.key))
        .filter((id) => activeServers(before, id) > 0 && activeServers(after, id) > 0);
      steadyServices += steady.length;
      for (const table of way(before, movesBetween(before, after)))
        for (const id of steady) expect(activeServers(table, id)).toBeGreaterThan(0);
    }),
    runs(1000),
  );
  expect(steadyServices).toBeGreaterThan(0);
});

test('mark rules never lead to a mark whose service is not there, if it is there before and after', () => {
  const markOf = (table: DirectorTable) =>
    new Set(table.services.flatMap(({ key }) => (key.by === 'fwmark' ? [`${key.family}/${key.mark}`] : [])));
  const served = (table: DirectorTable): boolean =>
    table.marks.every((rule) => markOf(table).has(`${rule.family}/${rule.mark}`));
  /** Keeps only mark rules that have a service. */
  const complete = (table: DirectorTable): DirectorTable => ({
    ...table,
    marks: table.marks.filter((rule) => markOf(table).has(`${rule.family}/${rule.mark}`)),
  });
  let seen = 0;
  fc.assert(
    fc.property(pairs, ([first, second]) => {
      const [before, after] = [complete(first), complete(second)];
      seen += before.marks.length + after.marks.length;
      for (const table of way(before, movesBetween(before, after))) expect(served(table)).toBe(true);
    }),
    runs(1000),
  );
  expect(seen).toBeGreaterThan(0);
});

test('a sync daemon and a real server of another family never meet', () => {
  const mixed = (table: DirectorTable): boolean =>
    table.services.some((service) =>
      service.realServers.some(
        (server) =>
          server.address.includes(':') !==
          (service.key.by === 'fwmark' ? service.key.family === 'inet6' : service.key.address.includes(':')),
      ),
    );
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      for (const table of way(before, movesBetween(before, after)))
        expect(mixed(table) && table.daemons.length > 0).toBe(false);
    }),
    runs(1000),
  );
});

test('the same changes in another order give the same moves within each phase', () => {
  fc.assert(
    fc.property(
      pairs.chain(([before, after]) => {
        const { changes, desired } = planTable('edge', asWish(after), asLive(before));
        return fc.tuple(
          fc.constant({ before, desired, changes }),
          fc.shuffledSubarray(changes, { minLength: changes.length }),
        );
      }),
      ([{ before, desired, changes }, shuffled]) => {
        const phases = (moves: readonly Move[]): string[] => moves.map((move) => `${move.phase} ${move.verb}`);
        expect(phases(orderChanges(shuffled, asLive(before), desired, 'C'))).toEqual(
          phases(orderChanges(changes, asLive(before), desired, 'C')),
        );
      },
    ),
    runs(300),
  );
});

test('tables whose entries come in another order give the same plan', () => {
  const reversed = (table: DirectorTable): DirectorTable => ({
    ...table,
    services: [...table.services]
      .reverse()
      .map((service) => ({ ...service, realServers: [...service.realServers].reverse() })),
    marks: [...table.marks].reverse(),
    daemons: [...table.daemons].reverse(),
  });
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      expect(planTable('edge', asWish(reversed(after)), asLive(before))).toEqual(
        planTable('edge', asWish(after), asLive(before)),
      );
    }),
    runs(300),
  );
});

test('every change is carried out by a move, and every move carries out a change', () => {
  fc.assert(
    fc.property(pairs, ([before, after]) => {
      const { changes, moves } = planTable('edge', asWish(after), asLive(before));
      const removed = new Set(
        changes.flatMap((change) => (change.on === 'service' && change.action === 'delete' ? [change.id] : [])),
      );
      const moved = new Set(
        moves.flatMap((move) => ('change' in move ? [move.change.id] : move.changes.map((change) => change.id))),
      );
      const carried = changes.filter(
        (change) => moved.has(change.id) || [...removed].some((id) => change.id.startsWith(`${id}/`)),
      );
      expect(carried.map((change) => change.id)).toEqual(changes.map((change) => change.id));
      expect([...moved].filter((id) => !changes.some((change) => change.id === id))).toEqual([]);
    }),
    runs(300),
  );
});

test('ids of mark rules tell them apart', () => {
  fc.assert(
    fc.property(arbitraryTable(), (table) => {
      expect(new Set(table.marks.map(markRuleId)).size).toBe(table.marks.length);
      expect(new Set(table.services.map((service) => JSON.stringify(serviceConfig(service).key))).size).toBe(
        table.services.length,
      );
    }),
    runs(200),
  );
});
