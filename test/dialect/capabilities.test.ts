import { checkCapabilities, parseRulesFile } from '../../lib/dialect';
import type { Capabilities, DesiredTable, LiveDirector, MarkRule } from '../../lib/model';
import { asLive } from '../support/as-live';

const EVERYTHING: Capabilities = {
  ipvsadm: '1.32',
  kernel: '6.1.0',
  iptables: { inet: 'nft', inet6: 'nft' },
  maxWeight: 2147483647,
};

function director(capabilities: Partial<Capabilities>): LiveDirector {
  const timeouts = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };
  return {
    ...asLive({ services: [], marks: [], timeouts, daemons: [] }),
    capabilities: { ...EVERYTHING, ...capabilities },
  };
}

const RULE: MarkRule = {
  family: 'inet6',
  protocol: null,
  destination: null,
  source: null,
  inputInterface: null,
  ports: [],
  mark: 1,
};

function wish(rules: string, marks: MarkRule[] = []): DesiredTable {
  const { services, daemons } = parseRulesFile(rules);
  return { services, marks, timeouts: {}, daemons };
}

const CASES: readonly (readonly [string, DesiredTable, Partial<Capabilities>, RegExp])[] = [
  ['a wide weight', wish('-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -w 65536'), { maxWeight: 65535 }, /10\.0\.0\.1:80: weight 65536 is above 65535/],
  ['a high mark', wish('-A -f 2147483648'), { ipvsadm: '1.31' }, /^fwm\/2147483648: a mark from 2147483648 up needs ipvsadm 1\.32, this director has 1\.31$/],
  ['GUE', wish('-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i --tun-type gue --tun-port 1'), { ipvsadm: '1.30' }, /a GUE or GRE tunnel needs ipvsadm 1\.31/],
  ['mh flags', wish('-A -t 192.0.2.1:80 -s mh -b mh-port'), { ipvsadm: '1.29' }, /a flag of mh needs ipvsadm 1\.30/],
  ['daemon options', wish('--start-daemon master --mcast-ttl 3'), { ipvsadm: '1.28' }, /^sync\/master: .* needs ipvsadm 1\.29/],
  ['SCTP', wish('-A --sctp-service 192.0.2.1:80'), { ipvsadm: '1.27' }, /^sctp\/192\.0\.2\.1:80: SCTP needs ipvsadm 1\.28/],
  ['mixed families', wish('-A -t 192.0.2.1:80\n-a -t 192.0.2.1:80 -r [2001:db8::1]:80 -i'), { ipvsadm: '1.27' }, /another family than its service needs ipvsadm 1\.28/],
  ['mark rules', wish('', [RULE]), { iptables: { inet: 'nft', inet6: null } }, /^mark rules need ip6tables/],
]; // prettier-ignore

describe('checkCapabilities', () => {
  it.each(CASES)('%s: a problem where it is not supported', (_, desired, capabilities, problem) => {
    expect(checkCapabilities(desired, director(capabilities)).map(({ message }) => message)).toEqual([
      expect.stringMatching(problem),
    ]);
  });

  it.each(CASES)('%s: no problem where it is', (_, desired) => {
    expect(checkCapabilities(desired, director({}))).toEqual([]);
  });

  it('has nothing against a plain table on 1.27 without iptables', () => {
    const plain = wish('-A -t 192.0.2.1:80 -s sh -b sh-port\n-a -t 192.0.2.1:80 -r 10.0.0.1 -i\n-A -f 2147483647\n--start-daemon backup --syncid 3'); // prettier-ignore
    const old = director({ ipvsadm: '1.27', iptables: { inet: null, inet6: null }, maxWeight: 65535 });
    expect(checkCapabilities(plain, old)).toEqual([]);
  });
});
