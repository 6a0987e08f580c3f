/** Artefacts as people write them: what is read, and what a broken one is told. */
import { loadStack } from '../../lib/artefact';
import { RUN_ELSEWHERE } from '../../lib/artefact/document';
import { type DesiredStack, formatIssue, type IgnorableField, ValidationError } from '../../lib/model';

const provider = { provider: { ipvs: { directors: { lb1: { host: 'lb1' }, lb2: { host: 'lb2' } } } } };
const web = { director: 'lb1', protocol: 'tcp', address: '192.0.2.1', port: 80 };
const services = (blocks: Record<string, object>, more: object = {}) => ({
  ...provider,
  resource: { ipvs_virtual_service: blocks },
  ...more,
});
const service = (more: object, rest: object = {}) => services({ web: { ...web, ...more } }, rest);

function table(json: unknown, director = 'lb1'): DesiredStack['directors'][number]['table'] {
  const desired = loadStack('edge', json).directors.find((each) => each.director.name === director);
  if (desired === undefined) throw new Error(`no ${director}`);
  return desired.table;
}

function told(json: unknown): string[] {
  try {
    loadStack('edge', json);
  } catch (error) {
    if (error instanceof ValidationError) return error.issues.map(formatIssue);
    throw error;
  }
  return [];
}

describe('what is read', () => {
  test('the least: a provider and a service', () => {
    const stack = loadStack('edge', service({}));
    expect(stack.stack).toBe('edge');
    expect(stack.gates).toEqual([]);
    expect(stack.directors.map(({ director }) => director)).toEqual([
      { name: 'lb1', host: 'lb1' },
      { name: 'lb2', host: 'lb2' },
    ]);
    expect(stack.directors[0]).toMatchObject({
      table: {
        services: [
          {
            key: { by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 80 },
            scheduler: 'wlc',
            schedulerFlags: [],
            persistence: null,
            persistenceEngine: null,
            onePacket: false,
            realServers: [],
          },
        ],
        marks: [],
        timeouts: {},
        daemons: [],
      },
      policies: {},
      sources: { 'tcp/192.0.2.1:80': 'ipvs_virtual_service.web' },
    });
  });

  test('a director without entries is there all the same', () => {
    expect(table(service({}), 'lb2')).toEqual({ services: [], marks: [], timeouts: {}, daemons: [] });
  });

  test('settings of a director in snake_case, tags as they are, ownership from the block when it says none', () => {
    const directors = {
      lb1: {
        host: 'lb1',
        identity_file: '~/id',
        host_key: 'ssh-ed25519 AAAA',
        tags: { rackNumber: 'b' },
        port: '2222',
      },
      lb2: { host: 'lb2', owns: 'declared', sudo: 'true' },
    };
    expect(loadStack('x', { provider: { ipvs: [{ stack: 'edge', owns: 'table', directors }] } })).toEqual({
      stack: 'edge',
      gates: [],
      directors: [
        expect.objectContaining({
          director: {
            name: 'lb1',
            host: 'lb1',
            identityFile: '~/id',
            hostKey: 'ssh-ed25519 AAAA',
            tags: { rackNumber: 'b' },
            port: 2222,
            owns: 'table',
          },
        }),
        expect.objectContaining({ director: { name: 'lb2', host: 'lb2', owns: 'declared', sudo: true } }),
      ],
    });
  });

  test('every kind of entry', () => {
    const json = {
      ...provider,
      resource: {
        ipvs_virtual_service: {
          web: {
            director: 'lb1',
            protocol: 'fwmark',
            mark: 12,
            scheduler: 'sh',
            scheduler_flags: ['sh-port'],
            persistence: { timeout_seconds: 60, netmask: 24 },
            drain: { timeout_seconds: 30 },
            keep_live_weights: true,
            real_servers: { rs1: { address: '10.0.0.1', forwarding: 'ipip', tunnel: { type: 'gue', port: 6080 } } },
          },
        },
        ipvs_mark_rule: {
          web: {
            director: 'lb1',
            mark: 12,
            protocol: 'tcp',
            destination: '192.0.2.1',
            ports: [443, '80', '8000:8010'],
          },
        },
        ipvs_timeouts: { all: { director: 'lb1', tcp_fin_seconds: 30 } },
        ipvs_sync_daemon: { master: { director: 'lb1', role: 'master', interface: 'eth0', max_length: 1400 } },
      },
    };
    const [lb1] = loadStack('edge', json).directors;
    expect(lb1).toMatchObject({
      table: {
        services: [
          {
            key: { by: 'fwmark', family: 'inet', mark: 12 },
            scheduler: 'sh',
            schedulerFlags: ['sh-port'],
            persistence: { timeoutSeconds: 60, netmask: '255.255.255.0' },
            realServers: [
              {
                address: '10.0.0.1',
                port: 0,
                forwarding: 'ipip',
                tunnel: { type: 'gue', port: 6080, checksum: 'none' },
              },
            ],
          },
        ],
        marks: [{ destination: '192.0.2.1/32', ports: ['80', '443', '8000:8010'], mark: 12 }],
        timeouts: { tcpFinSeconds: 30 },
        daemons: [{ role: 'master', interface: 'eth0', maxLength: 1400, group: '224.0.0.81' }],
      },
      policies: { 'fwm/12': { drain: { timeoutSeconds: 30, connections: 0 }, keepLiveWeights: true } },
    });
    expect(lb1?.sources).toEqual({
      'fwm/12': 'ipvs_virtual_service.web',
      'fwm/12/10.0.0.1:0': 'ipvs_virtual_service.web/rs1',
      'mark/12/inet/tcp/192.0.2.1/32:80,443,8000:8010': 'ipvs_mark_rule.web',
      timeouts: 'ipvs_timeouts.all',
      'sync/master': 'ipvs_sync_daemon.master',
    });
  });

  test('sources are what the user wrote, without the resource that stands for it', () => {
    const paths = ['edge/t/web/Default/80', 'edge/t/web/Default/Resource', 'edge/t/web/Resource', 'edge/t/web'];
    for (const path of paths) {
      const [lb1] = loadStack('edge', service({ '//': { metadata: { path } } })).directors;
      expect(lb1?.sources['tcp/192.0.2.1:80']).toBe('edge/t/web');
    }
  });

  test('values as Terraform converts them: text for a number, a number for text, null for nothing', () => {
    const { services: read } = table(
      service({
        port: '443',
        one_packet: 'false',
        scheduler: null,
        persistence: { timeout_seconds: '60', netmask: null },
      }),
    );
    expect(read[0]).toMatchObject({ key: { port: 443 }, scheduler: 'wlc', persistence: { timeoutSeconds: 60 } });
  });

  test('blocks written as lists of objects', () => {
    const json = {
      provider: [{ ipvs: { directors: { lb1: { host: 'lb1' } } } }, { null: {} }],
      resource: [
        { ipvs_virtual_service: { web: [web] } },
        { ipvs_timeouts: [{ t: { director: 'lb1', udp_seconds: 5 } }] },
      ],
    };
    expect(table(json)).toMatchObject({ services: [{ scheduler: 'wlc' }], timeouts: { udpSeconds: 5 } });
  });

  test('what says nothing about tables is passed over', () => {
    const more = {
      '//': { metadata: {} },
      terraform: { required_version: '>= 1.5', backend: { s3: {} } },
      output: { x: { value: '${upper("x")}' } },
      moved: [{ from: 'ipvs_virtual_service.a', to: 'ipvs_virtual_service.web' }],
      import: [{ to: 'ipvs_virtual_service.web', id: 'x' }],
    };
    expect(
      table(service({ lifecycle: { create_before_destroy: true, prevent_destroy: false } }, more)).services,
    ).toHaveLength(1);
    expect(table(service({ lifecycle: [{ ignore_changes: ['drain', 'keep_live_weights'] }] })).services).toHaveLength(
      1,
    );
  });

  test('ignore_changes becomes the policy of the service', () => {
    const ignored = (fields: unknown) =>
      loadStack('edge', service({ lifecycle: { ignore_changes: fields } })).directors[0]?.policies['tcp/192.0.2.1:80']
        ?.ignoreChanges;
    expect(ignored(['scheduler'])).toEqual(['scheduler', 'schedulerFlags']);
    expect(ignored('all')).toEqual(
      expect.arrayContaining(['scheduler', 'persistence', 'onePacket', 'realServers'] satisfies IgnorableField[]),
    );
  });

  test('aliases: a resource finds its directors in its own provider block', () => {
    const json = {
      provider: {
        ipvs: [{ directors: { lb1: { host: 'lb1' } } }, { alias: 'far', directors: { lb9: { host: 'lb9' } } }],
      },
      resource: {
        ipvs_virtual_service: { web, far: { ...web, director: 'lb9', provider: 'ipvs.far' } },
      },
    };
    expect(table(json, 'lb9').services).toHaveLength(1);
    expect(table(json, 'lb1').services).toHaveLength(1);
  });

  test('equal entries in another order are equal tables', () => {
    const other = { ...web, port: 443 };
    expect(table(services({ a: web, b: other }))).toEqual(table(services({ z: web, b: other })));
  });
});

describe('what is evaluated', () => {
  const port = (value: unknown, rest: object = {}): unknown => {
    const { key } = table(service({ port: value }, rest)).services[0]!;
    return key.by === 'address' && key.port;
  };

  test('for_each over a map, a set, a variable and a local', () => {
    const each = (forEach: unknown, rest: object = {}) => {
      const json = service({ director: '${each.key}', for_each: forEach }, rest);
      return ['lb1', 'lb2'].map((name) => table(json, name).services.length);
    };
    expect(each({ lb1: 'lb1', lb2: 'lb2' })).toEqual([1, 1]);
    expect(each('${toset(["lb2"])}')).toEqual([0, 1]);
    expect(each('${toset([var.name, "lb1"])}', { variable: { name: { default: 'lb2' } } })).toEqual([1, 1]);
    expect(each('${{ lb1 = 1, "lb2": 2 }}')).toEqual([1, 1]);
    expect(each('${var.all}', { variable: { all: { default: { lb2: {} } } } })).toEqual([0, 1]);
    expect(
      each('${local.all}', { locals: { all: { lb1: '${var.x}' }, x: 1 }, variable: { x: { default: 1 } } }),
    ).toEqual([1, 0]);
  });

  test('each.value, its attributes, and text around it', () => {
    const json = service({
      for_each: { one: { at: '192.0.2.1', ports: [80, 81] }, two: { at: '192.0.2.2', ports: [82, 83] } },
      address: '${each.value.at}',
      port: '${each.value.ports[1]}',
      real_servers: { rs1: { address: '10.0.0.${each.value.ports[0]}' } },
    });
    expect(table(json).services.map(({ key, realServers }) => [key, realServers[0]?.address])).toEqual([
      [{ by: 'address', protocol: 'tcp', address: '192.0.2.1', port: 81 }, '10.0.0.80'],
      [{ by: 'address', protocol: 'tcp', address: '192.0.2.2', port: 83 }, '10.0.0.82'],
    ].map(([key, address]) => [key, address])); // prettier-ignore
  });

  test('each in brackets is each director’s own, too', () => {
    const json = service({
      for_each: { lb1: { port: 81 }, lb2: { port: 82 } },
      director: '${each.key}',
      port: '${each["value"].port}',
    });
    expect(['lb1', 'lb2'].map((name) => table(json, name).services[0]!.key)).toMatchObject([
      { port: 81 },
      { port: 82 },
    ]);
  });

  test('variables, locals, and attributes of other blocks, defaults included', () => {
    expect(port('${var.p}', { variable: { p: { type: 'number', default: 81 } } })).toBe(81);
    expect(port('${local.p}', { locals: { p: '${local.q}', q: 82 } })).toBe(82);
  });

  test('an attribute, a default and an id of another resource', () => {
    const json = services({
      web: { ...web, scheduler: 'rr' },
      same: { ...web, port: 81, scheduler: '${ipvs_virtual_service.web.scheduler}' },
      plain: { ...web, port: 82, scheduler: '${ipvs_virtual_service.bare.scheduler}' },
      bare: { ...web, port: 83 },
      each: { ...web, port: 84, for_each: { lb1: 'lb1' }, director: '${each.key}', scheduler: 'sed' },
      from: { ...web, port: 85, scheduler: '${ipvs_virtual_service.each["lb1"].scheduler}' },
    });
    expect(table(json).services.map(({ scheduler }) => scheduler)).toEqual(['rr', 'rr', 'wlc', 'wlc', 'sed', 'sed']);
  });

  test('keys of maps are templates too', () => {
    const json = service(
      { real_servers: { 'rs-${var.n}': { address: '10.0.0.1' } } },
      { variable: { n: { default: 1 } } },
    );
    expect(loadStack('edge', json).directors[0]?.sources).toMatchObject({
      'tcp/192.0.2.1:80/10.0.0.1:80': 'ipvs_virtual_service.web/rs-1',
    });
  });

  test('the id of each kind of resource', () => {
    const json = {
      provider: { ipvs: { directors: { lb1: { host: 'lb1', tags: { service: '${ipvs_virtual_service.web.id}', timeouts: '${ipvs_timeouts.t.id}', sync: '${ipvs_sync_daemon.s.id}', mark: '${ipvs_mark_rule.m.id}' } } } } },
      resource: {
        ipvs_virtual_service: { web },
        ipvs_timeouts: { t: { director: 'lb1', udp_seconds: 5 } },
        ipvs_sync_daemon: { s: { director: 'lb1', role: 'backup', interface: 'eth0' } },
        ipvs_mark_rule: { m: { director: 'lb1', mark: 3, destination: '192.0.2.1' } },
      },
    }; // prettier-ignore
    expect(loadStack('edge', json).directors[0]?.director.tags).toEqual({
      service: 'lb1/tcp/192.0.2.1:80',
      timeouts: 'lb1/timeouts',
      sync: 'lb1/sync/backup',
      mark: 'lb1/mark/3/inet/any/192.0.2.1/32',
    });
  });

  test('$${ is text', () => {
    const json = { provider: { ipvs: { directors: { lb1: { host: 'lb1', tags: { a: '$${x} %%{y}' } } } } } };
    expect(loadStack('edge', json).directors[0]?.director.tags).toEqual({ a: '${x} %{y}' });
  });
});

const ADVICE = `\n  hint: ${RUN_ELSEWHERE}`;
const expression = (text: string) => service({ scheduler: text });

test.each<[string, unknown, string[]]>([
  ['not an object', [], ['[artefact] is not a Terraform JSON document']],
  [
    'an unknown block',
    { ...provider, resources: {} },
    ["[resources] is not a block of Terraform\n  hint: did you mean 'resource'?"],
  ],
  [
    'an unknown argument',
    service({ schedular: 'rr' }),
    ["[ipvs_virtual_service.web] schedular: is not known here\n  hint: did you mean 'scheduler'?"],
  ],
  [
    'an unknown argument of a real server',
    service({ real_servers: { rs1: { address: '10.0.0.1', wieght: 1 } } }),
    ["[ipvs_virtual_service.web] real_servers.rs1.wieght: is not known here\n  hint: did you mean 'weight'?"],
  ],
  [
    'an unknown setting of a director',
    { provider: { ipvs: { directors: { lb1: { host: 'lb1', identityfile: 'x' } } } } },
    ["[provider.ipvs] directors.lb1.identityfile: is not known here\n  hint: did you mean 'identity_file'?"],
  ],
  [
    'an unknown setting of the provider',
    { provider: { ipvs: { director: {} } } },
    ["[provider.ipvs] director: is not known here\n  hint: did you mean 'directors'?"],
  ],
  [
    'a director’s bad name',
    { provider: { ipvs: { directors: { 'lb 1': { host: 'x' } } } } },
    ["[provider.ipvs] directors.lb 1: 'lb 1' is not a director name: letters, digits, . _ -"],
  ],
  [
    'a director in two provider blocks',
    { provider: { ipvs: [{ directors: { a: { host: 'a' } } }, { alias: 'b', directors: { a: { host: 'a' } } }] } },
    ['[provider.ipvs] directors.a: is in two provider blocks'],
  ],
  [
    'two names of a map that come out as one',
    service({ real_servers: { a: { address: '10.0.0.1' }, '${"a"}': { address: '10.0.0.2' } } }),
    [`[ipvs_virtual_service.web] real_servers: two keys have the same value\n  hint: ${RUN_ELSEWHERE}`],
  ],
  [
    'what a shell would have read',
    service({ scheduler: '${X}' }),
    [
      "[ipvs_virtual_service.web] scheduler: '${X}' can't be evaluated: 'X' alone is no reference; the characters ${ themselves are written $${" +
        `\n  hint: ${RUN_ELSEWHERE}`,
    ],
  ],
  [
    'two directors that are one machine',
    {
      provider: {
        ipvs: {
          directors: {
            a: { host: 'Far', port: 2222 },
            b: { host: 'far', port: 2222, user: 'ops' },
            c: { host: 'far' },
            d: { host: 'far', jump: 'bastion' },
          },
        },
      },
    },
    [
      "[provider.ipvs] directors.b.host: 'b' is reached like 'a'\n  hint: one machine is one director: declare on it what both shall hold",
    ],
  ],
  [
    'an unknown provider block',
    service({ provider: 'ipvs.far' }),
    ["[ipvs_virtual_service.web] provider: there is no provider block 'ipvs.far'"],
  ],
  [
    'an unknown director',
    service({ director: 'lb3' }),
    ["[ipvs_virtual_service.web] director: there is no director 'lb3'\n  hint: did you mean 'lb1'?"],
  ],
  ['no director', service({ director: null }), ['[ipvs_virtual_service.web] director: is required']],
  [
    'an unknown type of ours',
    { ...provider, resource: { ipvs_virtual_server: { web } } },
    [
      "[ipvs_virtual_server.web] there is no resource type ipvs_virtual_server\n  hint: did you mean 'ipvs_virtual_service'?",
    ],
  ],
  [
    'another provider’s resource',
    { ...provider, resource: { aws_instance: { x: {} } } },
    ['[aws_instance.x] aws_instance.x: resources of other providers need Terraform' + ADVICE],
  ],
  [
    'a data source',
    { ...provider, data: { aws_ami: { x: { '//': { metadata: { path: 'edge/ami' } } } } } },
    ["[edge/ami] data.aws_ami.x: 'data' blocks need Terraform" + ADVICE],
  ],
  [
    'a module',
    { ...provider, module: { net: { source: './net' } } },
    ["[module.net] module.net: 'module' blocks need Terraform" + ADVICE],
  ],
  [
    'a removed block',
    { ...provider, removed: [{ from: 'ipvs_virtual_service.a' }] },
    ["[removed.from] removed.from: 'removed' blocks need Terraform" + ADVICE],
  ],
  [
    'a body that is none',
    { ...provider, resource: { ipvs_virtual_service: { web: 5 } } },
    ['[ipvs_virtual_service.web] expected one object with the resource’s arguments'],
  ],
  [
    'a bad field',
    service({ port: 70000, scheduler: 'WRR' }),
    [
      '[ipvs_virtual_service.web] port: 70000 is not a port (0..65535)',
      "[ipvs_virtual_service.web] scheduler: 'WRR' is not a scheduler name: 1 to 15 of a-z 0-9 _ -",
    ],
  ],
  [
    'what does not go together',
    service({ one_packet: true, persistence: { netmask: 24 } }),
    [
      '[ipvs_virtual_service.web] persistence.netmask: a netmask without a persistence timeout has no effect\n  hint: set the timeout too',
      '[ipvs_virtual_service.web] one_packet: one-packet scheduling is only for UDP, not for TCP',
    ],
  ],
  [
    'a port change under gatewaying, under its real server’s name',
    service({ real_servers: { rsOne: { address: '10.0.0.1', port: 81 } } }),
    [
      "[ipvs_virtual_service.web] real_servers.rsOne.port: gatewaying can't change the port from 80 to 81\n  hint: use Forward.masquerading(), or port 80",
    ],
  ],
  [
    'two real servers that are one',
    service({ real_servers: { a: { address: '10.0.0.1' }, b: { address: '10.0.0.1', port: 80 } } }),
    ["[ipvs_virtual_service.web] real_servers.b: is 10.0.0.1:80, and so is 'a'"],
  ],
  [
    'two services with one address',
    services({ a: web, b: web }),
    [
      "[ipvs_virtual_service.b] listens to tcp/192.0.2.1:80, and so does 'ipvs_virtual_service.a' on lb1\n  hint: put their real servers into one service",
    ],
  ],
  [
    'one block twice on a director',
    service({ for_each: { a: 1, b: 2 } }),
    [
      "[ipvs_virtual_service.web] listens to tcp/192.0.2.1:80, and so does 'ipvs_virtual_service.web' on lb1\n  hint: put their real servers into one service",
    ],
  ],
  [
    'one complaint for all directors of a block',
    service({ for_each: { lb1: 1, lb2: 2 }, director: '${each.key}', one_packet: true }),
    ['[ipvs_virtual_service.web] one_packet: one-packet scheduling is only for UDP, not for TCP'],
  ],
  ['count', service({ count: 2 }), ['[ipvs_virtual_service.web] count: is not evaluated' + ADVICE]],
  [
    'a provisioner on a service',
    service({ provisioner: [{ 'local-exec': { command: 'x' } }] }),
    ['[ipvs_virtual_service.web] provisioner: is not evaluated' + ADVICE],
  ],
  [
    'prevent_destroy',
    service({ lifecycle: { prevent_destroy: true } }),
    ['[ipvs_virtual_service.web] lifecycle.prevent_destroy: is not evaluated' + ADVICE],
  ],
  [
    'ignored changes',
    service({ lifecycle: { ignore_changes: ['address'] } }),
    [
      "[ipvs_virtual_service.web] lifecycle.ignore_changes: 'address' can't be ignored\n  hint: what can be: scheduler, scheduler_flags, persistence, one_packet, real_servers, drain, keep_live_weights, all; to keep the weights found on the director set keep_live_weights",
    ],
  ],
  [
    'for_each over a list',
    service({ for_each: ['lb1'] }),
    ['[ipvs_virtual_service.web] for_each: expected a map, or a set such as ${toset(["lb1"])}' + ADVICE],
  ],
  [
    'a function',
    expression('${lower("RR")}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${lower(\"RR\")}' can't be evaluated: function lower is not evaluated" +
        ADVICE,
    ],
  ],
  [
    'toset of something else',
    service({ for_each: '${toset(var.x)}' }, { variable: { x: { default: ['lb1'] } } }),
    [
      "[ipvs_virtual_service.web] for_each: '${toset(var.x)}' can't be evaluated: toset is only evaluated for a literal list" +
        ADVICE,
    ],
  ],
  [
    'a function around a reference',
    expression('a${join("-", [var.x])}'),
    [
      "[ipvs_virtual_service.web] scheduler: 'a${join(\"-\", [var.x])}' can't be evaluated: function join is not evaluated" +
        ADVICE,
    ],
  ],
  [
    'an operator',
    expression('${1 + 1}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${1 + 1}' can't be evaluated: operators are not evaluated: '+ 1'" +
        ADVICE,
    ],
  ],
  [
    'a condition',
    expression('${var.x ? "rr" : "lc"}'),
    [
      '[ipvs_virtual_service.web] scheduler: \'${var.x ? "rr" : "lc"}\' can\'t be evaluated: operators are not evaluated: \'? "rr" : "lc"\'' +
        ADVICE,
    ],
  ],
  [
    'a negation',
    expression('${!true}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${!true}' can't be evaluated: operators are not evaluated: '!true'" +
        ADVICE,
    ],
  ],
  [
    'a splat',
    expression('${ipvs_timeouts.t[*].id}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${ipvs_timeouts.t[*].id}' can't be evaluated: splat expressions are not evaluated" +
        ADVICE,
    ],
  ],
  [
    'an attribute splat',
    expression('${ipvs_timeouts.t.*.id}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${ipvs_timeouts.t.*.id}' can't be evaluated: splat expressions are not evaluated" +
        ADVICE,
    ],
  ],
  [
    'a for expression',
    expression('${[for x in ["a"] : x]}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${[for x in [\"a\"] : x]}' can't be evaluated: for expressions are not evaluated" +
        ADVICE,
    ],
  ],
  [
    'a for expression that makes a map',
    service({ for_each: '${{for x in ["a"] : x => x}}' }),
    [
      "[ipvs_virtual_service.web] for_each: '${{for x in [\"a\"] : x => x}}' can't be evaluated: for expressions are not evaluated" +
        ADVICE,
    ],
  ],
  [
    'a directive',
    expression('%{ if true }rr%{ endif }'),
    [
      "[ipvs_virtual_service.web] scheduler: '%{ if true }rr%{ endif }' can't be evaluated: template directives (%{ … }) are not evaluated; the characters themselves are written %%{" +
        ADVICE,
    ],
  ],
  [
    'a template inside of an expression',
    expression('${"${var.x}"}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${\"${var.x}\"}' can't be evaluated: templates inside of expressions are not evaluated" +
        ADVICE,
    ],
  ],
  [
    'an expression that is not closed',
    expression('${var.x'),
    ["[ipvs_virtual_service.web] scheduler: '${var.x' can't be evaluated: '${var.x' is not closed" + ADVICE],
  ],
  [
    'a string that is not closed',
    expression('${"rr}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${\"rr}' can't be evaluated: a string in '${\"rr}' is not closed" +
        ADVICE,
    ],
  ],
  [
    'a bad escape',
    expression('${"\\q"}'),
    [
      '[ipvs_virtual_service.web] scheduler: \'${"\\q"}\' can\'t be evaluated: the string "\\q" has an escape that is not understood' +
        ADVICE,
    ],
  ],
  [
    'an unknown variable',
    expression('${var.x}'),
    ["[ipvs_virtual_service.web] scheduler: '${var.x}' can't be evaluated: there is no variable 'x'" + ADVICE],
  ],
  [
    'a variable without a default',
    service({ scheduler: '${var.x}' }, { variable: { x: { type: 'string' } } }),
    ["[ipvs_virtual_service.web] scheduler: '${var.x}' can't be evaluated: variable 'x' has no default" + ADVICE],
  ],
  [
    'an unknown local',
    expression('${local.x}'),
    ["[ipvs_virtual_service.web] scheduler: '${local.x}' can't be evaluated: there is no local 'x'" + ADVICE],
  ],
  [
    'an unknown part of a variable',
    service({ scheduler: '${var.x.y}' }, { variable: { x: { default: {} } } }),
    ["[ipvs_virtual_service.web] scheduler: '${var.x.y}' can't be evaluated: var.x has no 'y'" + ADVICE],
  ],
  [
    'an unknown resource',
    expression('${ipvs_virtual_service.other.scheduler}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${ipvs_virtual_service.other.scheduler}' can't be evaluated: there is no ipvs_virtual_service.other in this stack" +
        ADVICE,
    ],
  ],
  [
    'an unknown attribute',
    expression('${ipvs_virtual_service.web.colour}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${ipvs_virtual_service.web.colour}' can't be evaluated: ipvs_virtual_service.web has no 'colour'" +
        ADVICE,
    ],
  ],
  [
    'a whole resource',
    expression('${ipvs_virtual_service.web}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${ipvs_virtual_service.web}' can't be evaluated: a reference to all of ipvs_virtual_service.web is not evaluated: name an attribute" +
        ADVICE,
    ],
  ],
  [
    'one of many, without saying which',
    services({
      web: { ...web, scheduler: '${ipvs_virtual_service.all.scheduler}' },
      all: { ...web, for_each: { lb2: 1 }, director: '${each.key}' },
    }),
    [
      "[ipvs_virtual_service.web] scheduler: '${ipvs_virtual_service.all.scheduler}' can't be evaluated: ipvs_virtual_service.all has for_each: name one, as in ipvs_virtual_service.all[\"key\"]" +
        ADVICE,
    ],
  ],
  [
    'a reference to itself',
    expression('${ipvs_virtual_service.web.scheduler}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${ipvs_virtual_service.web.scheduler}' can't be evaluated: '${ipvs_virtual_service.web.scheduler}' can't be evaluated: ipvs_virtual_service.web.scheduler refers to itself" +
        ADVICE,
    ],
  ],
  [
    'locals that refer to each other',
    service({ scheduler: '${local.a}' }, { locals: { a: '${local.b}', b: '${local.a}' } }),
    [
      "[ipvs_virtual_service.web] scheduler: '${local.a}' can't be evaluated: '${local.b}' can't be evaluated: '${local.a}' can't be evaluated: local.a refers to itself" +
        ADVICE,
    ],
  ],
  [
    'a data source’s value',
    expression('${data.aws_ami.x.id}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${data.aws_ami.x.id}' can't be evaluated: only Terraform knows data.aws_ami.x.id" +
        ADVICE,
    ],
  ],
  [
    'a gate’s value',
    service(
      { scheduler: '${null_resource.g.id}' },
      {
        resource: {
          ipvs_virtual_service: { web: { ...web, scheduler: '${null_resource.g.id}' } },
          null_resource: { g: {} },
        },
      },
    ),
    [
      "[ipvs_virtual_service.web] scheduler: '${null_resource.g.id}' can't be evaluated: only Terraform knows the attributes of null_resource.g" +
        ADVICE,
    ],
  ],
  [
    'each outside of for_each',
    expression('${each.key}'),
    [
      "[ipvs_virtual_service.web] scheduler: '${each.key}' can't be evaluated: each is only known in a resource with for_each" +
        ADVICE,
    ],
  ],
  [
    'another part of each',
    service({ for_each: { lb1: 1 }, director: '${each.name}' }),
    [
      "[ipvs_virtual_service.web] director: '${each.name}' can't be evaluated: each has no 'name': use each.key or each.value" +
        ADVICE,
    ],
  ],
  [
    'a list inside of text',
    expression('a${[1]}'),
    [
      "[ipvs_virtual_service.web] scheduler: 'a${[1]}' can't be evaluated: only text, numbers and booleans can stand inside of text" +
        ADVICE,
    ],
  ],
  [
    'a reference in the provider',
    { provider: { ipvs: { directors: { lb1: { host: '${aws_instance.lb.private_ip}' } } } } },
    [
      "[provider.ipvs] directors.lb1.host: '${aws_instance.lb.private_ip}' can't be evaluated: there is no aws_instance.lb in this stack" +
        ADVICE,
    ],
  ],
])('%s', (_name, json, complaints) => {
  expect(told(json)).toEqual(complaints);
});
