import { formatCommand, type Move, type RealServer, type ServiceConfig, type ServiceKey, type Steering, type SyncDaemon } from '../../lib/model'; // prettier-ignore
import { renderMove, renderTable, restoreLine } from '../../lib/dialect';

const KEY: ServiceKey = { by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 };
const SERVICE: ServiceConfig = {
  key: KEY,
  scheduler: 'wrr',
  schedulerFlags: [],
  persistence: null,
  persistenceEngine: null,
  onePacket: false,
};
const SERVER: RealServer = {
  address: '10.0.0.1',
  port: 80,
  forwarding: 'gatewaying',
  tunnel: null,
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
};
const DAEMON: SyncDaemon = {
  role: 'master',
  interface: 'lo',
  syncId: 9,
  maxLength: null,
  group: '224.0.0.81',
  port: 8848,
  ttl: 1,
};

const rendered = (move: Move): { command: string; undo: string[] } => {
  const { command, undo } = renderMove(move);
  return { command: formatCommand(command), undo: undo.map(formatCommand) };
};
const delta = { id: 'lb1/x', fields: [] };

function addServiceText(service: Partial<ServiceConfig>): string {
  const change = { on: 'service' as const, action: 'create' as const, ...delta, before: null, after: { ...SERVICE, ...service } }; // prettier-ignore
  return rendered({ phase: 'build', verb: 'add-service', change }).command;
}

function addServerText(server: Partial<RealServer>, service: ServiceKey = KEY): string {
  const change = { on: 'server' as const, service, action: 'create' as const, ...delta, before: null, after: { ...SERVER, ...server } }; // prettier-ignore
  return rendered({ phase: 'build', verb: 'add-server', change }).command;
}

describe('a service', () => {
  it.each<[string, Partial<ServiceConfig>, string]>([
    ['TCP', {}, '-t 192.0.2.1:80 -s wrr'],
    ['UDP, one-packet', { key: { ...KEY, protocol: 'udp' }, onePacket: true }, '-u 192.0.2.1:80 -s wrr -o'],
    ['SCTP', { key: { ...KEY, protocol: 'sctp' } }, '--sctp-service 192.0.2.1:80 -s wrr'],
    ['IPv6', { key: { ...KEY, address: '2001:db8::1' } }, "-t '[2001:db8::1]:80' -s wrr"],
    ['fwmark', { key: { by: 'fwmark', family: 'inet', mark: 4294967295 } }, '-f 4294967295 -s wrr'],
    ['IPv6 fwmark', { key: { by: 'fwmark', family: 'inet6', mark: 12 }, persistence: { timeoutSeconds: 300, netmask: '64' } }, '-f 12 -6 -s wrr -p 300 -M 64'],
    ['flags', { scheduler: 'mh', schedulerFlags: ['mh-fallback', 'mh-port'] }, '-t 192.0.2.1:80 -s mh -b mh-fallback,mh-port'],
    ['persistence', { persistence: { timeoutSeconds: 360, netmask: '255.255.255.255' } }, '-t 192.0.2.1:80 -s wrr -p 360'],
    ['a netmask', { persistence: { timeoutSeconds: 360, netmask: '0.0.0.0' } }, '-t 192.0.2.1:80 -s wrr -p 360 -M 0.0.0.0'],
    ['an engine', { persistence: { timeoutSeconds: 60, netmask: '255.255.255.255' }, persistenceEngine: 'sip' }, '-t 192.0.2.1:80 -s wrr -p 60 --pe sip'],
    ['an engine alone', { persistenceEngine: 'sip' }, '-t 192.0.2.1:80 -s wrr --pe sip'],
  ])('%s', (_, service, args) => { expect(addServiceText(service)).toBe(`ipvsadm -A ${args}`); }); // prettier-ignore

  it('is taken back by its deletion, an edit by the edit back', () => {
    const before = { ...SERVICE, persistence: { timeoutSeconds: 60, netmask: '255.255.0.0' } };
    const change = { on: 'service' as const, action: 'update' as const, ...delta, before, after: SERVICE };
    expect(rendered({ phase: 'adjust', verb: 'edit-service', change })).toEqual({
      command: 'ipvsadm -E -t 192.0.2.1:80 -s wrr',
      undo: ['ipvsadm -E -t 192.0.2.1:80 -s wrr -p 60 -M 255.255.0.0'],
    });
    expect(rendered({ phase: 'build', verb: 'add-service', change }).undo).toEqual(['ipvsadm -D -t 192.0.2.1:80']);
  });

  it('comes back with all its real servers, thresholds and all', () => {
    const before = { ...SERVICE, realServers: [{ ...SERVER, upperThreshold: 100, lowerThreshold: 50 }, { ...SERVER, address: '10.0.0.2' }] }; // prettier-ignore
    const change = { on: 'service' as const, action: 'delete' as const, ...delta, before: SERVICE, after: null };
    expect(rendered({ phase: 'remove', verb: 'remove-service', change, before })).toEqual({
      command: 'ipvsadm -D -t 192.0.2.1:80',
      undo: [
        'ipvsadm -A -t 192.0.2.1:80 -s wrr',
        'ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1 -x 100 -y 50',
        'ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1 -x 0 -y 0',
      ],
    });
  });
});

describe('a real server', () => {
  it.each<[string, Partial<RealServer>, string]>([
    ['gatewaying', {}, '-r 10.0.0.1:80 -g -w 1 -x 0 -y 0'],
    ['masquerading', { forwarding: 'masquerading', port: 8080, weight: 0, upperThreshold: 9, lowerThreshold: 3 }, '-r 10.0.0.1:8080 -m -w 0 -x 9 -y 3'],
    ['ipip: plain -i, which 1.30 knows', { forwarding: 'ipip', tunnel: { type: 'ipip' } }, '-r 10.0.0.1:80 -i -w 1 -x 0 -y 0'],
    ['GUE', { forwarding: 'ipip', tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' } }, '-r 10.0.0.1:80 -i -w 1 -x 0 -y 0 --tun-type gue --tun-port 6080 --tun-remcsum'],
    ['GRE', { forwarding: 'ipip', tunnel: { type: 'gre', checksum: 'none' } }, '-r 10.0.0.1:80 -i -w 1 -x 0 -y 0 --tun-type gre --tun-nocsum'],
    ['IPv6', { address: '2001:db8::1', forwarding: 'ipip', tunnel: { type: 'ipip' } }, "-r '[2001:db8::1]:80' -i -w 1 -x 0 -y 0"],
  ])('%s', (_, server, args) => { expect(addServerText(server)).toBe(`ipvsadm -a -t 192.0.2.1:80 ${args}`); }); // prettier-ignore

  it('of an IPv6 mark', () => {
    expect(addServerText({ address: '2001:db8::1', port: 0 }, { by: 'fwmark', family: 'inet6', mark: 12 })).toBe(
      "ipvsadm -a -f 12 -6 -r '[2001:db8::1]:0' -g -w 1 -x 0 -y 0",
    );
  });

  it('is deleted, edited and restored', () => {
    const before = { ...SERVER, forwarding: 'masquerading' as const, port: 8080, upperThreshold: 5 };
    const after = { ...before, weight: 7 };
    const change = { on: 'server' as const, service: KEY, action: 'update' as const, ...delta, before, after };
    expect(rendered({ phase: 'adjust', verb: 'edit-server', change })).toEqual({
      command: 'ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 7 -x 5 -y 0',
      undo: ['ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1 -x 5 -y 0'],
    });
    expect(rendered({ phase: 'remove', verb: 'remove-server', change })).toEqual({
      command: 'ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.1:8080',
      undo: ['ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1 -x 5 -y 0'],
    });
    expect(rendered({ phase: 'build', verb: 'add-server', change }).undo).toEqual([
      'ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.1:8080',
    ]);
  });
});

describe('timeouts and daemons', () => {
  it('sets all timeouts, and back', () => {
    const before = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };
    const change = { on: 'timeouts' as const, action: 'update' as const, ...delta, before, after: { ...before, tcpSeconds: 60 } }; // prettier-ignore
    expect(rendered({ phase: 'settle', verb: 'set-timeouts', change })).toEqual({
      command: 'ipvsadm --set 60 120 300',
      undo: ['ipvsadm --set 900 120 300'],
    });
  });

  it.each<[string, Partial<SyncDaemon>, string]>([
    ['with defaults, as 1.28 knows them', {}, ''],
    ['as 1.28 lists it', { group: null, port: null, ttl: null }, ''],
    ['in full', { maxLength: 1400, group: 'ff02::81', port: 9999, ttl: 3 }, ' --sync-maxlen 1400 --mcast-group ff02::81 --mcast-port 9999 --mcast-ttl 3'],
  ])('starts a daemon %s', (_, daemon, rest) => {
    const after = { ...DAEMON, ...daemon };
    const change = { on: 'daemon' as const, action: 'update' as const, ...delta, before: after, after };
    const start = `ipvsadm --start-daemon master --mcast-interface lo --syncid 9${rest}`;
    const stop = 'ipvsadm --stop-daemon master';
    expect(rendered({ phase: 'settle', verb: 'start-daemon', change })).toEqual({ command: start, undo: [stop] });
    expect(rendered({ phase: 'free', verb: 'stop-daemon', change })).toEqual({ command: stop, undo: [start] });
  }); // prettier-ignore
});

describe('steering', () => {
  const rule = (mark: number) => ({
    family: 'inet' as const,
    protocol: 'tcp' as const,
    destination: '192.0.2.1/32',
    source: null,
    inputInterface: null,
    ports: ['80'],
    mark,
  });
  const line = (mark: string): string =>
    `-A LVSFORM-edge -d 192.0.2.1/32 -p tcp -m multiport --dports 80 -j MARK --set-xmark ${mark}/0xffffffff`;
  const steer = (steering: Pick<Steering, 'before' | 'after' | 'live'>) => {
    const { command, undo } = renderMove({ phase: 'steer', verb: 'steer', changes: [], steering: { family: 'inet', chain: 'LVSFORM-edge', ...steering } }); // prettier-ignore
    return { command: command.input?.split('\n'), undo: undo.map(({ input }) => input?.split('\n')) };
  };

  it('creates the chain, and removes it again', () => {
    expect(steer({ before: [], after: [rule(12)], live: { present: false, jumps: 0 } })).toEqual({
      command: ['*mangle', ':LVSFORM-edge - [0:0]', '-A PREROUTING -j LVSFORM-edge', line('0xc'), 'COMMIT', ''],
      undo: [
        ['*mangle', '-F LVSFORM-edge', '-D PREROUTING -j LVSFORM-edge', '-X LVSFORM-edge', 'COMMIT', ''],
      ],
    }); // prettier-ignore
  });

  it('swaps rules and takes surplus jumps away', () => {
    expect(steer({ before: [rule(12)], after: [rule(13)], live: { present: true, jumps: 3 } })).toEqual({
      command: [
        '*mangle',
        ':LVSFORM-edge - [0:0]',
        '-D PREROUTING -j LVSFORM-edge',
        '-D PREROUTING -j LVSFORM-edge',
        line('0xd'),
        'COMMIT',
        '',
      ],
      undo: [
        [
          '*mangle',
          ':LVSFORM-edge - [0:0]',
          '-A PREROUTING -j LVSFORM-edge',
          '-A PREROUTING -j LVSFORM-edge',
          line('0xc'),
          'COMMIT',
          '',
        ],
      ],
    });
  });

  it('removes the chain with its last rule, and makes it again', () => {
    expect(steer({ before: [rule(12)], after: [], live: { present: true, jumps: 1 } })).toEqual({
      command: ['*mangle', '-F LVSFORM-edge', '-D PREROUTING -j LVSFORM-edge', '-X LVSFORM-edge', 'COMMIT', ''],
      undo: [
        ['*mangle', ':LVSFORM-edge - [0:0]', '-A PREROUTING -j LVSFORM-edge', line('0xc'), 'COMMIT', ''],
      ],
    }); // prettier-ignore
  });

  it('uses the tool of the family', () => {
    const steering = { family: 'inet6' as const, chain: 'C', before: [], after: [rule(1)], live: { present: false, jumps: 0 } }; // prettier-ignore
    const { command } = renderMove({ phase: 'steer', verb: 'steer', changes: [], steering });
    expect(formatCommand(command)).toBe('ip6tables-restore --noflush');
  });
});

describe('renderMove', () => {
  it('names phase, verb and the changes it carries out', () => {
    const change = { on: 'service' as const, action: 'create' as const, ...delta, before: null, after: SERVICE };
    expect(renderMove({ phase: 'build', verb: 'add-service', change })).toMatchObject({
      phase: 'build',
      verb: 'add-service',
      changes: ['lb1/x'],
    });
  });

  it('refuses a move without the entry it is about', () => {
    const change = { on: 'service' as const, action: 'delete' as const, ...delta, before: SERVICE, after: null };
    expect(() => renderMove({ phase: 'build', verb: 'add-service', change })).toThrow(TypeError);
  });
});

describe('renderTable', () => {
  it('builds services before their real servers, and daemons last', () => {
    const commands = renderTable(
      {
        services: [{ ...SERVICE, realServers: [SERVER] }],
        marks: [],
        timeouts: { tcpSeconds: 1, tcpFinSeconds: 2, udpSeconds: 3 },
        daemons: [DAEMON],
      },
      'C',
    );
    expect(commands.map((command) => command.args[0])).toEqual(['-A', '-a', '--set', '--start-daemon']);
  });
});

describe('restoreLine', () => {
  it('joins arguments', () => {
    expect(restoreLine(['-A', '-t', '192.0.2.1:80'])).toBe('-A -t 192.0.2.1:80');
  });
  it.each([[['-s', 'a b']], [['-s', '']], [['-s', 'a\n-C']]])('refuses %j: -R knows no quoting', (args) => {
    expect(() => restoreLine(args)).toThrow(RangeError);
  });
});
