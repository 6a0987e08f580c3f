/** Whatever a director can hold can be written as constructs, and comes back from the artefact unchanged. */
import fc from 'fast-check';
import {
  Director,
  Duration,
  Fleet,
  Forward,
  type IpvsStack,
  Listen,
  Scheduler,
  type Table,
} from '../../lib/constructs';
import {
  type DirectorTable,
  hostPort,
  type MarkRule,
  type RealServer,
  type VirtualService,
} from '../../lib/model';
import { arbitraryTable, declarable } from '../support/arbitraries';
import { runs } from '../support/seed';
import { load } from './program';

function declareService(table: Table, name: string, service: VirtualService): void {
  const { key, persistence, persistenceEngine, onePacket } = service;
  const listen = key.by === 'fwmark' ? Listen.mark(key.mark, key.family) : Listen[key.protocol](key.address, key.port);
  const engine = persistenceEngine === null ? {} : { engine: persistenceEngine };
  const bound = persistence && { timeout: Duration.seconds(persistence.timeoutSeconds), netmask: persistence.netmask };
  const declared = table.addService(name, {
    listen,
    scheduler: Scheduler.of(service.scheduler, ...service.schedulerFlags),
    ...(bound === null && persistenceEngine === null ? {} : { persistence: { ...bound, ...engine } }),
    onePacket,
  });
  for (const server of service.realServers) {
    const { address, port, weight, upperThreshold, lowerThreshold } = server;
    const props = { address, port, weight, upperThreshold, lowerThreshold, forward: forwardOf(server) };
    declared.addRealServer(hostPort(address, port), props);
  }
}

function forwardOf({ forwarding, tunnel }: RealServer): Forward {
  return forwarding === 'ipip' ? Forward.ipip(tunnel ?? {}) : Forward[forwarding]();
}

function declareMark(table: Table, name: string, rule: MarkRule): void {
  const { mark, family, ports } = rule;
  const given = ['protocol', 'destination', 'source', 'inputInterface'] as const;
  const matches = Object.fromEntries(given.map((field) => [field, rule[field] ?? undefined]));
  table.addMarkRule(name, { mark, family, ports, ...matches });
}

function declare(table: Table, { services, marks, timeouts, daemons }: DirectorTable): void {
  services.forEach((service, index) => {
    declareService(table, `s${index}`, service);
  });
  marks.forEach((rule, index) => {
    declareMark(table, `m${index}`, rule);
  });
  const { tcpSeconds, tcpFinSeconds, udpSeconds } = timeouts;
  const [tcp, tcpFin, udp] = [tcpSeconds, tcpFinSeconds, udpSeconds].map((seconds) => Duration.seconds(seconds));
  table.setTimeouts({ tcp: tcp!, tcpFin: tcpFin!, udp: udp! });
  for (const { role, interface: device, syncId, maxLength, group, port, ttl } of daemons) {
    const numbers = { syncId, maxLength: maxLength!, port: port!, ttl: ttl! };
    table.addSyncDaemon(role, { role, interface: device, group: group!, ...numbers });
  }
}

const tables = arbitraryTable({ highMarks: true, maxWeight: 2147483647 }).map(declarable);

test('a table declared on a director is the table read from its artefact', () => {
  fc.assert(
    fc.property(tables, (table) => {
      const stack = load((edge) => {
        declare(new Director(edge, 'lb1', { host: 'lb1' }), table);
      });
      expect(stack.directors.map((desired) => desired.table)).toEqual([table]);
    }),
    runs(150),
  );
});

test('a fleet gives every director the same table', () => {
  fc.assert(
    fc.property(tables, (table) => {
      const stack = load((edge: IpvsStack) => {
        const directors = ['lb1', 'lb2', 'lb3'].map((name) => new Director(edge, name, { host: name }));
        declare(new Fleet(edge, 'table', { directors }), table);
      });
      expect(stack.directors.map((desired) => desired.table)).toEqual([table, table, table]);
    }),
    runs(40),
  );
});
