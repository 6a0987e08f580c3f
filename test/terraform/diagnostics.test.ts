/** Where errors point, and what resources of one run do to each other: the provider's calls, without a core. */
import { type AddressInfo, connect, createServer } from 'node:net';
import { acquireLock } from '../../lib/apply';
import { type Sim, type SimOptions, startSim } from '../../lib/sim';
import { createSshConnector, newNonce } from '../../lib/transport';
import { IpvsProvider, PROVIDER_ATTRIBUTES } from '../../providers/terraform/provider';
import { KINDS } from '../../providers/terraform/resources';
import type { Diagnostic } from '../../providers/terraform/wire/generated/tfplugin6';
import { decodeObject, encodeObject, Unknown, type Values } from '../../providers/terraform/wire/value';
import { connections } from './support';

const TYPE = 'ipvs_virtual_service';
const { attributes } = KINDS.get(TYPE)!;

let faults: SimOptions;
let sim: Sim;
let provider: IpvsProvider;

beforeEach(async () => {
  faults = { secondMs: 500 };
  sim = await startSim(faults);
  provider = new IpvsProvider({ cwd: process.cwd(), env: {}, version: 'test' });
  await configure({ stack: 'edge', directors: connections(sim.directors) } as unknown as Values);
});

afterEach(async () => {
  await configure({});
  await sim.close();
});

const bytes = (values: Values | null): { msgpack: Buffer } => ({ msgpack: encodeObject(values, attributes) });

async function configure(settings: Values): Promise<void> {
  await provider.configure({ config: { msgpack: encodeObject(settings, PROVIDER_ATTRIBUTES) } });
}

async function plan(prior: Values | null, config: Values | null): Promise<{ planned: Values; told: Diagnostic[] }> {
  const request = { priorState: bytes(prior), config: bytes(config), proposedNewState: bytes(config) };
  const { plannedState, diagnostics = [] } = await provider.plan({ typeName: TYPE, ...request });
  return { planned: decodeObject(plannedState?.msgpack, attributes)!, told: diagnostics };
}

async function apply(
  prior: Values | null,
  planned: Values | null,
): Promise<{ made: Values | null; told: Diagnostic[] }> {
  const request = { priorState: bytes(prior), plannedState: bytes(planned), config: bytes(planned) };
  const { newState, diagnostics = [] } = await provider.apply({ typeName: TYPE, ...request });
  return { made: decodeObject(newState?.msgpack, attributes), told: diagnostics };
}

/** `real_servers.a: what is wrong`, for each. */
const places = (told: readonly Diagnostic[]): string[] =>
  told.map(({ attribute, summary = '' }) => {
    const names = attribute?.steps?.map((step) => step.attributeName ?? step.elementKeyString);
    return `${names?.join('.') ?? '-'}: ${summary}`;
  });

const web = (realServers: Values, port = 80): Values => ({
  director: 'lb1',
  protocol: 'tcp',
  address: '192.0.2.10',
  port,
  real_servers: realServers,
});

test('what this director can not do is an error of the plan at the field that asks for it', async () => {
  const high = { director: 'lb1', protocol: 'fwmark', mark: 3_000_000_000 };
  expect(places((await plan(null, high)).told)).toEqual([
    'mark: lb1: fwm/3000000000: a mark from 2147483648 up needs ipvsadm 1.32, this director has 1.31',
  ]);
});

test('a real server that is refused is an error of the apply at that real server, with the words of the tool', async () => {
  const { planned } = await plan(null, web({ a: { address: '10.0.0.1' }, b: { address: '10.0.0.2' } }));
  faults.refuseNth = 3;
  const { made, told } = await apply(null, planned);
  expect(made).toBeNull();
  expect(places(told)).toEqual([
    expect.stringMatching(/^real_servers\.b: lb1: stopped in phase build: ipvsadm said: Memory allocation problem/),
  ]);
  expect(sim.directors[0]!.rules()).toBe('');
});

test('a finding about a real server that goes is an error at the real servers', async () => {
  const two = { a: { address: '10.0.0.1' }, b: { address: '10.0.0.2' } };
  const { made } = await apply(null, (await plan(null, web(two))).planned);
  sim.directors[0]!.setConnections('10.0.0.2:80', { active: 3 });
  await configure({ stack: 'edge', directors: connections(sim.directors) } as unknown as Values);
  expect(places((await plan(made, web({ a: two.a }))).told)).toEqual([
    'real_servers: lb1/tcp/192.0.2.10:80/10.0.0.2:80: is removed with 3 active connections [active-connections]',
  ]);
});

test('a director that somebody else has locked is waited for', async () => {
  // A lock lives on signs of life, which come at their usual pace.
  delete faults.secondMs;
  const [{ name, host, port, user, identityFile, hostKey }] = sim.directors as [Sim['directors'][0]];
  const runner = await createSshConnector()({ name, host, port, user, identityFile, hostKey, agent: false });
  const lock = await acquireLock({ name, sudo: false, runner, nonce: newNonce }, { stack: 'other', author: { by: 'ann' }, waitSeconds: 0 }); // prettier-ignore
  const { planned } = await plan(null, web({}));
  const applied = apply(null, planned);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(sim.directors[0]!.rules()).toBe('');
  await lock.release();
  expect((await applied).told).toEqual([]);
  expect(sim.directors[0]!.rules()).toContain('192.0.2.10:80');
  await runner.close();
});

test('resources that change places in one run: what one has made, the other does not take away', async () => {
  const settings = { stack: 'edge', directors: connections(sim.directors) } as unknown as Values;
  const { made: old } = await apply(null, (await plan(null, web({}, 81))).planned);
  await configure(settings);
  const { made } = await apply(null, (await plan(null, web({ a: { address: '10.0.0.1' } }, 81))).planned);
  expect(made?.['id']).toBe(old?.['id']);
  expect((await apply(old, null)).told).toEqual([]);
  expect(sim.directors[0]!.rules()).toContain('-a -t 192.0.2.10:81 -r 10.0.0.1:81');
});

test('one entry declared by two resources is an error of the second, also where it says that there is none', async () => {
  const there = (await plan(null, web({ a: { address: '10.0.0.1' } }))).planned;
  const absent = (await plan(null, { ...web({}), absent: true })).planned;
  const [first, second] = await Promise.all([apply(null, there), apply(null, absent)]);
  expect(first.told).toEqual([]);
  expect(places(second.told)).toEqual(['-: lb1/tcp/192.0.2.10:80 is declared by two resources']);
  expect(sim.directors[0]!.rules()).toContain('-a -t 192.0.2.10:80 -r 10.0.0.1:80');
});

test('a service that is ignored is not declared, neither as there nor as absent', async () => {
  const lb1 = sim.directors[0]!;
  lb1.exec(['ipvsadm', '-A', '-t', '192.0.2.10:80', '-s', 'rr']);
  const rules = lb1.rules();
  const settings = { stack: 'edge', directors: connections(sim.directors) };
  const told = ['-: tcp/192.0.2.10:80 is ignored (address=192.0.2.0/24) on lb1'];
  const { planned } = await plan(null, web({}));
  for (const where of ['everywhere', 'there'] as const) {
    const ignore = [{ address: '192.0.2.0/24' }];
    const directors = { lb1: { ...settings.directors['lb1'], ...(where === 'there' ? { ignore } : {}) } };
    await configure({ ...settings, directors, ...(where === 'everywhere' ? { ignore } : {}) });
    expect(places((await plan(null, web({}))).told)).toEqual(told);
    expect(places((await plan(null, { ...web({}), absent: true })).told)).toEqual(told);
    // Nor where it is in the state and nothing else would change.
    expect(places((await plan(planned, web({}))).told)).toEqual(told);
    const { made, told: refused } = await apply(null, planned);
    expect([made, places(refused)]).toEqual([null, told]);
  }
  expect(lb1.rules()).toBe(rules);
});

test('a service that is ignored since it was made is left alone when its resource goes, and that is said', async () => {
  const { made } = await apply(null, (await plan(null, web({}))).planned);
  const ignore = [{ port: 80 }];
  await configure({ stack: 'edge', directors: connections(sim.directors), ignore } as unknown as Values);
  const told = ['-: lb1/tcp/192.0.2.10:80 is ignored, and so it is left alone'];
  expect(places((await plan(made, null)).told)).toEqual(told);
  const gone = await apply(made, null);
  expect([gone.made, places(gone.told)]).toEqual([null, told]);
  expect(sim.directors[0]!.rules()).toContain('192.0.2.10:80');
});

test('what is not known yet makes the id unknown only where another entry may come of it', async () => {
  const { made } = await apply(null, (await plan(null, web({ a: { address: '10.0.0.1' } }))).planned);
  const heavier = await plan(made, web({ a: { address: '10.0.0.1', weight: Unknown.value } }));
  expect(heavier.planned['id']).toBe('lb1/tcp/192.0.2.10:80');
  expect((await plan(made, web(Unknown.value as unknown as Values))).planned['id']).toBe('lb1/tcp/192.0.2.10:80');
  const moved = await plan(made, { ...web({}), address: Unknown.value });
  expect(moved.planned['id']).toBe(Unknown.value);
});

test('boot files end with the last resource; where `persist` has not been carried out yet, one of all that are read says so', async () => {
  const [lb1] = sim.directors as [Sim['directors'][0]];
  const persistent = (persist: boolean): Promise<void> => {
    const directors = { lb1: { ...connections([lb1])['lb1'], persist } };
    return configure({ stack: 'edge', directors });
  };
  const bootFiles = (): string[] => Object.keys(lb1.files()).filter((path) => /\.boot|lvsform-boot/.test(path));
  const read = async (state: Values | null): Promise<string[]> =>
    places((await provider.read({ typeName: TYPE, currentState: bytes(state) })).diagnostics ?? []);
  await persistent(false);
  const [one, two] = await Promise.all([80, 81].map(async (port) => (await apply(null, (await plan(null, web({}, port))).planned)).made)); // prettier-ignore
  expect(bootFiles()).toEqual([]);
  await persistent(true);
  expect([await read(one!), await read(two!)].flat()).toEqual([
    '-: lb1: what it loads at boot is not as `persist` says now',
  ]);
  await apply(one!, null);
  expect(bootFiles()).not.toEqual([]);
  await persistent(true);
  expect(await read(two!)).toEqual([]);
  await apply(two!, null);
  expect(bootFiles()).toEqual([]);
  // Nor is there a ledger: what is left is how the last apply could have been undone.
  expect(Object.keys(lb1.files()).filter((path) => /\/edge\.(?!undo)/.test(path))).toEqual([]);
});

test('a login that is dropped at once, as a busy sshd does, is tried a second time', async () => {
  let dropped = 0;
  const busy = createServer((socket) => {
    if (dropped++ === 0) socket.destroy();
    else socket.pipe(connect(sim.directors[0]!.port, '127.0.0.1')).pipe(socket);
  });
  await new Promise<void>((listening) => busy.listen(0, '127.0.0.1', listening));
  try {
    const { port } = busy.address() as AddressInfo;
    await configure({ stack: 'edge', directors: connections([{ ...sim.directors[0]!, port }]) } as unknown as Values);
    expect((await plan(null, web({}))).told).toEqual([]);
    expect(dropped).toBe(2);
  } finally {
    await configure({});
    busy.close();
  }
});

test('a time to connect that is none', async () => {
  const env = { LVSFORM_CONNECT_TIMEOUT: '1.5' };
  const careless = new IpvsProvider({ cwd: process.cwd(), env, version: 'test' });
  const config = { msgpack: encodeObject({ stack: 'edge', directors: {} }, PROVIDER_ATTRIBUTES) };
  const { diagnostics } = await careless.configure({ config });
  expect(places(diagnostics ?? [])).toEqual([
    "-: LVSFORM_CONNECT_TIMEOUT: '1.5' is not a whole number of seconds, 1 to 9999",
  ]);
});
