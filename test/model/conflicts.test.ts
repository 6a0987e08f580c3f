import { type Declared, findConflicts, type MarkRule, type VirtualService } from '../../lib/model';

const rule = (more: Partial<MarkRule> = {}): MarkRule => ({
  family: 'inet',
  protocol: 'tcp',
  destination: '192.0.2.1/32',
  source: null,
  inputInterface: null,
  ports: ['80'],
  mark: 1,
  ...more,
});
const mark = (place: string, more: Partial<MarkRule>, director = 'lb1'): Declared<string> => ({
  on: 'mark',
  rule: rule(more),
  director,
  place,
  name: place,
});
const service = (place: string, director: string, more: Partial<VirtualService> = {}): Declared<string> => ({
  on: 'service',
  director,
  place,
  name: place,
  service: {
    key: { by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 },
    scheduler: 'rr',
    schedulerFlags: [],
    persistence: null,
    persistenceEngine: null,
    onePacket: false,
    realServers: [],
    ...more,
  },
});
const messages = (...entries: Declared<string>[]): string[] => findConflicts(entries).map(({ message }) => message);

test('the same service on other directors is no conflict', () => {
  expect(messages(service('a', 'lb1'), service('b', 'lb2'))).toEqual([]);
});

test('one conflict on many directors is told once', () => {
  const names = ['lb1', 'lb2', 'lb3', 'lb4'];
  const entries = names.flatMap((name) => [service('a', name), service('b', name)]);
  expect(messages(...entries)).toEqual(["listens to tcp/192.0.2.1:80, and so does 'a' on lb1, lb2 and 2 more"]);
});

test('a mark of IPv4 and the same mark of IPv6 are two services', () => {
  const six: Partial<VirtualService> = { key: { by: 'fwmark', family: 'inet6', mark: 5 } };
  const four: Partial<VirtualService> = { key: { by: 'fwmark', family: 'inet', mark: 5 } };
  expect(messages(service('a', 'lb1', four), service('b', 'lb1', six))).toEqual([]);
  expect(messages(service('a', 'lb1', six), service('b', 'lb1', six))).toEqual([
    "serves mark fwm6/5, and so does 'a' on lb1",
  ]);
});

test.each<[string, Partial<MarkRule>, Partial<MarkRule>, boolean]>([
  ['the same port', { ports: ['80'] }, { ports: ['80', '443'], mark: 2 }, true],
  ['other ports', { ports: ['80'] }, { ports: ['443'], mark: 2 }, false],
  ['a port in a range', { ports: ['8000:8010'] }, { ports: ['8010'], mark: 2 }, true],
  ['a port beside a range', { ports: ['8000:8010'] }, { ports: ['8011'], mark: 2 }, false],
  ['a range in a range', { ports: ['1:65535'] }, { ports: ['80:90', '100'], mark: 2 }, true],
  ['every port, twice', { ports: [] }, { ports: [], mark: 2 }, true],
  // The narrow rule stands last and wins: no chance in that.
  ['every port, and one', { ports: [] }, { ports: ['80'], mark: 2 }, false],
  ['another source', {}, { source: '198.51.100.0/24', mark: 2 }, false],
  ['another interface', {}, { inputInterface: 'eth1', mark: 2 }, false],
  ['another destination', {}, { destination: '192.0.2.0/24', mark: 2 }, false],
  ['another family', {}, { family: 'inet6', destination: null, mark: 2 }, false],
])('mark rules: %s', (_name, first, second, conflict) => {
  expect(messages(mark('a', first), mark('b', second))).toHaveLength(conflict ? 1 : 0);
  expect(messages(mark('b', second), mark('a', first))).toHaveLength(conflict ? 1 : 0);
  expect(messages(mark('a', first), mark('b', second, 'lb2'))).toEqual([]);
});

test('rules of one block with for_each conflict like any others', () => {
  expect(messages(mark('a', { ports: ['80:90'] }), mark('a', { ports: ['85'], mark: 2 }))).toEqual([
    "marks inet/tcp/192.0.2.1/32:85 with 2, but 'a' marks inet/tcp/192.0.2.1/32:80:90 with 1 on lb1",
  ]);
});

test('the several rules of one declaration do not conflict, the same one twice does', () => {
  expect(messages(mark('a', { ports: ['80:90'] }), mark('a', { ports: ['85'] }))).toEqual([]);
  expect(messages(mark('a', {}), mark('a', {}))).toHaveLength(1);
});

test('real servers of another family are a conflict only beside a sync daemon of the same director', () => {
  const six = { address: '2001:db8::5', port: 80, forwarding: 'ipip', tunnel: { type: 'ipip' } } as const;
  const mixed = { realServers: [{ ...six, weight: 1, upperThreshold: 0, lowerThreshold: 0 }] };
  const daemon = (director: string): Declared<string> => ({
    on: 'daemon',
    director,
    place: 'sync',
    name: 'sync',
    daemon: { role: 'master', interface: 'eth0', syncId: 0, maxLength: null, group: null, port: null, ttl: null },
  });
  expect(messages(service('a', 'lb1', mixed))).toEqual([]);
  expect(messages(service('a', 'lb1', mixed), daemon('lb2'))).toEqual([]);
  expect(messages(service('a', 'lb1', mixed), daemon('lb1'))).toHaveLength(1);
  expect(messages(service('a', 'lb1'), daemon('lb1'))).toEqual([]);
});
