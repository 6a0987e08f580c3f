import { parseConnections, parseDaemons, parseIptablesVersion, parseTimeouts, parseVersion } from '../../lib/dialect';

describe('parseTimeouts', () => {
  it('reads seconds', () => {
    expect(parseTimeouts('Timeout (tcp tcpfin udp): 900 120 300\n')).toEqual({
      tcpSeconds: 900,
      tcpFinSeconds: 120,
      udpSeconds: 300,
    });
  });

  it.each([
    '',
    'Timeout (tcp tcpfin udp): 900 120\n',
    'Timeout (tcp tcpfin udp): 1 2 3\nTimeout (tcp tcpfin udp): 1 2 3\n',
  ])('refuses %j', (text) => {
    expect(() => parseTimeouts(text)).toThrow('ipvsadm -L --timeout');
  });
});

describe('parseDaemons', () => {
  it('reads all parameters', () => {
    expect(
      parseDaemons('backup sync daemon (mcast=dmx, syncid=9, maxlen=1400, group=ff02::81, port=9999, ttl=3)\n'),
    ).toEqual([
      { role: 'backup', interface: 'dmx', syncId: 9, maxLength: 1400, group: 'ff02::81', port: 9999, ttl: 3 },
    ]);
  });

  it('knows what 1.28 does not say', () => {
    expect(parseDaemons('master sync daemon (mcast=lo, syncid=0)\n')).toEqual([
      { role: 'master', interface: 'lo', syncId: 0, maxLength: null, group: null, port: null, ttl: null },
    ]);
  });

  it.each([
    ['two masters that differ', 'master sync daemon (mcast=a, syncid=0)\nmaster sync daemon (mcast=b, syncid=0)\n', 'listed twice'],
    ['another daemon', 'both sync daemon (mcast=a, syncid=0)\n', 'not a sync daemon'],
    ['a sync id too high', 'master sync daemon (mcast=a, syncid=999)\n', 'is not a sync id'],
  ])('refuses %s', (_, text, reason) => { expect(() => parseDaemons(text)).toThrow(reason); }); // prettier-ignore
});

describe('versions', () => {
  it.each([
    ['ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n', '1.31'],
    ['ipvsadm v1.27 2008/5/15 (compiled with popt and IPVS v1.2.1)\n', '1.27'],
  ])('%j', (text, version) => {
    expect(parseVersion(text)).toBe(version);
  });

  it('refuses what is not ipvsadm', () => {
    expect(() => parseVersion('keepalived v2.2\n')).toThrow('ipvsadm --version');
  });

  it.each([
    ['iptables v1.8.9 (nf_tables)\n', 'nft'],
    ['ip6tables v1.8.9 (legacy)\n', 'legacy'],
    ['iptables v1.4.21\n', 'legacy'],
  ])('%j', (text, flavour) => {
    expect(parseIptablesVersion(text)).toBe(flavour);
  });

  it('refuses an iptables it does not know', () => {
    expect(() => parseIptablesVersion('iptables v1.9 (other)\n')).toThrow('iptables --version');
  });
});

describe('parseConnections', () => {
  const HEAD =
    'IPVS connection entries\npro expire state       source             virtual            destination        pe name          pe_data\n';

  it('reads connections, templates and engine data', () => {
    const rows = [
      'TCP 14:45  ESTABLISHED 10.10.0.13:45213   10.10.0.100:7      10.20.0.11:7',
      'IP  00:47  ASSURED     10.10.0.2:0        0.0.1.12:0         10.20.0.11:0',
      'IP  00:47  ASSURED     [2001:db8::]:0     [0:c::]:0          [2001:db8::1]:0',
      'UDP 00:59  NONE        10.10.0.2:0        10.10.0.100:5060   10.20.0.11:5060  sip                384@example.test',
      'ESP 00:59  ERR!        10.10.0.2:500      10.10.0.100:500    10.20.0.11:500',
    ].join('\n');
    const [plain, marked, marked6, sip, esp] = parseConnections(HEAD + rows);
    expect(plain).toEqual({
      protocol: 'tcp',
      expiresSeconds: 885,
      state: 'ESTABLISHED',
      source: { address: '10.10.0.13', port: 45213 },
      virtual: { address: '10.10.0.100', port: 7 },
      destination: { address: '10.20.0.11', port: 7 },
      mark: null,
      persistenceEngine: null,
      persistenceData: null,
    });
    expect(marked).toMatchObject({ protocol: 'ip', mark: 268 });
    expect(marked6).toMatchObject({ protocol: 'ip', mark: 12 });
    expect(sip).toMatchObject({ persistenceEngine: 'sip', persistenceData: '384@example.test' });
    expect(esp).toMatchObject({ protocol: 'esp', state: 'ERR!' });
  });

  it.each([
    ['no header', 'TCP 14:45  ESTABLISHED 10.10.0.13:45213   10.10.0.100:7      10.20.0.11:7', 'expected the headers'],
    ['a row cut short', `${HEAD}TCP 14:45  ESTABLISHED 10.10.0.13:45213   10.10.0.100:7`, 'is not an address and port'],
    ['another protocol', `${HEAD}XYZ 14:45  NONE 10.0.0.1:1 10.0.0.1:1 10.0.0.1:1`, "'XYZ' is not a protocol"],
    ['an unknown state', `${HEAD}TCP 14:45  !ERR 10.0.0.1:1 10.0.0.1:1 10.0.0.1:1`, "'!ERR' is not a state"],
    ['an unknown time', `${HEAD}TCP never  NONE 10.0.0.1:1 10.0.0.1:1 10.0.0.1:1`, "'never' is not minutes and seconds"],
  ])('refuses %s', (_, text, reason) => { expect(() => parseConnections(text)).toThrow(reason); }); // prettier-ignore
});
