import fc from 'fast-check';
import {
  type ListedServer,
  parseMarks,
  parseRulesFile,
  parseSave,
  parseTable,
  renderTable,
  restoreLine,
} from '../../lib/dialect';
import {
  compareMarkRules,
  type DirectorTable,
  familyOf,
  flagProblems,
  hostPort,
  isServerAddress,
  serviceFamily,
  type ServiceKey,
  sortTable,
} from '../../lib/model';
import { arbitraryTable, editedTable } from '../support/arbitraries';

const CHAIN = 'LVSFORM-edge';
const FEATURES = { highMarks: true, maxWeight: 2147483647 };

function lines(table: DirectorTable): string[] {
  return renderTable(table, CHAIN).flatMap((command) =>
    command.tool === 'ipvsadm' ? [restoreLine(command.args)] : [],
  );
}

describe('reading is the reverse of rendering', () => {
  it('for whole tables in a rules file', () => {
    fc.assert(
      fc.property(arbitraryTable(FEATURES), (table) => {
        const { marks: _, ...rest } = table;
        expect(sortTable({ ...parseRulesFile(lines(table).join('\n')), marks: [] })).toEqual({ ...rest, marks: [] });
      }),
    );
  });

  it('for the rules of a listing, in any order of services', () => {
    fc.assert(
      fc.property(arbitraryTable(FEATURES), fc.array(fc.nat(99), { minLength: 24, maxLength: 24 }), (table, ranks) => {
        const rules = lines(table).filter((line) => /^-[Aa] /.test(line));
        const services = rules.filter((line) => line.startsWith('-A'));
        const servers = rules.filter((line) => line.startsWith('-a'));
        const shuffled = servers.map((line, at) => ({ line, rank: ranks[at] ?? 0 })).sort((a, b) => a.rank - b.rank);
        const read = parseSave([...services.reverse(), ...shuffled.map(({ line }) => line)].join('\n'));
        expect(sortTable({ services: read, marks: [], daemons: [] }).services).toEqual(table.services);
      }),
    );
  });

  it('for mark rules', () => {
    fc.assert(
      fc.property(arbitraryTable(FEATURES), (table) => {
        const restored = { inet: '', inet6: '' };
        for (const { tool, input } of renderTable(table, CHAIN)) {
          if (tool === 'iptables-restore') restored.inet = input ?? '';
          if (tool === 'ip6tables-restore') restored.inet6 = input ?? '';
        }
        for (const family of ['inet', 'inet6'] as const) {
          const rules = table.marks.filter((rule) => rule.family === family);
          const { own, others, chain } = parseMarks(restored[family], family, CHAIN);
          expect({ own: own.sort(compareMarkRules), others, chain }).toEqual({
            own: rules,
            others: [],
            chain: rules.length > 0 ? { present: true, jumps: 1 } : { present: false, jumps: 0 },
          });
        }
      }),
    );
  });

  it('for thresholds in a table, however wide its columns', () => {
    fc.assert(
      fc.property(arbitraryTable({ maxServers: 6 }), (table) => {
        const { services } = parseTable(formatThresholds(table), 'thresholds');
        const columns = (servers: readonly Pick<ListedServer, "address" | "port" | "upperThreshold" | "lowerThreshold">[]) =>
          servers.map(({ address, port, upperThreshold, lowerThreshold }) => [address, port, upperThreshold, lowerThreshold]); // prettier-ignore
        expect(services.map(({ key, realServers }) => [key, columns(realServers)])).toEqual(
          table.services.map(({ key, realServers }) => [key, columns(realServers)]),
        );
      }),
    );
  });
});

/** `ipvsadm -Ln --thresholds`, as ipvsadm.c prints it. */
function formatThresholds(table: DirectorTable): string {
  const rows = table.services.flatMap(({ key, scheduler, schedulerFlags, realServers }) => [
    `${serviceName(key)} ${scheduler}${schedulerFlags.length > 0 ? ` (${schedulerFlags.join(',')})` : ''}`,
    ...realServers.map((server) =>
      `  -> ${hostPort(server.address, server.port).padEnd(28)} ${[server.upperThreshold, server.lowerThreshold, 0, 0].map((cell) => String(cell).padEnd(10)).join(' ')}`,
    ),
  ]); // prettier-ignore
  return [
    'IP Virtual Server version 1.2.1 (size=4096)',
    'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ',
    '  -> RemoteAddress:Port',
    ...rows,
    '',
  ].join('\n');
}

function serviceName(key: ServiceKey): string {
  if (key.by === 'fwmark') return `FWM  ${key.mark}${key.family === 'inet6' ? ' IPv6' : ''}`;
  return `${key.protocol.toUpperCase().padEnd(4)} ${hostPort(key.address, key.port)}`;
}

describe('random tables are ones the kernel accepts', () => {
  const edited = arbitraryTable().chain((table) => fc.tuple(fc.constant(table), editedTable(table)));

  it('also after an edit', () => {
    fc.assert(
      fc.property(edited, (tables) => {
        for (const table of tables) {
          expect(sortTable(table)).toEqual(table);
          for (const service of table.services) {
            const { key, onePacket, persistence, scheduler, schedulerFlags } = service;
            expect(flagProblems(scheduler, schedulerFlags)).toEqual([]);
            if (key.by === 'address') {
              expect(key.port > 0 || persistence !== null).toBe(true);
              expect(!onePacket || key.protocol === 'udp').toBe(true);
            }
            for (const server of service.realServers) {
              expect(isServerAddress(server.address)).toBe(true);
              expect(server.lowerThreshold).toBeLessThanOrEqual(server.upperThreshold);
              expect(server.forwarding === 'ipip').toBe(server.tunnel !== null);
              const mixed = familyOf(server.address) !== serviceFamily(key);
              expect(!mixed || (server.forwarding === 'ipip' && table.daemons.length === 0)).toBe(true);
              expect(key.by === 'fwmark' || server.forwarding === 'masquerading' || server.port === key.port).toBe(
                true,
              );
            }
          }
        }
      }),
    );
  });

  it('and an edit keeps some, changes some, adds and removes some', () => {
    const seen = new Set<string>();
    for (const [before, after] of fc.sample(edited, { numRuns: 200, seed: 1 })) {
      const old = new Map(before.services.map((service) => [JSON.stringify(service.key), JSON.stringify(service)]));
      for (const service of after.services) {
        const was = old.get(JSON.stringify(service.key));
        seen.add(was === undefined ? 'added' : was === JSON.stringify(service) ? 'kept' : 'changed');
        old.delete(JSON.stringify(service.key));
      }
      if (old.size > 0) seen.add('removed');
    }
    expect([...seen].sort()).toEqual(['added', 'changed', 'kept', 'removed']);
  });
});
