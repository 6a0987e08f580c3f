import { parseTable } from '../../lib/dialect';
import { ParseError } from '../../lib/model';

const VERSION = 'IP Virtual Server version 1.2.1 (size=4096)\n';
const COLUMNS =
  'Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n';
const STATS =
  'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n';

describe('parseTable', () => {
  it('reads services and real servers column by column', () => {
    const { kind, services } = parseTable(
      `${VERSION}${COLUMNS}UDP  192.0.2.10:5061 sh (sh-fallback,sh-port) persistent 60 mask 255.255.0.0 pe sip ops\n  -> 10.1.0.6:5061                Masq    3      4          5         \n`,
    );
    expect(kind).toBe('table');
    expect(services).toEqual([
      {
        key: { by: 'address', protocol: 'udp', address: '192.0.2.10', port: 5061 },
        config: {
          scheduler: 'sh',
          schedulerFlags: ['sh-fallback', 'sh-port'],
          persistence: { timeoutSeconds: 60, netmask: '255.255.0.0' },
          persistenceEngine: 'sip',
          onePacket: true,
        },
        realServers: [
          { address: '10.1.0.6', port: 5061, forwarding: 'masquerading', weight: 3, activeConnections: 4, inactiveConnections: 5 },
        ],
      },
    ]); // prettier-ignore
  });

  it('reads marks of both families', () => {
    const { services } = parseTable(`${COLUMNS}FWM  12 wrr\nFWM  12 IPv6 wlc persistent 300 mask 64\n`);
    expect(services.map(({ key, config }) => [key, config?.persistence])).toEqual([
      [{ by: 'fwmark', family: 'inet', mark: 12 }, null],
      [
        { by: 'fwmark', family: 'inet6', mark: 12 },
        { timeoutSeconds: 300, netmask: '64' },
      ],
    ]);
  });

  it('does not pass an abbreviated counter off as exact', () => {
    const { services } = parseTable(`${VERSION}${STATS}TCP  10.10.0.100:9     1    38890    100000K    1302M  14G\n`);
    expect(services[0]?.counters).toEqual({
      connections: 1,
      inPackets: 38890,
      outPackets: { value: 100000000, exact: false },
      inBytes: { value: 1302000000, exact: false },
      outBytes: { value: 14000000000, exact: false },
    });
  });

  it('reads a counter of 64 bits to its last digit', () => {
    const { services } = parseTable(`${STATS}FWM  12  1 2 3 4 18446744073709551615\n`);
    expect(services[0]?.counters?.outBytes).toBe(18446744073709551615n);
  });

  it.each([
    ['gue:6080:-c', { type: 'gue', port: 6080, checksum: 'none' }],
    ['gue:1:+c', { type: 'gue', port: 1, checksum: 'csum' }],
    ['gue:6080:r+c', { type: 'gue', port: 6080, checksum: 'remcsum' }],
    ['gre:+c', { type: 'gre', checksum: 'csum' }],
    ['ipip', { type: 'ipip' }],
    ['n/a', null],
  ])('reads tunnel %s', (text, tunnel) => {
    const columns = COLUMNS.replace('Forward', 'Forward TunnelInfo   ');
    const { services } = parseTable(
      `${columns}TCP  192.0.2.1:80 rr\n  -> 10.0.0.1:80 Tunnel ${text} 1 0 0\n`,
      'tunnels',
    );
    expect(services[0]?.realServers[0]?.tunnel).toEqual(tunnel);
  });

  it.each([
    ['another kind than asked for', STATS, 'expected ipvsadm -Ln, got ipvsadm -Ln --stats'],
    ['no headers', 'TCP  192.0.2.1:80 rr\n', 'expected the headers'],
    ['unknown columns', 'Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port Weight\n', 'columns are unknown'],
    ['a second listing', `${VERSION}${COLUMNS}${VERSION}${COLUMNS}`, 'a second listing begins'],
    ['a second listing without version', `${COLUMNS}${COLUMNS}`, 'a second listing begins'],
    ['a real server without a service', `${COLUMNS}  -> 10.0.0.1:80 Masq 1 0 0\n`, 'a real server without a service'],
    ['a method of a fork', `${COLUMNS}TCP  192.0.2.1:80 rr\n  -> 10.0.0.1:80 FullNat 1 0 0\n`, "'FullNat' is not a forwarding method"],
    ['a flag of a fork', `${COLUMNS}TCP  192.0.2.1:80 rr conn-timeout 60\n`, "'conn-timeout' is unknown"],
    ['a column of a fork', `${COLUMNS}TCP  192.0.2.1:80 rr\n  -> 10.0.0.1:80 Masq 1 0 0 inhibited\n`, 'expected 4 columns, got 5'],
    ['a protocol of a fork', `${COLUMNS}ICMP 192.0.2.1:80 rr\n`, "'ICMP' is not a protocol"],
    ['names', `${COLUMNS}TCP  192.0.2.1:http rr\n`, 'names instead of numbers'],
    ['a service twice', `${COLUMNS}FWM  1 rr\nFWM  1 rr\n`, 'service fwm/1 is listed twice'],
    ['a real server twice', `${COLUMNS}FWM  1 rr\n${'  -> 10.0.0.1:80 Masq 1 0 0\n'.repeat(2)}`, 'is listed twice'],
    ['a line cut short', `${COLUMNS}TCP  192.0.2.1:80 rr persistent\n`, 'the line ends too early'],
    ['a tunnel it does not know', `${COLUMNS.replace('Forward', 'Forward TunnelInfo')}FWM  1 rr\n  -> 10.0.0.1:80 Tunnel vxlan 1 0 0\n`, "'vxlan' is not a tunnel"],
    ['a counter it does not know', `${STATS}FWM  1 1 1 1 1 1X\n`, "'1X' is not a counter"],
  ])('refuses %s', (_, text, reason) => {
    const wanted = text === STATS ? 'table' : undefined;
    expect(() => parseTable(text, wanted)).toThrow(ParseError);
    expect(() => parseTable(text, wanted)).toThrow(reason);
  }); // prettier-ignore
});
