import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readListing } from '../../lib/dialect';
import { ParseError } from '../../lib/model';
import { refusal } from './refusal';

const recording = (name: string): string => readFileSync(join(__dirname, '../fixtures/listings', name), 'utf8');

const servicesOf = (name: string): readonly unknown[] => {
  const listing = readListing(recording(name));
  return 'services' in listing ? listing.services : [];
};

describe('readListing', () => {
  it.each([
    ['Sn-full.1.31.txt', 'rules'],
    ['Sn-full.1.27.txt', 'rules'],
    ['input-full.rules', 'rules'],
    ['Sn-empty.1.31.txt', 'rules'],
    ['Ln-full.1.31.txt', 'table'],
    ['Ln-one-service.1.31.txt', 'table'],
    ['Ln-tun-info.1.31.txt', 'tunnels'],
    ['Ln-thresholds.1.31.txt', 'thresholds'],
    ['Ln-persistent-conn.1.31.txt', 'persistent-connections'],
    ['Ln-conns-stats.1.31.txt', 'stats'],
    ['Ln-conns-rate.1.31.txt', 'rate'],
    ['Lcn.1.31.txt', 'connections'],
    ['Lcn-persistent.1.27.txt', 'connections'],
    ['timeout.1.31.txt', 'timeouts'],
    ['daemon-both.1.28.txt', 'daemons'],
    ['iptables-save-mangle.nft.txt', 'marks'],
    ['ip6tables-save-mangle.legacy.txt', 'marks'],
    ['iptables-S-mangle.nft.txt', 'marks'],
  ])('knows %s for %s', (name, kind) => {
    expect(readListing(recording(name)).kind).toBe(kind);
  });

  it('puts what names a service beside the rest of it', () => {
    expect(readListing('-A -f 12 -6 -s wrr\n-A -t 192.0.2.1:80 -s sh -b sh-port\n')).toEqual({
      kind: 'rules',
      services: [
        {
          mark: 12,
          family: 'inet6',
          scheduler: 'wrr',
          schedulerFlags: [],
          persistence: null,
          persistenceEngine: null,
          onePacket: false,
          realServers: [],
        },
        {
          protocol: 'tcp',
          address: '192.0.2.1',
          port: 80,
          scheduler: 'sh',
          schedulerFlags: ['sh-port'],
          persistence: null,
          persistenceEngine: null,
          onePacket: false,
          realServers: [],
        },
      ],
    });
  });

  it('names columns', () => {
    expect(servicesOf('Ln-conns-persistent.1.31.txt')[0]).toMatchObject({
      protocol: 'tcp',
      address: '10.10.0.100',
      port: 7,
      scheduler: 'wrr',
      realServers: [
        { address: '10.20.0.11', port: 7, weight: 0, persistentConnections: 1, activeConnections: 1, inactiveConnections: 0 },
        { address: '10.20.0.12', port: 7, weight: 1, persistentConnections: 2, activeConnections: 1, inactiveConnections: 2 },
      ],
    });
  }); // prettier-ignore

  it("puts a service's counters beside its name", () => {
    expect(servicesOf('Ln-conns-stats.1.31.txt')[1]).toMatchObject({
      port: 9,
      connections: 1,
      inPackets: 38890,
      inBytes: { value: 1302000000, exact: false },
    });
  });

  it('is data for JSON', () => {
    const listing = readListing(recording('Ln-tun-info.1.31.txt'));
    expect(JSON.parse(JSON.stringify(listing))).toEqual(listing);
  });

  it('gives timeouts and daemons of a rules file, where it has any', () => {
    expect(readListing('--set 1 2 3\n--start-daemon master')).toMatchObject({
      kind: 'rules',
      services: [],
      timeouts: { tcpSeconds: 1, tcpFinSeconds: 2, udpSeconds: 3 },
      daemons: [{ role: 'master', interface: 'eth0' }],
    });
    expect(Object.keys(readListing('# nothing'))).toEqual(['kind', 'services']);
  });

  it('keeps rules that mark nothing for us as they are', () => {
    const listing = readListing(recording('iptables-save-c-mangle.nft.txt'));
    expect(listing).toMatchObject({
      family: 'inet',
      rules: [{ chain: 'PREROUTING', mark: 12 }, { chain: 'IPVS-MARK', mark: 12 }, { chain: 'IPVS-MARK', mark: 13 }],
      foreign: [
        { chain: 'PREROUTING', text: '-A PREROUTING -j IPVS-MARK' },
        {
          chain: 'IPVS-MARK',
          text: '-A IPVS-MARK -d 192.0.2.12/32 -p tcp -m tcp --dport 8080 -j MARK --set-xmark 0xe/0xff',
        },
      ],
    }); // prettier-ignore
  });

  it('tells IPv6 rules without a header by their addresses', () => {
    const text = '*mangle\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -d 2001:db8::1/128 -j MARK --set-xmark 0xc/0xffffffff\nCOMMIT\n';
    expect(readListing(text)).toMatchObject({ family: 'inet6', rules: [{ destination: '2001:db8::1/128' }] });
  }); // prettier-ignore

  it.each([
    'proc_net_ip_vs-full.txt',
    'proc_net_ip_vs-conns.txt',
    'proc_net_ip_vs_conn.txt',
    'proc_net_ip_vs_stats.txt',
  ])('refuses %s and says what to use', (name) => {
    const error = refusal(ParseError, () => readListing(recording(name)));
    expect(error.listing).toBe('/proc/net/ip_vs');
    expect(error.hint).toContain('ipvsadm -Ln');
  });

  it.each([
    ['several hosts', '>>> host1\nIP Virtual Server version 1.2.1 (size=4096)\n'],
    ['a shell error', 'bash: ipvsadm: command not found\n'],
    ['a program', '#!/bin/sh\nipvsadm -Ln\n'],
  ])('refuses %s', (_, text) => {
    expect(() => readListing(text)).toThrow('is not a rule');
  });
});
