/** What a director remembers between applies: its ledger, its boot files, its undo; and a lock of our own that is in the way. */
import { takeBack, withLock } from '../../lib/apply';
import {
  type DesiredStack,
  type Director,
  Ledger,
  RECORDS_FOLDER,
  RETRY_UNDO,
  type ServicePolicy,
  TransportError,
} from '../../lib/model';
import { applyPlan, planStacks } from '../../lib/pipeline';
import { isOutdated } from '../../lib/plan';
import { type Sim, type SimDirector, startSim } from '../../lib/sim';
import { type Connect, createSshConnector, newNonce } from '../../lib/transport';
import { ledgers, live, server, service, WEB } from '../plan/tables';

let sim: Sim;
let lb1: SimDirector;
beforeEach(async () => {
  sim = await startSim();
  lb1 = sim.directors[0]!;
});
afterEach(() => sim.close());

const connectSsh = createSshConnector({ env: { HOME: '/nonexistent' } });
const SETTINGS = { tool: '0.1.0', author: { by: 'ada@test' } };
const WEB_ID = 'tcp/192.0.2.10:80';
const LEDGER = `${RECORDS_FOLDER}/edge.json`;
const BOOT_FILE = `${RECORDS_FOLDER}/edge.boot`;

interface Wish {
  weight?: number;
  policy?: ServicePolicy;
  persist?: boolean;
  connect?: Connect<Director>;
}

const login = (): Director => {
  const { name, host, port, user, identityFile, hostKey } = lb1;
  return { name, host, port, user, identityFile, hostKey, agent: false };
};

/** Plans and applies a stack of one service, or of none. */
async function apply({ weight, policy = {}, persist = false, connect = connectSsh }: Wish) {
  const stack: DesiredStack = {
    stack: 'edge',
    directors: [
      {
        director: { ...login(), ...(persist ? { persist } : {}) },
        table: { services: weight === undefined ? [] : [service(WEB, [server('10.0.0.1', { weight })])], marks: [], timeouts: {}, daemons: [] }, // prettier-ignore
        policies: { [WEB_ID]: policy },
        sources: {},
      },
    ],
    gates: [],
  };
  const open = await planStacks([stack], { connect });
  try {
    return { plan: open.plan.directors[0], report: (await applyPlan(open, SETTINGS))[0] };
  } finally {
    await open.close();
  }
}

const ledger = (): Ledger => Ledger.parse(JSON.parse(lb1.files()[LEDGER] ?? 'null'));

test('another drain alone reaches the ledger, once', async () => {
  await apply({ weight: 1 });
  expect(ledger().drains).toEqual({});
  const drain = { timeoutSeconds: 60 };
  const { plan, report } = await apply({ weight: 1, policy: { drain } });
  expect(plan).toMatchObject({ changes: [], ledger: true, findings: [{ code: 'ledger-outdated' }] });
  expect(report).toMatchObject({ outcome: 'applied', steps: 0 });
  expect(ledger().drains).toEqual({ [WEB_ID]: drain });
  const again = await apply({ weight: 1, policy: { drain } });
  expect(again.plan).not.toHaveProperty('ledger');
  expect(again.report).toMatchObject({ outcome: 'unchanged' });
});

test('what was removed by hand, and from the program, leaves the ledger', async () => {
  await apply({ weight: 1 });
  lb1.exec(['ipvsadm', '-C']);
  expect((await apply({})).report).toMatchObject({ outcome: 'applied' });
  expect(lb1.files()).not.toHaveProperty([LEDGER]);
});

test.each([
  ['lost', {}],
  ['damaged', { edge: 'corrupt' as const }],
])('a ledger that is %s is not written anew by a plan that has nothing to do', (_what, held) => {
  expect(isOutdated('edge', live({}, { records: ledgers(held) }), null)).toBe(false);
});

test.each([
  ['alone', 1],
  ['with another change', 2],
])('`persist` that is no longer declared, %s: the boot file goes', async (_what, weight) => {
  await apply({ weight: 1, persist: true });
  expect(lb1.files()[BOOT_FILE]).toContain('192.0.2.10:80');
  expect(ledger().persist).toBe(true);
  const { plan } = await apply({ weight });
  expect(plan).toMatchObject({ boot: true, findings: expect.arrayContaining([expect.objectContaining({ code: 'boot-files-go' })]) as unknown }); // prettier-ignore
  expect(lb1.files()).not.toHaveProperty([BOOT_FILE]);
  expect(ledger().persist).toBe(false);
  expect((await apply({ weight })).report).toMatchObject({ outcome: 'unchanged' });
});

test('the undo is given what was read under the lock, after a drain once more', async () => {
  const noted = (): string => lb1.files()[`${RECORDS_FOLDER}/edge.undo/before`] ?? '';
  const policy = { drain: { timeoutSeconds: 60 } };
  await apply({ weight: 0, policy });
  expect(noted()).toMatch(/^@@[0-9a-f]{8,} save$/m);
  expect((await apply({})).report).toMatchObject({ outcome: 'applied', drained: [{ endedBy: 'drained' }] });
  expect(noted()).toMatch(/^@@[0-9a-f]{8,} save\n-A -t 192\.0\.2\.10:80 /m);
  expect(Object.keys(lb1.files()).filter((path) => path.includes('reading'))).toEqual([]);
  expect(await rollback()).toMatchObject({ state: 'undone' });
  expect(lb1.rules()).toContain('-a -t 192.0.2.10:80 -r 10.0.0.1:80 -g -w 0');
});

async function rollback(): Promise<unknown> {
  const runner = await connectSsh(login());
  const access = { name: 'lb1', sudo: false, runner, nonce: newNonce };
  try {
    return await withLock(access, { stack: 'edge', author: SETTINGS.author }, ({ token }) =>
      takeBack(access, { token, record: 'edge' }),
    );
  } finally {
    await runner.close();
  }
}

test('a rollback brings the ledger back, too', async () => {
  await apply({ weight: 1 });
  const [before, rules] = [lb1.files()[LEDGER], lb1.rules()];
  await apply({ weight: 2, policy: { drain: { timeoutSeconds: 9 } } });
  expect(lb1.files()[LEDGER]).not.toBe(before);
  expect(await rollback()).toMatchObject({ state: 'undone' });
  expect(lb1.rules()).toBe(rules);
  expect(lb1.files()[LEDGER]).toBe(before);
});

test('a rollback of the first apply leaves no ledger; what was recorded since stays', async () => {
  await apply({ weight: 1 });
  await rollback();
  expect(lb1.rules()).toBe('');
  expect(lb1.files()).not.toHaveProperty([LEDGER]);
  await apply({ weight: 1 });
  await apply({ weight: 1, policy: { drain: { timeoutSeconds: 9 } } });
  await rollback();
  expect(ledger().drains).toEqual({ [WEB_ID]: { timeoutSeconds: 9 } });
});

test('an apply that changed no table leaves no older one to be taken back', async () => {
  await apply({ weight: 1 });
  await apply({ weight: 2 });
  const rules = lb1.rules();
  expect((await apply({ weight: 2, policy: { drain: { timeoutSeconds: 9 } } })).report).toMatchObject({ steps: 0 });
  const files = lb1.files();
  expect(await rollback()).toMatchObject({ state: 'superseded', already: true });
  expect([lb1.rules(), lb1.files()[LEDGER]]).toEqual([rules, files[LEDGER]]);
  await apply({ weight: 3, policy: { drain: { timeoutSeconds: 9 } } });
  expect(await rollback()).toMatchObject({ state: 'undone', already: false });
  expect(await rollback()).toMatchObject({ state: 'undone', already: true });
  expect(lb1.rules()).toBe(rules);
});

test('an undo that is refused in part says so, and the next rollback does the rest', async () => {
  await sim.close();
  // After the three commands of two applies.
  sim = await startSim({ refuseNth: 4 });
  lb1 = sim.directors[0]!;
  await apply({ weight: 1 });
  const before = lb1.rules();
  await apply({ weight: 5 });
  expect(await rollback()).toMatchObject({ state: 'stuck', detail: expect.stringContaining('; still to do: -e -t 192.0.2.10:80 -r 10.0.0.1:80 -g -w 1') as unknown }); // prettier-ignore
  expect(lb1.rules()).not.toBe(before);
  const { plan } = await apply({ weight: 5 });
  expect(plan).toMatchObject({ findings: [{ code: 'undone', hint: RETRY_UNDO }] });
  expect(await rollback()).toMatchObject({ state: 'undone' });
  expect(lb1.rules()).toBe(before);
});

test('what somebody else changed is named as a plan names it', async () => {
  await apply({ weight: 1 });
  lb1.exec(['ipvsadm', '-e', '-t', '192.0.2.10:80', '-r', '10.0.0.1:80', '-g', '-w', '7', '-x', '5']);
  expect(await rollback()).toMatchObject({
    state: 'partly',
    detail: `asked for; somebody else changed: ${WEB_ID}/10.0.0.1:80, ${WEB_ID}`,
  });
});

test('only the verifying connection is lost: our own lock on the first is no obstacle', async () => {
  await apply({ weight: 1 });
  const before = lb1.rules();
  let opened = 0;
  const connect: Connect<Director> = async (director) => {
    const runner = await connectSsh(director);
    // The first one plans and changes, the second verifies, the third asks what became of it.
    if (++opened !== 2) return runner;
    const run = (): Promise<never> => Promise.reject(new TransportError('connection-lost', 'lb1', 'gone'));
    return { ...runner, run, close: () => runner.close() };
  };
  const { report } = await apply({ weight: 5, connect });
  expect(report).toMatchObject({ outcome: 'rolled-back' });
  expect(opened).toBe(3);
  expect(lb1.rules()).toBe(before);
});
