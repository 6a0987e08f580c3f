/** Random commands for a director, right and wrong, from a small world in which they meet. */
import fc from 'fast-check';

export interface DirectorCommand {
  argv: string[];
  stdin?: string;
}

type Words = fc.Arbitrary<string[]>;

const words = (...parts: Words[]): Words => fc.tuple(...parts).map((lists) => lists.flat());
const one = (...choices: (string | string[])[]): Words => fc.constantFrom(...choices.map((choice) => [choice].flat()));
/** Nine times out of ten something right. */
const mostly = (right: Words, wrong: Words): Words =>
  fc.oneof({ weight: 9, arbitrary: right }, { weight: 1, arbitrary: wrong });
const maybe = (part: Words, of = 2): Words =>
  fc.oneof({ weight: of - 1, arbitrary: fc.constant<string[]>([]) }, { weight: 1, arbitrary: part });
const shuffled = (part: fc.Arbitrary<string[][]>): Words =>
  part.chain((groups) => fc.shuffledSubarray(groups, { minLength: groups.length })).map((groups) => groups.flat());

const addressService = words(
  one('-t', '-t', '-u', '--sctp-service', '--tcp-service'),
  mostly(
    one('192.0.2.1:80', '192.0.2.1:80', '192.0.2.1:443', '192.0.2.2:80', '[2001:db8::1]:80', '[2001:DB8:0::0002]:53'),
    one(
      '192.0.2.1:0', '192.0.2.2', '2001:db8::3', '192.0.2.1:http', '192.0.2.1:65536', '192.0.2:80', '0x7f000001:82',
      '010.0.0.1:80', '[192.0.2.1]:80', '[2001:db8::1]', '80', '192.0.2.1:',
    ),
  ),
); // prettier-ignore
const markService = words(one('-f', '--fwmark-service'), mostly(one('12', '12', '1', '2147483647'), one('010', '0', '0x10', '-1')), maybe(one('-6'), 3)); // prettier-ignore
const service = fc.oneof({ weight: 4, arbitrary: addressService }, { weight: 1, arbitrary: markService });

const scheduler = words(
  one('-s', '--scheduler'),
  mostly(
    one('rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh', 'none'),
    one('twos', 'nosuch'),
  ),
);
const flaggedScheduler = one(
  ['-s', 'sh', '-b', 'sh-port'], ['-s', 'sh', '-b', 'sh-fallback,sh-port'], ['-s', 'mh', '-b', 'mh-fallback'],
  ['-s', 'mh', '-b', 'mh-port,flag-3'], ['-s', 'wlc', '-b', 'flag-1,flag-3'], ['-s', 'rr', '-b', 'sh-port'],
  ['-s', 'sh', '-b', 'flag-3'], ['-b', 'flag-2'], ['-s', 'sh', '-b', 'nosuch'],
); // prettier-ignore
const netmask = mostly(
  one('255.255.255.0', '255.255.0.0', '64', '24'),
  one('255.255.255.255', '0.0.0.0', '128', '129', '0'),
);
const persistence = fc.oneof(
  mostly(one(['-p'], ['-p', '60'], ['-p60'], ['--persistent=300']), one(['-p', '0'], ['-p', '2678401'], ['-p', 'x'])),
  words(one(['-p', '60'], ['-p']), one('-M', '--netmask'), netmask),
);
const serviceOptions = shuffled(
  fc.tuple(
    service,
    maybe(fc.oneof({ weight: 3, arbitrary: scheduler }, { weight: 2, arbitrary: flaggedScheduler })),
    maybe(persistence),
    maybe(words(one('--pe'), one('sip', 'sip', 'nosuch')), 6),
    maybe(one('-o', '--ops'), 6),
  ),
);
const orderedServiceOptions = words(service, maybe(scheduler), maybe(persistence), maybe(one(['--pe', 'sip']), 6), maybe(one('-o'), 6)); // prettier-ignore

const server = words(
  one('-r', '--real-server'),
  mostly(
    one('10.0.0.1:80', '10.0.0.1', '10.0.0.2', '10.0.0.2:8080', '10.0.0.3:80', '10.200.0.1:443', '[2001:db8:1::1]:80'),
    one(
      '2001:db8:1::2', '0.0.0.0', '127.0.0.1:80', '224.0.0.5', '255.255.255.255', '240.0.0.1', '0.1.2.3', '[fe80::5]:80',
      '[ff02::5]:80', '[::1]:80', '[::ffff:192.0.2.1]:80', '10.0.0.4:65536', '10.0.0.1:nosuch',
    ),
  ),
); // prettier-ignore
const tunnel = one(
  ['-i', '--tun-type', 'ipip'], ['-i', '--tun-type', 'gue', '--tun-port', '6080'], ['-i', '--tun-type', 'gre'],
  ['-i', '--tun-type', 'gue', '--tun-port', '6081', '--tun-csum'], ['-i', '--tun-type', 'gre', '--tun-csum'],
  ['-i', '--tun-type', 'gue', '--tun-port', '1', '--tun-remcsum'], ['-i', '--tun-type', 'gue'], ['-i', '--tun-port', '5'],
  ['-i', '--tun-type', 'gre', '--tun-remcsum'], ['-m', '--tun-type', 'gue'], ['-i', '--tun-type', 'vxlan'],
  ['-i', '--tun-type', 'gue', '--tun-port', '0'], ['-i', '--tun-nocsum'],
); // prettier-ignore
const method = fc.oneof({ weight: 4, arbitrary: one('-m', '-m', '-g', '-i', '--masquerading') }, { weight: 1, arbitrary: tunnel }); // prettier-ignore
const weight = words(
  one('-w', '--weight'),
  mostly(one('0', '1', '5', '100', '65536', '2147483647'), one('+7', '2147483648', '-1', '1.5')),
);
const thresholds = mostly(
  one(['-x', '100'], ['-x', '100', '-y', '50'], ['-x', '7', '-y', '7']),
  one(['-x', '10', '-y', '20'], ['-y', '5'], ['-x', '-1']),
);
const serverOptions = words(service, server, maybe(method, 2), maybe(weight), maybe(thresholds, 4));
const anyOrderServerOptions = shuffled(fc.tuple(service, server, maybe(method), maybe(weight)));

/** Names that both the simulator and the lab have as interfaces, and one that neither has. */
const daemonOptions = words(
  one(['--mcast-interface', 'lo'], ['--mcast-interface', 'lo'], ['--mcast-interface', 'nosuch0'], []),
  maybe(one(['--syncid', '7'], ['--syncid', '256'], ['--syncid', '255'])),
  maybe(one(['--sync-maxlen', '10'], ['--sync-maxlen', '1400'], ['--sync-maxlen', '65507'], ['--sync-maxlen', '0']), 3),
  maybe(one(['--mcast-group', '224.0.0.99'], ['--mcast-group', '10.0.0.1'], ['--mcast-group', 'x:y']), 4),
  maybe(one(['--mcast-port', '9999'], ['--mcast-port', '0']), 4),
  maybe(one(['--mcast-ttl', '3'], ['--mcast-ttl', '256']), 4),
);

const changes: Words = fc.oneof(
  { weight: 6, arbitrary: words(one('-A', '-A', '--add-service'), orderedServiceOptions) },
  { weight: 2, arbitrary: words(one('-A', '-E'), serviceOptions) },
  { weight: 3, arbitrary: words(one('-E'), orderedServiceOptions) },
  { weight: 2, arbitrary: words(one('-D'), service) },
  { weight: 9, arbitrary: words(one('-a', '-a', '--add-server'), serverOptions) },
  { weight: 1, arbitrary: words(one('-a', '-e'), anyOrderServerOptions) },
  { weight: 4, arbitrary: words(one('-e'), serverOptions) },
  { weight: 3, arbitrary: words(one('-d'), service, server) },
  { weight: 1, arbitrary: one(['-C'], ['-Z'], ['-Z', '-f', '12'], ['-C', '-n']) },
  { weight: 1, arbitrary: words(one('--set'), one(['0', '60', '0'], ['900', '120', '300'], ['1', '2'], ['2678401', '1', '1'], ['a', 'b', 'c'], ['-1', '1', '1'])) },
  { weight: 2, arbitrary: words(one('--start-daemon'), one('master', 'backup', 'both'), daemonOptions) },
  { weight: 1, arbitrary: words(one('--stop-daemon'), one('master', 'backup', 'both')) },
); // prettier-ignore

const listings: Words = fc.oneof(
  one(
    ['-Sn'], ['-Ln'], ['-L', '-n'], ['-ln'], ['-Ln', '--thresholds'], ['-Ln', '--persistent-conn'], ['-Ln', '--tun-info'],
    ['-Ln', '--stats'], ['-Ln', '--rate'], ['-Ln', '--stats', '--exact'], ['-L', '--timeout'], ['-L', '--daemon'],
    ['-Lcn'], ['-Lcn', '--persistent-conn'], ['--version'], ['-Ln', '--timeout', '--daemon'], ['-Lcn', '--stats'],
    ['-Ln', '--thresholds', '--persistent-conn'], ['-S', '-n', 'extra'], ['-n'], ['-Ln', '--sort'],
  ),
  words(one('-Ln'), service, maybe(one('--thresholds', '--tun-info', '-c'))),
); // prettier-ignore

/** Words that do not belong where they are put. */
const stray = fc.constantFrom(
  '-w', '-m', '-g', '-6', '-n', '-A', '-E', '-Q', '-p', '-b', '-r', '-x', '--nosuch', '--', '-', '99', 'extra', '--weight=3',
  '-t=192.0.2.1:80', '-nQ', '--numeric=1', '-X', '--stats', '--scheduler', '--sched', '-s=rr', '-w5', '-mw3', '--syncid',
); // prettier-ignore

const disturbed = (part: Words): Words =>
  fc.tuple(part, fc.nat(), stray, fc.constantFrom('insert', 'replace', 'drop')).map(([list, at, word, how]) => {
    const result = [...list];
    const place = at % (list.length + 1);
    if (how === 'insert') result.splice(place, 0, word);
    else result.splice(place, 1, ...(how === 'replace' ? [word] : []));
    // A bare `ipvsadm` lists names, and that asks a resolver.
    return result.length === 0 ? ['-Sn'] : result;
  });

const ipvsadmWords: Words = fc.oneof(
  { weight: 8, arbitrary: changes },
  { weight: 1, arbitrary: listings },
  { weight: 1, arbitrary: disturbed(changes) },
);

const blank = fc.constantFrom('', '   ', '\t', '# a comment', 'hello world', '-R');

/** Standard input for `ipvsadm -R`. */
const restoreInput = fc
  .array(
    fc.oneof(
      { weight: 12, arbitrary: ipvsadmWords.map((list) => list.join(' ')) },
      { weight: 1, arbitrary: ipvsadmWords.map((list) => `  ipvsadm  ${list.join('\t')} `) },
      { weight: 1, arbitrary: blank },
    ),
    { minLength: 1, maxLength: 8 },
  )
  .map((lines) => lines.join('\n'));

const ipvsadmCommand: fc.Arbitrary<DirectorCommand> = fc.oneof(
  { weight: 4, arbitrary: ipvsadmWords.map((list) => ({ argv: ['ipvsadm', ...list] })) },
  { weight: 2, arbitrary: restoreInput.map((stdin) => ({ argv: ['ipvsadm', '-R'], stdin })) },
);

/** A table to begin with, so that most commands find something. */
const beginning: fc.Arbitrary<DirectorCommand[]> = fc.constantFrom<DirectorCommand[]>(
  [],
  [
    {
      argv: ['ipvsadm', '-R'],
      stdin: [
        '-A -t 192.0.2.1:80 -s wrr',
        '-a -t 192.0.2.1:80 -r 10.0.0.1 -m -w 5 -x 100 -y 50',
        '-a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m',
        '-A -t [2001:db8::1]:80 -s rr -p 60 -M 64',
        '-a -t [2001:db8::1]:80 -r [2001:db8:1::1]:80',
        '-A -f 12 -s sh -b sh-port',
        '-a -f 12 -r 10.0.0.3:80 -i --tun-type gue --tun-port 6080',
      ].join('\n'),
    },
  ],
);

export const ipvsadmSequence = fc
  .tuple(beginning, fc.array(ipvsadmCommand, { minLength: 2, maxLength: 8 }))
  .map(([first, rest]) => [...first, ...rest]);

const family6 = (v6: boolean, v4Text: string, v6Text: string): string => (v6 ? v6Text : v4Text);

const ruleWords = (v6: boolean): Words =>
  words(
    maybe(one(['-d', family6(v6, '192.0.2.10', '2001:db8::10')], ['-d', family6(v6, '192.0.2.99/24', '2001:DB8::99/64')], ['-d', family6(v6, '192.0.2.10/255.255.255.0', '::/0')], ['!', '-d', family6(v6, '192.0.2.10', '2001:db8::10')], ['-d', family6(v6, '192.0.2.10,192.0.2.11', '2001:db8::1,2001:db8::2')], ['-d', family6(v6, '2001:db8::1', '192.0.2.1')])),
    maybe(one(['-s', family6(v6, '10.0.0.0/8', '2001:db8:a::/48')], ['-s', family6(v6, '0.0.0.0/0', '::/0')]), 4),
    maybe(one(['-i', 'eth0'], ['!', '-i', 'lo']), 4),
    fc.oneof(
      one([], ['-p', 'all']),
      words(one(['-p', 'tcp'], ['-p', 'udp'], ['-p', '6'], ['-p', 'TCP']), maybe(one(['--dport', '80'], ['--dport', '1:1024'], ['!', '--dport', '53'], ['--dport', '2:1'], ['--sport', '1024:']))),
      words(one(['-p', 'tcp'], ['-p', 'udp'], ['-p', 'sctp'], ['-p', 'icmp'], []), one(['-m', 'multiport', '--dports', '80,443'], ['-m', 'multiport', '--dports', '80'], ['-m', 'multiport', '--dports', '80,8000:8010'], ['-m', 'multiport', '!', '--dports', '1,2'], ['-m', 'multiport', '--dports', '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16'], ['-m', 'multiport', '--dports', '2:1'], ['-m', 'multiport', '--dports', '99999'])),
    ),
    maybe(one(['-m', 'comment', '--comment', 'ipvs:web'], ['-m', 'mark', '--mark', '12'], ['-m', 'nosuchmatch']), 5),
    one(['-j', 'MARK', '--set-mark', '12'], ['-j', 'MARK', '--set-mark', '0xd'], ['-j', 'MARK', '--set-xmark', '0xc/0xffffffff'], ['-j', 'MARK', '--set-mark', '12/0xff'], ['-j', 'MARK', '--or-mark', '4'], ['-j', 'MARK', '--and-mark', '4'], ['-j', 'MARK', '--xor-mark', '4'], ['-j', 'ACCEPT'], ['-j', 'LVSFORM-edge'], ['-j', 'MARK', '--set-mark', 'x'], ['-j', 'MARK', '--set-mark', '4294967296'], ['-j', 'NOSUCHT'], ['-j', 'MARK'], []),
  ); // prettier-ignore

const chain = one('PREROUTING', 'PREROUTING', 'LVSFORM-edge', 'LVSFORM-edge', 'OTHER');

const markCommand = (v6: boolean): Words =>
  fc.oneof(
    { weight: 6, arbitrary: words(one('-A', '-A', '-I', '-D', '-C'), chain, ruleWords(v6)) },
    { weight: 2, arbitrary: words(one('-N', '-F', '-X', '-F'), one('LVSFORM-edge', 'OTHER', 'NOSUCH')) },
    { weight: 3, arbitrary: words(one('-A', '-D', '-C'), one(['PREROUTING', '-j', 'LVSFORM-edge'])) },
    { weight: 1, arbitrary: one(['-D', 'PREROUTING', '1'], ['-F'], ['-X'], ['-N', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ012345']) },
  ); // prettier-ignore

const restoreText = (v6: boolean): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.array(
        fc.oneof(
          { weight: 6, arbitrary: markCommand(v6).filter((list) => list[0] !== '-C').map((list) => list.join(' ')) },
          { weight: 2, arbitrary: fc.constantFrom(':LVSFORM-edge - [0:0]', ':OTHER - [0:0]', ':PREROUTING ACCEPT [0:0]') },
          { weight: 1, arbitrary: fc.constantFrom('# comment', '') },
        ),
        { maxLength: 6 },
      ),
      fc.constantFrom('COMMIT\n', 'COMMIT\n', 'COMMIT\n', 'COMMIT\n', ''),
      fc.constantFrom('*mangle', '*mangle', '*mangle', '*mangle', 'garbage'),
    )
    .map(([lines, end, start]) => [start, ...lines, end].join('\n')); // prettier-ignore

const iptablesCommand: fc.Arbitrary<DirectorCommand> = fc.boolean().chain((v6) => {
  const program = v6 ? 'ip6tables' : 'iptables';
  return fc.oneof(
    markCommand(v6).map((list) => ({ argv: [program, '-t', 'mangle', ...list] })),
    fc
      .tuple(restoreText(v6), fc.constantFrom(['--noflush'], ['--noflush', '-w', '10'], ['--noflush', '--test'], []))
      .map(([stdin, options]) => ({ argv: [`${program}-restore`, ...options], stdin })),
    fc.constantFrom(['-S'], ['-S', 'PREROUTING'], ['-S', 'LVSFORM-edge']).map((list) => ({ argv: [program, '-t', 'mangle', ...list] })),
  ); // prettier-ignore
});

export const iptablesSequence = fc.array(iptablesCommand, { minLength: 2, maxLength: 8 });
