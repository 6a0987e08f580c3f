/**
 * What a naive tool gets wrong about ipvsadm and iptables, as far as it concerns reading and writing their text.
 * Every one was seen on a real director; the recordings are in test/fixtures/listings.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  checkCapabilities,
  fetchScript,
  parseLive,
  parseRulesFile,
  parseSave,
  parseTable,
  readListing,
  renderMove,
  renderTable,
  restoreLine,
  TornReadError,
} from '../../lib/dialect';
import {
  formatCommand,
  type LiveDirector,
  type Move,
  ParseError,
  type RealServer,
  type ServiceConfig,
  serviceId,
  type ServiceKey,
  sortTable,
  TransportError,
} from '../../lib/model';
import { refusal } from './refusal';

const recording = (name: string): string => readFileSync(join(__dirname, '../fixtures/listings', name), 'utf8');
const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });

const KEY: ServiceKey = { by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 };
const [SERVICE] = parseSave('-A -t 192.0.2.1:80 -s sh -p 600 -M 255.255.255.0 --pe sip -b sh-port\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5'); // prettier-ignore
if (SERVICE === undefined) throw new Error('no service');
const CONFIG: ServiceConfig = SERVICE;
const SERVER: RealServer = { ...SERVICE.realServers[0]!, upperThreshold: 100, lowerThreshold: 50 };

const editServer = (before: RealServer, after: RealServer): Move => ({
  phase: 'adjust',
  verb: 'edit-server',
  change: { on: 'server', service: KEY, action: 'update', id: 'x', fields: ['weight'], before, after },
});

function live(parts: { save?: string; thresholds?: string; version?: string } = {}): LiveDirector {
  const { save = '', thresholds = '', version = '1.31' } = parts;
  return parseLive(
    {
      path: ok('/sbin/ipvsadm\n'),
      version: ok(`ipvsadm v${version} 2019/12/24 (compiled with popt and IPVS v1.2.1)\n`),
      save: ok(save),
      thresholds: ok(thresholds),
      timeout: ok('Timeout (tcp tcpfin udp): 900 120 300\n'),
      daemon: ok(''),
      records: ok(''),
      kernel: ok('6.1.0\n'),
      package: ok('1:1.31-1'),
      iptables: ok('iptables v1.8.9 (nf_tables)\n'),
      ip6tables: ok('ip6tables v1.8.9 (nf_tables)\n'),
      marks: ok(''),
      marks6: ok(''),
    },
    'lb1',
    'LVSFORM-edge',
  );
}

describe('traps', () => {
  it('trap 1: -e and -E replace the whole entry, so every attribute is printed', () => {
    const { command, undo } = renderMove(editServer(SERVER, { ...SERVER, weight: 7 }));
    expect(formatCommand(command)).toBe('ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 7 -x 100 -y 50');
    expect(undo.map(formatCommand)).toEqual(['ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5 -x 100 -y 50']);
    const change = { on: 'service' as const, action: 'update' as const, id: 'x', fields: ['persistence'], before: CONFIG, after: { ...CONFIG, persistence: null } }; // prettier-ignore
    const edit = renderMove({ phase: 'adjust', verb: 'edit-service', change });
    expect(formatCommand(edit.command)).toBe('ipvsadm -E -t 192.0.2.1:80 -s sh --pe sip -b sh-port');
    expect(edit.undo.map(formatCommand)).toEqual([
      'ipvsadm -E -t 192.0.2.1:80 -s sh -p 600 -M 255.255.255.0 --pe sip -b sh-port',
    ]);
  });

  it('trap 3: -S loses thresholds, so they are read from --thresholds', () => {
    const save = recording('Sn-full.1.31.txt');
    expect(save).not.toContain('1000');
    const { table } = live({ save, thresholds: recording('Ln-thresholds.1.31.txt') });
    const server = table.services.flatMap((service) => service.realServers).find(({ weight }) => weight === 100);
    expect(server).toMatchObject({ address: '10.1.0.1', upperThreshold: 1000, lowerThreshold: 800 });
  });

  it('trap 3: what takes a deletion back has the thresholds', () => {
    const before = { ...CONFIG, realServers: [SERVER] };
    const change = {
      on: 'service' as const,
      action: 'delete' as const,
      id: 'x',
      fields: [],
      before: CONFIG,
      after: null,
    };
    const { undo } = renderMove({ phase: 'remove', verb: 'remove-service', change, before });
    expect(undo.map(formatCommand)).toContainEqual(expect.stringContaining('-x 100 -y 50'));
  });

  it('trap 4: # comments abort -R, so none is ever rendered; in files they are read', () => {
    expect(() => restoreLine(['# web'])).toThrow(RangeError);
    expect(parseRulesFile('# web\n').services).toEqual([]);
  });

  it('trap 6: releases before 1.30 say "No space left on device" to those who are not root', () => {
    const refused = { code: 2, stdout: '', stderr: "Can't initialize ipvs: No space left on device" };
    const path = { code: 0, stdout: '/sbin/ipvsadm\n', stderr: '' };
    const parts = { path, version: refused } as Parameters<typeof parseLive>[0];
    expect(refusal(TransportError, () => parseLive(parts, 'lb1', 'C')).code).toBe('no-permission');
  });

  it('trap 7: a listing is not a snapshot: services that lost all their real servers are read again', () => {
    const thresholds = recording('Ln-thresholds.1.31.txt').replace(/^ {2}-> \S+:\d.*\n/gm, '');
    expect(() => live({ save: recording('Sn-full.1.31.txt'), thresholds })).toThrow(TornReadError);
  });

  it("trap 10: -d does not put the service's port in place of the written one, so the live port is printed", () => {
    const change = { on: 'server' as const, service: KEY, action: 'delete' as const, id: 'x', fields: [], before: SERVER, after: null }; // prettier-ignore
    const { command } = renderMove({ phase: 'remove', verb: 'remove-server', change });
    expect(formatCommand(command)).toBe('ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.1:8080');
  });

  it("trap 10: -a does, so a file's port under gatewaying is the service's", () => {
    const [service] = parseRulesFile('-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -g').services;
    expect(service?.realServers[0]?.port).toBe(80);
  });

  it('trap 11: 1.27 corrupts real servers of another family, so it is not asked for any', () => {
    const services = parseRulesFile('-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r [2001:db8:2::1]:80 -i').services;
    const thresholds = recording('Ln-thresholds.1.31.txt').split('\n').slice(0, 3).join('\n');
    const desired = { services, marks: [], timeouts: {}, daemons: [] };
    expect(checkCapabilities(desired, live({ thresholds, version: '1.27' }))).toHaveLength(1);
    expect(checkCapabilities(desired, live({ thresholds, version: '1.28' }))).toEqual([]);
  });

  it('trap 11: what 1.27 lists can not be told from what it should: SCTP as UDP, IPv6 as some IPv4', () => {
    const ids = parseSave(recording('Sn-full.1.27.txt')).map(({ key }) => serviceId(key));
    expect(ids).toContain('udp/192.0.2.10:9999');
    expect(ids).not.toContain('sctp/192.0.2.10:9999');
  });

  it.each(['Sn-fwmark-negative.1.27.txt', 'Sn-fwmark-negative.1.31.txt', 'Ln-fwmark-negative.1.31.txt'])(
    'trap 12: marks from 2147483648 up are listed negative and refused (%s)',
    (name) => {
      expect(() => readListing(recording(name))).toThrow(/firewall mark -1 is 4294967295/);
      expect(refusal(ParseError, () => readListing(recording(name))).hint).toBe(
        'give that service a mark below 2147483648',
      );
    },
  );

  it('trap 12: the build that prints them right is read', () => {
    const marks = parseSave(recording('Sn-fwmark-fixed.post-1.31-git-e61c8cd.txt')).map(({ key }) => serviceId(key));
    expect(marks).toContain('fwm/4294967295');
  });

  it('trap 13: the order of a listing is none, so a table has its own', () => {
    const services = parseSave(recording('Sn-sort-overflow.1.31.txt'));
    const { services: sorted } = sortTable({ services, marks: [], daemons: [] });
    expect(sorted.map(({ key }) => (key.by === 'address' ? key.address : ''))).toEqual([
      '1.1.1.1', '10.0.0.1', '100.1.1.1', '128.0.0.1', '192.0.2.1', '200.1.1.1', '223.255.255.255',
    ]); // prettier-ignore
    expect(sortTable({ services: [...services].reverse(), marks: [], daemons: [] }).services).toEqual(sorted);
  });

  it('trap 14: -M 24 on IPv4 is 0.0.0.24, so it is refused', () => {
    expect(refusal(ParseError, () => parseRulesFile('-A -t 192.0.2.1:80 -p 60 -M 24')).hint).toContain('0.0.0.24');
  });

  it.each(['-A -p 60 -M 64 -t [2001:db8::1]:80', '-A -f 49 -p 60 -M 64 -6'])(
    'trap 14: an IPv6 -M before the address is forgotten, so it is refused (%s)',
    (line) => {
      expect(() => parseRulesFile(line)).toThrow('that comes before the address or before -6');
    },
  );

  it.each([
    '-A -t [2001:db8::1]:80 -M 64 -p 60',
    '-A -f 49 -6 -M 64 -p 60',
    '-A -p 60 -M 255.255.255.0 -t 192.0.2.1:80',
  ])('trap 14: where it is heeded it is read (%s)', (line) => {
    expect(parseRulesFile(line).services[0]?.persistence?.netmask).toMatch(/^(64|255\.255\.255\.0)$/);
  });

  it('trap 14: a netmask is rendered after the address and -6', () => {
    const { services } = parseRulesFile('-A -f 49 -6 -p 60 -M 64');
    const table = { services, marks: [], timeouts: { tcpSeconds: 1, tcpFinSeconds: 1, udpSeconds: 1 }, daemons: [] };
    expect(renderTable(table, 'C').map(formatCommand)).toContain('ipvsadm -A -f 49 -6 -s wlc -p 60 -M 64');
  });

  it('trap 18: a login that is not root has no /sbin in its PATH', () => {
    expect(fetchScript({ nonce: 'ab', sudo: true })).toContain('PATH="$PATH:/usr/sbin:/sbin"');
  });

  it('trap 20: /proc/net/ip_vs skips services, so it is refused', () => {
    expect(() => readListing(recording('proc_net_ip_vs-full.txt'))).toThrow(/proc/);
  });

  it.each(['S-full-names.1.31.txt', 'L-full-names.1.31.txt', 'Lc-names.1.31.txt'])(
    'trap 21: names instead of numbers may not lead back to the same address, so they are refused (%s)',
    (name) => {
      expect(refusal(ParseError, () => readListing(recording(name))).hint).toContain('list with -n');
    },
  );

  it('trap 22: -D of a jump that is not there fails the whole transaction, so only live ones are deleted', () => {
    const rule = { family: 'inet' as const, protocol: null, destination: null, source: null, inputInterface: null, ports: [], mark: 1 }; // prettier-ignore
    const steer = (jumps: number): string => {
      const steering = {
        family: 'inet' as const,
        chain: 'C',
        before: [rule],
        after: [],
        live: { present: true, jumps },
      };
      return renderMove({ phase: 'steer', verb: 'steer', changes: [], steering }).command.input ?? '';
    };
    expect([0, 1, 2].map((jumps) => steer(jumps).match(/^-D PREROUTING -j C$/gm)?.length ?? 0)).toEqual([0, 1, 2]);
  });

  it('hazard: columns are padded but not cut, and wide values push the rest to the right', () => {
    const [service] = parseTable(recording('Ln-wide-thresholds.1.31.txt'), 'thresholds').services;
    expect(service?.realServers).toContainEqual(
      expect.objectContaining({ address: '10.1.0.4', upperThreshold: 2147483647, lowerThreshold: 2147483647 }),
    );
  });
});
