import type { Change, Director, MarkRule, RealServer, VirtualService } from '../../lib/model';
import { planTable } from '../../lib/plan';
import { live, MARKED, markRule, server, service, WEB, wish } from './tables';

const A = '10.0.0.1';
const B = '10.0.0.2';

function changesBetween(before: VirtualService, after: VirtualService): Change[] {
  return planTable('edge', wish({ services: [after] }), live({ services: [before] })).changes;
}

describe('what is a change', () => {
  const serverChange = (before: Partial<RealServer>, after: Partial<RealServer>) =>
    changesBetween(service(WEB, [server(A, before)]), service(WEB, [server(A, after)]));
  const serviceChange = (before: Partial<VirtualService>, after: Partial<VirtualService>) =>
    changesBetween(service(WEB, [], before), service(WEB, [], after));

  test.each<[string, Partial<RealServer>, Partial<RealServer>, string[]]>([
    ['weight 1 to 0', { weight: 1 }, { weight: 0 }, ['weight']],
    ['weight 10 to 1', { weight: 10 }, { weight: 1 }, ['weight']],
    ['weight 0 to 1', { weight: 0 }, { weight: 1 }, ['weight']],
    ['upper threshold', { upperThreshold: 5 }, { upperThreshold: 6 }, ['upperThreshold']],
    ['forwarding', { forwarding: 'gatewaying' }, { forwarding: 'masquerading' }, ['forwarding']],
    [
      'tunnel port',
      { forwarding: 'ipip', tunnel: { type: 'gue', port: 6080, checksum: 'none' } },
      { forwarding: 'ipip', tunnel: { type: 'gue', port: 6081, checksum: 'none' } },
      ['tunnel.port'],
    ],
    ['nothing', { weight: 7 }, { weight: 7 }, []],
  ])('real server: %s', (_name, before, after, fields) => {
    const changes = serverChange(before, after);
    expect(changes.map((change) => [change.on, change.action, change.fields])).toEqual(
      fields.length === 0 ? [] : [['server', 'update', fields]],
    );
  });

  test.each<[string, Partial<VirtualService>, Partial<VirtualService>, string[]]>([
    ['lblc to lblcr', { scheduler: 'lblc' }, { scheduler: 'lblcr' }, ['scheduler']],
    [
      'timeout only',
      { persistence: { timeoutSeconds: 300, netmask: '255.255.255.255' } },
      { persistence: { timeoutSeconds: 360, netmask: '255.255.255.255' } },
      ['persistence.timeoutSeconds'],
    ],
    [
      'netmask only',
      { persistence: { timeoutSeconds: 300, netmask: '255.255.255.255' } },
      { persistence: { timeoutSeconds: 300, netmask: '255.255.255.0' } },
      ['persistence.netmask'],
    ],
    [
      'flags only',
      { scheduler: 'sh', schedulerFlags: [] },
      { scheduler: 'sh', schedulerFlags: ['sh-port'] },
      ['schedulerFlags'],
    ],
    [
      'persistence off',
      { persistence: { timeoutSeconds: 300, netmask: '255.255.255.255' } },
      { persistence: null },
      ['persistence'],
    ],
    ['nothing', { scheduler: 'mh', schedulerFlags: ['mh-port'] }, { scheduler: 'mh', schedulerFlags: ['mh-port'] }, []],
  ])('service: %s', (_name, before, after, fields) => {
    expect(serviceChange(before, after).map((change) => [change.on, change.action, change.fields])).toEqual(
      fields.length === 0 ? [] : [['service', 'update', fields]],
    );
  });

  test('another port is another real server', () => {
    const changes = serverChange({ forwarding: 'masquerading', port: 80 }, { forwarding: 'masquerading', port: 8080 });
    expect(changes.map((change) => `${change.action} ${change.id}`)).toEqual([
      'create lb1/tcp/192.0.2.10:80/10.0.0.1:8080',
      'delete lb1/tcp/192.0.2.10:80/10.0.0.1:80',
    ]);
  });
});

describe('order', () => {
  const verbs = (
    before: VirtualService[],
    after: VirtualService[],
    marks: { before?: boolean; after?: boolean } = {},
  ) =>
    planTable(
      'edge',
      wish({ services: after, marks: marks.after ? [markRule()] : [] }),
      live({ services: before, marks: marks.before ? [markRule()] : [] }),
    ).moves.map((move) => `${move.phase} ${move.verb}`);

  test('a pool that moves its weight to another server raises before it lowers', () => {
    const moves = planTable(
      'edge',
      wish({ services: [service(WEB, [server(A, { weight: 0 }), server(B, { weight: 1 })])] }),
      live({ services: [service(WEB, [server(A, { weight: 1 }), server(B, { weight: 0 })])] }),
    ).moves;
    expect(moves.map((move) => ('change' in move ? `${move.phase} ${move.change.id}` : ''))).toEqual([
      'adjust lb1/tcp/192.0.2.10:80/10.0.0.2:80',
      'lower lb1/tcp/192.0.2.10:80/10.0.0.1:80',
    ]);
  });

  test('mark rules come after the service they lead to', () => {
    expect(verbs([], [service(MARKED, [server(A)])], { after: true })).toEqual([
      'build add-service',
      'build add-server',
      'steer steer',
    ]);
  });

  test('mark rules go before the service they led to', () => {
    const { moves } = planTable(
      'edge',
      wish({ services: [service(MARKED)] }),
      live({ services: [service(MARKED, [server(A)])], marks: [markRule()] }),
      { destroy: true },
    );
    expect(moves.map((move) => move.verb)).toEqual(['steer', 'remove-service']);
  });

  test('a removed service takes its real servers with it in one step', () => {
    const plan = planTable(
      'edge',
      wish({ services: [service(WEB)] }),
      live({ services: [service(WEB, [server(A), server(B)])] }),
      { destroy: true },
    );
    expect(plan.changes).toHaveLength(3);
    expect(plan.moves.map((move) => move.verb)).toEqual(['remove-service']);
  });

  test('a real server that is removed gets no new connections first', () => {
    expect(verbs([service(WEB, [server(A), server(B, { weight: 0 })])], [service(WEB)])).toEqual([
      'lower quiesce-server',
      'remove remove-server',
      'remove remove-server',
    ]);
  });

  test('one that ipvsadm would take for another is only removed: -e puts the port of the service in place of its own', () => {
    const [odd, kept] = [server(A, { port: 8080 }), server(A)];
    expect(verbs([service(WEB, [odd, kept])], [service(WEB, [kept])])).toEqual(['remove remove-server']);
    const elsewhere = { ...odd, forwarding: 'masquerading' } as const;
    expect(verbs([service(WEB, [elsewhere, kept])], [service(WEB, [kept])])).toHaveLength(2);
    expect(verbs([service(MARKED, [odd])], [service(MARKED)])).toHaveLength(2);
  });

  test('a sync daemon that changes stops first and starts last', () => {
    const daemon = {
      role: 'master',
      interface: 'eth0',
      syncId: 1,
      maxLength: 1472,
      group: '224.0.0.81',
      port: 8848,
      ttl: 1,
    } as const;
    const { moves } = planTable(
      'edge',
      wish({ services: [service(WEB)], daemons: [{ ...daemon, syncId: 2 }] }),
      live({ daemons: [daemon] }),
    );
    expect(moves.map((move) => move.verb)).toEqual(['stop-daemon', 'add-service', 'start-daemon']);
  });
});

describe('what stays', () => {
  const foreign = service({ by: 'address', protocol: 'tcp', address: '192.0.2.99', port: 25 }, [
    server(A, { port: 25 }),
  ]);

  test('a foreign service is counted and left alone', () => {
    const plan = planTable('edge', wish({ services: [service(WEB)] }), live({ services: [service(WEB), foreign] }));
    expect(plan.changes).toEqual([]);
    expect(plan.foreign).toEqual(['tcp/192.0.2.99:25']);
  });

  test("owns: 'table' removes it and says so", () => {
    const plan = planTable(
      'edge',
      wish({ services: [service(WEB)] }, { director: { name: 'lb1', host: 'h', owns: 'table' } }),
      live({ services: [service(WEB), foreign] }),
    );
    expect(plan.changes.map((change) => `${change.action} ${change.on}`)).toEqual(['delete service', 'delete server']);
    expect(plan.findings.map((finding) => finding.message)).toEqual([
      "owns: 'table': everything this stack does not declare is removed: lb1/tcp/192.0.2.99:25",
    ]);
    expect(plan.foreign).toEqual([]);
  });

  test('an undeclared real server inside a declared service is removed', () => {
    const plan = planTable(
      'edge',
      wish({ services: [service(WEB, [server(A)])] }),
      live({ services: [service(WEB, [server(A), server(B)])] }),
    );
    expect(plan.changes.map((change) => `${change.action} ${change.id}`)).toEqual([
      'delete lb1/tcp/192.0.2.10:80/10.0.0.2:80',
    ]);
  });

  test('live weights are kept where the stack says so', () => {
    const plan = planTable(
      'edge',
      wish(
        { services: [service(WEB, [server(A, { weight: 3 })])] },
        { policies: { 'tcp/192.0.2.10:80': { keepLiveWeights: true } } },
      ),
      live({ services: [service(WEB, [server(A, { weight: 0 })])] }),
    );
    expect(plan.changes).toEqual([]);
  });

  test('ignored fields stay as they are, on a service that exists', () => {
    const policies = {
      'tcp/192.0.2.10:80': { ignoreChanges: ['scheduler', 'schedulerFlags', 'realServers'] as const },
    };
    const wanted = wish({ services: [service(WEB, [server(A)])] }, { policies });
    expect(
      planTable('edge', wanted, live({ services: [service(WEB, [server(B)], { scheduler: 'rr' })] })).changes,
    ).toEqual([]);
    expect(planTable('edge', wanted, live()).changes).toHaveLength(2);
  });

  test('ignored flags of a scheduler that goes go with it', () => {
    const policies = { 'tcp/192.0.2.10:80': { ignoreChanges: ['schedulerFlags'] as const } };
    const hashing = live({ services: [service(WEB, [], { scheduler: 'sh', schedulerFlags: ['sh-port'] })] });
    const flags = (scheduler: string) =>
      planTable('edge', wish({ services: [service(WEB, [], { scheduler })] }, { policies }), hashing).desired.services[0]!.schedulerFlags; // prettier-ignore
    expect(flags('sh')).toEqual(['sh-port']);
    expect(flags('wrr')).toEqual([]);
  });

  test('timeouts left out stay', () => {
    const plan = planTable('edge', wish({ timeouts: { udpSeconds: 60 } }), live());
    expect(plan.changes.map((change) => [change.id, change.fields])).toEqual([['lb1/timeouts', ['udpSeconds']]]);
  });

  test('a message length that was not declared is the choice of the kernel', () => {
    const daemon = {
      role: 'backup',
      interface: 'eth0',
      syncId: 1,
      maxLength: null,
      group: '224.0.0.81',
      port: 8848,
      ttl: 1,
    } as const;
    expect(
      planTable('edge', wish({ daemons: [daemon] }), live({ daemons: [{ ...daemon, maxLength: 1400 }] })).changes,
    ).toEqual([]);
  });

  test('a mark rule that somebody else already provides is not made twice', () => {
    const plan = planTable(
      'edge',
      wish({ services: [service(MARKED)], marks: [markRule()] }),
      live({ services: [service(MARKED)] }, { otherMarks: [markRule()] }),
    );
    expect(plan.changes).toEqual([]);
    expect(plan.foreign).toEqual([]);
  });

  test('rules in a chain that nothing jumps to are as good as missing', () => {
    const chain = { present: true, jumps: 0 };
    const plan = planTable(
      'edge',
      wish({ services: [service(MARKED)], marks: [markRule()] }),
      live({ services: [service(MARKED)], marks: [markRule()] }, { chain: { inet: chain, inet6: chain } }),
    );
    expect(plan.changes.map((change) => `${change.action} ${change.on}`)).toEqual(['create mark']);
    expect(plan.moves.map((move) => move.verb)).toEqual(['steer']);
  });
});

describe('findings', () => {
  const codes = (...args: Parameters<typeof planTable>) => planTable(...args).findings.map((finding) => finding.code);

  test('a mark nobody listens to', () => {
    expect(codes('edge', wish({ marks: [markRule()] }), live())).toEqual(['mark-without-service']);
  });

  describe('a rule that logins match as well', () => {
    const found = (rule: Partial<MarkRule>, director: Partial<Director> = {}, before: MarkRule[] = []) => {
      const rules = [markRule({ destination: null, ports: [], ...rule })];
      const wanted = wish({ services: [service(MARKED)], marks: rules });
      const host = { ...wanted.director, ...director };
      return codes('edge', { ...wanted, director: host }, live({ services: [service(MARKED)], marks: before }));
    };

    test.each<[string, Partial<MarkRule>, Partial<Director>]>([
      ['all of TCP', { protocol: 'tcp' }, {}],
      ['every protocol', { protocol: null }, {}],
      ['a range of ports around that of sshd', { protocol: 'tcp', ports: ['20:25'] }, {}],
      ['another port of sshd', { protocol: 'tcp', ports: ['80', '2222'] }, { port: 2222 }],
      ['the address of the director', { protocol: 'tcp', destination: '198.51.100.0/24' }, { host: '198.51.100.7' }],
    ])('%s', (_, rule, director) => {
      expect(found(rule, director)).toEqual(['mark-takes-logins']);
    });

    test.each<[string, Partial<MarkRule>, Partial<Director>]>([
      ['no TCP', { protocol: 'udp' }, {}],
      ['other ports', { protocol: 'tcp', ports: ['80', '443:2000'] }, {}],
      ['one interface', { protocol: 'tcp', inputInterface: 'eth1' }, {}],
      ['some sources', { protocol: 'tcp', source: '203.0.113.0/24' }, {}],
      ['an address that may be another', { protocol: 'tcp', destination: '198.51.100.7/32' }, {}],
      ['another address', { protocol: 'tcp', destination: '198.51.100.8/32' }, { host: '198.51.100.7' }],
      ['the other family', { protocol: 'tcp' }, { host: '2001:db8::7' }],
    ])('but not %s', (_, rule, director) => {
      expect(found(rule, director)).toEqual([]);
    });

    test('said when the service is new, too', () => {
      const rule = markRule({ destination: null, ports: [], protocol: 'tcp' });
      const wanted = wish({ services: [service(MARKED)], marks: [rule] });
      expect(codes('edge', wanted, live({ marks: [rule] }))).toEqual(['mark-takes-logins']);
    });

    test('said when it is new, and not for ever', () => {
      const rule = markRule({ destination: null, ports: [], protocol: 'tcp' });
      expect(found(rule, {}, [rule])).toEqual([]);
    });

    test('nor where nobody listens to the mark', () => {
      expect(codes('edge', wish({ marks: [markRule({ destination: null, ports: [] })] }), live())).toEqual([
        'mark-without-service',
      ]);
    });
  });

  test('a foreign rule that marks the same packets otherwise', () => {
    expect(
      codes(
        'edge',
        wish({ services: [service(MARKED)], marks: [markRule()] }),
        live({}, { otherMarks: [markRule({ mark: 13 })] }),
      ),
    ).toEqual(['conflicting-mark']);
  });

  test('one-packet scheduling with masquerading', () => {
    const dns = { ...WEB, protocol: 'udp' as const };
    const sources = { 'udp/192.0.2.10:80': 'edge/dns' };
    expect(
      codes(
        'edge',
        wish(
          { services: [service(dns, [server(A, { forwarding: 'masquerading' })], { onePacket: true })] },
          { sources },
        ),
        live(),
      ),
    ).toEqual(['one-packet-masquerading']);
  });

  test('edits that the kernel can not make without losing connections', () => {
    const masqueraded = server(A, { forwarding: 'masquerading' });
    const plan = (before: RealServer, after: RealServer, scheduler = 'wrr') =>
      codes(
        'edge',
        wish({ services: [service(WEB, [after], { scheduler })] }),
        live({ services: [service(WEB, [before])] }),
      );
    expect(plan(server(A), server(A), 'lc')).toEqual(['scheduler-swap']);
    expect(plan(masqueraded, server(A))).toEqual(['gatewaying-in-place']);
    expect(plan({ ...masqueraded, weight: 0 }, server(A))).toEqual([]);
    expect(plan(server(A), masqueraded)).toEqual(['gatewaying-in-place']);
    expect(plan({ ...server(A), weight: 0 }, masqueraded)).toEqual([]);
    expect(plan(masqueraded, server(A, { forwarding: 'ipip' }))).toEqual([]);
  });
});
