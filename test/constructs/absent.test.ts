/** Services that must not exist and services that are left alone, from the program to the wish. */
import { Director, Fleet, Forward, IpvsStack, Listen, VirtualService } from '../../lib/constructs';
import { complaints, load, newApp, synth, twoDirectors } from './program';

const WEB = Listen.tcp('192.0.2.1', 80);

test('absent services reach every director of the fleet, in canonical order', () => {
  const { directors } = load((edge) => {
    const fleet = twoDirectors(edge);
    fleet.absent(Listen.mark(7, 'inet6'));
    fleet.absent(Listen.tcp('192.0.2.1', 443, 80));
    fleet.absent(Listen.udp('2001:db8::1', 53).marked(9), 'old-dns');
  });
  expect(directors.map(({ director }) => director.name)).toEqual(['lb1', 'lb2']);
  for (const { absent, table, sources } of directors) {
    expect(absent).toEqual([
      { by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 },
      { by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 443 },
      { by: 'fwmark', family: 'inet6', mark: 7 },
      { by: 'fwmark', family: 'inet6', mark: 9 },
    ]);
    expect(table.services).toEqual([]);
    expect(table.marks).toEqual([]);
    expect(sources).toEqual({
      'fwm6/7': 'edge/table/absent-mark6-7',
      'fwm6/9': 'edge/table/old-dns',
      'tcp/192.0.2.1:443': 'edge/table/absent-tcp-192.0.2.1-443-80',
      'tcp/192.0.2.1:80': 'edge/table/absent-tcp-192.0.2.1-443-80',
    });
  }
});

test('in the artefact it is an argument of the service, one block for the fleet', () => {
  const json = synth((edge) => twoDirectors(edge).absent(WEB)) as {
    resource: { ipvs_virtual_service: Record<string, object> };
  };
  const blocks = Object.values(json.resource.ipvs_virtual_service);
  expect(blocks).toHaveLength(1);
  expect(blocks[0]).toMatchObject({ absent: true, director: '${each.key}', protocol: 'tcp', port: 80 });
});

test('port 0 needs no persistence to be absent, and no servers are missed', () => {
  const [lb1] = load((edge) => new Director(edge, 'lb1', { host: 'lb1' }).absent(Listen.tcp('192.0.2.1', 0))).directors;
  expect(lb1?.absent).toHaveLength(1);
});

test('patterns reach the artefact', () => {
  const { directors } = load((edge) => {
    const lb1 = new Director(edge, 'lb1', { host: 'lb1', ignore: [{ address: '192.0.2.0/24', port: 53 }] });
    new Fleet(edge, 'table', { directors: [lb1] }).addService('web', { listen: WEB });
  });
  expect(directors[0]?.director.ignore).toEqual([{ address: '192.0.2.0/24', port: 53 }]);
});

test.each<[string, (edge: IpvsStack) => void, string[]]>([
  [
    'declared and absent',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.addService('web', { listen: WEB });
      fleet.absent(WEB);
    },
    [
      "[edge/table/absent-tcp-192.0.2.1-80] says there is no tcp/192.0.2.1:80, but 'edge/table/web' declares it on lb1 and lb2\n  hint: remove one of the two",
    ],
  ],
  [
    'absent twice',
    (edge) => {
      const fleet = twoDirectors(edge);
      fleet.absent(WEB);
      fleet.absent(WEB, 'again');
    },
    [
      "[edge/table/again] says there is no tcp/192.0.2.1:80, and so does 'edge/table/absent-tcp-192.0.2.1-80' on lb1 and lb2\n  hint: once is enough",
    ],
  ],
  [
    'no listener',
    (edge) => twoDirectors(edge).absent('192.0.2.1:80' as never),
    ["[edge/table/absent-service] listen: expected a Listen such as Listen.tcp('192.0.2.1', 80)"],
  ],
  [
    'a service that is ignored',
    (edge) => {
      const lb1 = new Director(edge, 'lb1', { host: 'lb1', ignore: [{ address: '192.0.2.0/29', protocol: 'tcp' }] });
      const lb2 = new Director(edge, 'lb2', { host: 'lb2' });
      const fleet = new Fleet(edge, 'table', { directors: [lb1, lb2] });
      new VirtualService(fleet, 'web', { listen: WEB, forward: Forward.gatewaying() });
      fleet.addService('dns', { listen: Listen.udp('192.0.2.1', 53) });
    },
    [
      '[edge/table/web] tcp/192.0.2.1:80 is ignored (address=192.0.2.0/29 protocol=tcp) on lb1\n  hint: what is ignored is left alone: narrow the pattern, or do not declare it',
    ],
  ],
  [
    'a pattern of nothing, one of too much, and one with a wrong address',
    (edge) => {
      new Director(edge, 'lb1', { host: 'lb1', ignore: [{}, { mark: 3, port: 80 }] });
      new Director(edge, 'lb2', { host: 'lb2', ignore: [{ address: '192.0.2' }] });
    },
    [
      '[edge/lb1] ignore.0: names no service\n  hint: give an address, a port, a protocol or a mark',
      '[edge/lb1] ignore.1.port: does not go with mark: marked packets have no address',
      "[edge/lb2] ignore.0.address: '192.0.2' is not an address or network such as 192.0.2.0/24",
    ],
  ],
])('%s', (_name, build, told) => {
  expect(complaints(build)).toEqual(told);
});

test('a pattern of the stack is kept to by every director', () => {
  const told = () => {
    const app = newApp();
    const edge = new IpvsStack(app, 'edge', { ignore: [{ port: 80 }] });
    twoDirectors(edge).addService('web', { listen: WEB });
    app.synth();
  };
  expect(told).toThrow('tcp/192.0.2.1:80 is ignored (port=80) on lb1 and lb2');
});
