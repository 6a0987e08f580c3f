import { parseRulesFile, parseSave } from '../../lib/dialect';
import { ParseError, serviceId } from '../../lib/model';
import { refusal } from './refusal';

const SERVICE = '-A -t 192.0.2.1:80 -s wrr';

describe('parseSave', () => {
  it('reads every attribute', () => {
    const text = [
      '-A -u 192.0.2.10:5061 -s rr -p 60 -M 255.255.0.0 --pe sip -o',
      '-a -u 192.0.2.10:5061 -r 10.1.0.6:5061 -i -w 7 --tun-type gue --tun-port 6080 --tun-remcsum',
      '-A -f 12 -6 -s mh -p 300 -M 64 -b mh-fallback,mh-port',
      '-a -f 12 -6 -r [2001:db8::1]:0 -g -w 0',
    ].join('\n');
    expect(parseSave(text)).toEqual([
      {
        key: { by: 'address', protocol: 'udp', address: '192.0.2.10', port: 5061 },
        scheduler: 'rr',
        schedulerFlags: [],
        persistence: { timeoutSeconds: 60, netmask: '255.255.0.0' },
        persistenceEngine: 'sip',
        onePacket: true,
        realServers: [
          {
            address: '10.1.0.6',
            port: 5061,
            forwarding: 'ipip',
            tunnel: { type: 'gue', port: 6080, checksum: 'remcsum' },
            weight: 7,
            upperThreshold: 0,
            lowerThreshold: 0,
          },
        ],
      },
      {
        key: { by: 'fwmark', family: 'inet6', mark: 12 },
        scheduler: 'mh',
        schedulerFlags: ['mh-fallback', 'mh-port'],
        persistence: { timeoutSeconds: 300, netmask: '64' },
        persistenceEngine: null,
        onePacket: false,
        realServers: [
          {
            address: '2001:db8::1',
            port: 0,
            forwarding: 'gatewaying',
            tunnel: null,
            weight: 0,
            upperThreshold: 0,
            lowerThreshold: 0,
          },
        ],
      },
    ]);
  });

  it('gives real servers to their service, also when its line is not the one before', () => {
    const services = parseSave(
      [
        '-A -t 192.0.2.1:80 -s wrr',
        '-A -t 192.0.2.2:80 -s wrr',
        '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1',
        '-a -t 192.0.2.2:80 -r 10.0.0.2:80 -g -w 1',
        '-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 1',
      ].join('\n'),
    );
    expect(services.map(({ realServers }) => realServers.map(({ address }) => address))).toEqual([
      ['10.0.0.1', '10.0.0.3'],
      ['10.0.0.2'],
    ]);
  });

  it.each([
    ['-b flag-1,flag-2 of mh', '-s mh -b flag-1,flag-2', '-s mh -b mh-fallback,mh-port'],
    ['-b flag-2 of sh', '-s sh -b flag-2', '-s sh -b sh-port'],
    ['no name for the third flag', '-s sh -b ', '-s sh -b flag-3'],
    ['1.26: ops as a bare word', '-s rr ops', '-s rr -o'],
    ['1.26: pe as a bare word', '-s rr -p 60 pe sip', '-s rr -p 60 --pe sip'],
    ['a netmask that groups nobody', '-s rr -p 60 -M 255.255.255.255', '-s rr -p 60'],
  ])('reads old and new spellings alike: %s', (_, old, current) => {
    expect(parseSave(`-A -u 192.0.2.1:80 ${old}`)).toEqual(parseSave(`-A -u 192.0.2.1:80 ${current}`));
  });

  it.each([
    ['plain -i', '-i -w 1', '-i -w 1 --tun-type ipip'],
    ['thresholds of 0', '-g -w 1 -x 0 -y 0', '-g -w 1'],
  ])('reads what is left out as its default: %s', (_, short, long) => {
    const read = (rest: string) => parseSave(`${SERVICE}\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 ${rest}`);
    expect(read(short)).toEqual(read(long));
  });

  it('accepts carriage returns, tabs, blanks and blank lines', () => {
    const text = `\r\n  ${SERVICE.replaceAll(' ', ' \t ')}  \r\n\r\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\r\n`;
    expect(parseSave(text)).toEqual(parseSave(`${SERVICE}\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1`));
  });

  it('names listing, line and text of what it does not understand', () => {
    const error = refusal(ParseError, () => parseSave(`${SERVICE}\n\n-A -t 192.0.2.1:81 -s wrr --nosuch`));
    expect(error).toMatchObject({ listing: 'ipvsadm -Sn', line: 3, text: '-A -t 192.0.2.1:81 -s wrr --nosuch', code: 'not-understood' }); // prettier-ignore
    expect(error.reason).toBe("'--nosuch' is unknown");
  });

  it.each([
    ['a comment', '# by hand', "'#' is not a rule"],
    ['a change', '-E -t 192.0.2.1:80 -s rr', "'-E' is not a rule"],
    ['another command', '--set 1 2 3', "'--set' is not part of a listing"],
    ['a line cut after the service', '-A -t 192.0.2.2:80', '-s is missing: is the line cut short?'],
    ['a line cut before the weight', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m', '-w is missing: is the line cut short?'],
    ['a line cut inside the timeout', '-A -t 192.0.2.2:80 -s wrr -p', 'a value after -p is missing'],
    ['no method', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -w 1', '-g, -i or -m is missing'],
    ['two methods', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -g -w 1', 'expected one of -g, -i, -m'],
    ['no real server', '-a -t 192.0.2.1:80 -g -w 1', '-r is missing'],
    ['a server without a service', '-a -t 192.0.2.9:80 -r 10.0.0.1:80 -g -w 1', 'there is no service tcp/192.0.2.9:80'],
    ['a service twice', SERVICE, 'service tcp/192.0.2.1:80 is listed twice'],
    ['two names for a service', '-A -t 192.0.2.2:80 -f 1 -s rr', 'expected one of -t, -u'],
    ['two names for a known service', '-a -t 192.0.2.1:80 -u 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1', 'expected one of -t, -u'],
    ['no name for a service', '-A -s rr', 'expected one of -t, -u'],
    ['an option twice', '-A -t 192.0.2.2:80 -s rr -s wrr', '-s is given twice'],
    ["a server's option on a service", '-A -t 192.0.2.2:80 -s rr -w 1', '-w does not go with this command'],
    ['names', '-A -t www.example.net:http -s rr', 'names instead of numbers'],
    ['a name for a port', '-A -t 192.0.2.2:http -s rr', 'names instead of numbers'],
    ['a port too high', '-A -t 192.0.2.2:65536 -s rr', 'is not an address and port'],
    ['octal', '-A -t 010.0.0.1:80 -s rr', 'is not an address and port'],
    ['no port', '-A -t 192.0.2.2 -s rr', 'is not an address and port'],
    ['an address without brackets', '-A -t 2001:db8::1:80 -s rr', 'is not an address and port'],
    ['a weight below 0', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w -1', "'-1' is not a weight"],
    ['a timeout of 0', '-A -t 192.0.2.2:80 -s rr -p 0', "'0' is not a timeout in seconds"],
    ['a flag of another scheduler', '-A -t 192.0.2.2:80 -s rr -b sh-port', "scheduler rr has no flag 'sh-port'"],
    ['-6 on an address', '-A -t 192.0.2.2:80 -6 -s rr', '-6 goes with -f only'],
    ['a hexadecimal mark', '-A -f 0x10 -s rr', "'0x10' is not a firewall mark"],
    ['-M without -p', '-A -t 192.0.2.2:80 -s rr -M 255.255.255.0', '-M has no effect without -p'],
    ['a tunnel without -i', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1 --tun-type gre', '--tun-… needs -i'],
    ['GUE without a port', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type gue', '--tun-port is missing'],
    ['GRE with a port', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type gre --tun-port 1', 'does not go with tunnel type gre'],
    ['GRE with remote checksums', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type gre --tun-remcsum', 'no remote checksum'],
    ['ipip with checksums', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type ipip --tun-csum', 'tunnel type ipip has no checksum'],
    ['another tunnel', '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 1 --tun-type vxlan', "'vxlan' is not a tunnel type"],
    ['a value that is not there', '-a -t 192.0.2.1:80 -r', '-r needs a value'],
  ])('refuses %s', (_, line, reason) => {
    const error = refusal(ParseError, () => parseSave(`${SERVICE}\n${line}`));
    expect(error.line).toBe(2);
    expect(error.reason).toContain(reason);
  }); // prettier-ignore

  it('refuses a real server that is listed twice', () => {
    const server = '-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1';
    expect(refusal(ParseError, () => parseSave([SERVICE, server, server].join('\n'))).reason).toContain(
      'is listed twice',
    );
  });
});

describe('parseRulesFile', () => {
  it('fills in what ipvsadm fills in', () => {
    const { services } = parseRulesFile('-A -t 192.0.2.1:80 -p\n-a -t 192.0.2.1:80 -r 10.0.0.1');
    expect(services).toEqual(parseSave('-A -t 192.0.2.1:80 -s wlc -p 360\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1'));
  });

  it('reads what ipvsadm-restore reads: comments, a leading word, long options, joined values', () => {
    const text = [
      '# web',
      'ipvsadm --add-service --tcp-service 192.0.2.1:80 --scheduler=wrr --persistent 60 --netmask 255.255.255.0',
      '',
      '--add-server --tcp-service 192.0.2.1:80 --real-server 10.0.0.1:8080 --masquerading --weight 5 --u-threshold 9 --l-threshold 3',
      '-a -t192.0.2.1:80 -r 10.0.0.2 -i -w0 --tun-type gue --tun-port 6080',
    ].join('\n');
    const [service] = parseRulesFile(text).services;
    expect(service).toMatchObject({ scheduler: 'wrr', persistence: { timeoutSeconds: 60, netmask: '255.255.255.0' } });
    expect(service?.realServers).toMatchObject([
      { address: '10.0.0.1', port: 8080, forwarding: 'masquerading', weight: 5, upperThreshold: 9, lowerThreshold: 3 },
      { address: '10.0.0.2', port: 80, weight: 0, tunnel: { type: 'gue', port: 6080, checksum: 'none' } },
    ]);
  });

  it('reads timeouts and sync daemons; a timeout of 0 leaves the kernel alone', () => {
    const { timeouts, daemons } = parseRulesFile(
      '--set 900 0 300\n--start-daemon master --mcast-interface eth1 --syncid 9\n--start-daemon backup --sync-maxlen 1400 --mcast-group FF02::81 --mcast-port 9999 --mcast-ttl 3',
    );
    expect(timeouts).toEqual({ tcpSeconds: 900, udpSeconds: 300 });
    expect(daemons).toEqual([
      { role: 'master', interface: 'eth1', syncId: 9, maxLength: null, group: '224.0.0.81', port: 8848, ttl: 1 },
      { role: 'backup', interface: 'eth0', syncId: 0, maxLength: 1400, group: 'ff02::81', port: 9999, ttl: 3 },
    ]);
  });

  it('starts again after -C, which leaves timeouts alone', () => {
    const { services, timeouts } = parseRulesFile(`--set 1 2 3\n${SERVICE}\n-C\n-A -t 192.0.2.2:80\n${SERVICE}`);
    expect(services.map(({ key }) => serviceId(key))).toEqual(['tcp/192.0.2.2:80', 'tcp/192.0.2.1:80']);
    expect(timeouts).toEqual({ tcpSeconds: 1, tcpFinSeconds: 2, udpSeconds: 3 });
  });

  it.each([
    ['an IPv6 address without brackets', '-A -t 2001:db8::1 -p', 'needs brackets and a port'],
    ['names', '-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r web1', 'names instead of numbers'],
    ['a comment behind a rule', `${SERVICE} # web`, "'#' is unknown"],
    ['a change', '-E -t 192.0.2.1:80', "'-E' is not a rule"],
    ['too few timeouts', '--set 1 2', '--set needs 3 words'],
    ['an unknown role', '--start-daemon both', 'is not a sync daemon role'],
    ['a daemon twice', '--start-daemon master\n--start-daemon master', 'the master daemon is started twice'],
    ['a sync id too high', '--start-daemon master --syncid 256', "'256' is not a syncId (0..255)"],
    ['a group that is no address', '--start-daemon master --mcast-group x', "'x' is not an address"],
  ])('refuses %s', (_, text, reason) => {
    expect(refusal(ParseError, () => parseRulesFile(text)).reason).toContain(reason);
  });
});
