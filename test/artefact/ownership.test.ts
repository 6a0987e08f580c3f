/** `ignore` and `absent` in artefacts written by hand. */
import { loadStack } from '../../lib/artefact';
import { formatIssue, ValidationError } from '../../lib/model';

const web = { director: 'lb1', protocol: 'tcp', address: '192.0.2.1', port: 80 };
const stack = (provider: object, service: object = {}) => ({
  provider: { ipvs: { directors: { lb1: { host: 'lb1' } }, ...provider } },
  resource: { ipvs_virtual_service: { web: { ...web, ...service } } },
});

function told(json: unknown): string[] {
  try {
    loadStack('edge', json);
  } catch (error) {
    if (error instanceof ValidationError) return error.issues.map(formatIssue);
    throw error;
  }
  return [];
}

test('patterns of the provider block come before those of the director', () => {
  const directors = { lb1: { host: 'lb1', ignore: [{ address: '2001:db8::/32' }] }, lb2: { host: 'lb2' } };
  const read = loadStack('edge', stack({ ignore: [{ mark: '3' }, { protocol: 'udp', port: 53 }], directors }));
  expect(read.directors.map(({ director }) => director.ignore)).toEqual([
    [{ mark: 3 }, { protocol: 'udp', port: 53 }, { address: '2001:db8::/32' }],
    [{ mark: 3 }, { protocol: 'udp', port: 53 }],
  ]);
});

test('an absent service is no service of the table', () => {
  const [lb1] = loadStack('edge', stack({}, { absent: true })).directors;
  expect(lb1).toMatchObject({
    absent: [{ by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 }],
    table: { services: [] },
    sources: { 'tcp/192.0.2.1:80': 'ipvs_virtual_service.web' },
  });
  const [there] = loadStack('edge', stack({}, { absent: false })).directors;
  expect(there?.table.services).toHaveLength(1);
  expect(there).not.toHaveProperty('absent');
});

test.each<[string, unknown, string[]]>([
  [
    'what does not go with absent',
    stack({}, { absent: true, drain: { timeout_seconds: 5 }, real_servers: { a: { address: '10.0.0.1' } } }),
    [
      '[ipvs_virtual_service.web] drain: does not go with absent',
      '[ipvs_virtual_service.web] real_servers: do not go with absent',
    ],
  ],
  [
    'patterns without sense',
    stack({ ignore: [{}], directors: { lb1: { host: 'lb1', ignore: [{ mark: 1, protocol: 'tcp' }] } } }),
    [
      '[provider.ipvs] ignore.0: names no service\n  hint: give an address, a port, a protocol or a mark',
      '[provider.ipvs] directors.lb1.ignore.0.protocol: does not go with mark: marked packets have no address',
    ],
  ],
  [
    'a field of a pattern nobody knows',
    stack({ ignore: [{ adress: '192.0.2.1' }] }),
    ["[provider.ipvs] ignore.0.adress: is not known here\n  hint: did you mean 'address'?"],
  ],
  [
    'a service that is ignored, declared absent',
    stack({ ignore: [{ port: 80 }] }, { absent: true }),
    [
      '[ipvs_virtual_service.web] tcp/192.0.2.1:80 is ignored (port=80) on lb1\n  hint: what is ignored is left alone: narrow the pattern, or do not declare it',
    ],
  ],
])('%s', (_name, json, issues) => {
  expect(told(json)).toEqual(issues);
});
