/** A declared mark rule that a hand-made one provides: boot files hold it, and a boot makes nothing to do of it. */
import { takeBackApply, withLock } from '../../lib/apply';
import { type DesiredStack, type MarkRule, markRuleId } from '../../lib/model';
import { applyPlan, planStacks } from '../../lib/pipeline';
import { type Sim, type SimDirector, startSim } from '../../lib/sim';
import { createSshConnector, newNonce } from '../../lib/transport';
import { type Intent, wishOf } from '../../providers/terraform/directors/wish';
import { ledgers, live, MARKED, markRule, server, service } from '../plan/tables';

let sim: Sim;
let lb1: SimDirector;
beforeEach(async () => {
  sim = await startSim();
  lb1 = sim.directors[0]!;
});
afterEach(() => sim.close());

const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
const BY_HAND = 'iptables -t mangle -A PREROUTING -d 192.0.2.10 -p tcp -m multiport --dports 80 -j MARK --set-mark 12';
const BOOT_FILE = '/var/lib/lvsform/edge.boot';
const CHAIN = 'LVSFORM-edge';

interface Wish {
  persist?: boolean;
  marks?: MarkRule[];
}

function stackOf({ persist = true, marks = [markRule()] }: Wish): DesiredStack {
  const { name, host, port, user, identityFile, hostKey } = lb1;
  const services = [service(MARKED, [server('10.0.0.1', { port: 0 })])];
  return {
    stack: 'edge',
    directors: [
      {
        director: { name, host, port, user, identityFile, hostKey, agent: false, persist },
        table: { services, marks, timeouts: {}, daemons: [] },
        policies: {},
        sources: {},
      },
    ],
    gates: [],
  };
}

async function apply(wish: Wish = {}) {
  const open = await planStacks([stackOf(wish)], { connect });
  try {
    return (await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' } }))[0];
  } finally {
    await open.close();
  }
}

const run = (words: string, stdin?: string): void => {
  expect(lb1.exec(words.split(' '), stdin)).toMatchObject({ code: 0 });
};

/** What the unit does. */
function restore(): void {
  const lines = (word: string): string =>
    (lb1.files()[BOOT_FILE] ?? '')
      .split('\n')
      .flatMap((line) => (line.startsWith(`${word} `) ? [`${line.slice(word.length + 1)}\n`] : []))
      .join('');
  run('ipvsadm -R', lines('entry'));
  run('iptables-restore --noflush -w 10', lines('inet'));
  run(`iptables -w 10 -t mangle -A PREROUTING -j ${lines('jump-inet').trim()}`);
}

test('the boot file holds it, and our chain does not as long as nobody needs it there', async () => {
  run(BY_HAND);
  expect(await apply()).toMatchObject({ outcome: 'applied' });
  expect(lb1.marks()).not.toContain(CHAIN);
  expect(lb1.files()[BOOT_FILE]).toContain(`inet -A ${CHAIN} -d 192.0.2.10/32 -p tcp -m multiport --dports 80`);
  expect(await apply()).toMatchObject({ outcome: 'unchanged' });
  // Nothing keeps it there once nothing is persisted.
  expect(await apply({ persist: false })).toMatchObject({ outcome: 'applied' });
  expect(lb1.files()).not.toHaveProperty([BOOT_FILE]);
  expect(await apply({ persist: false })).toMatchObject({ outcome: 'unchanged' });
});

test.each([
  ['nobody saved the other rule', false],
  ['the other rule is back as well', true],
])('after a boot there is nothing to do: %s', async (_, saved) => {
  run(BY_HAND);
  await apply();
  lb1.reboot();
  if (saved) run(BY_HAND);
  restore();
  expect(lb1.marks().match(/--set-x?mark (?:12|0xc)/g)).toHaveLength(saved ? 2 : 1);
  expect(await apply()).toMatchObject({ outcome: 'unchanged' });
});

test('taken back, the boot file holds it again', async () => {
  run(BY_HAND);
  await apply();
  const before = lb1.files()[BOOT_FILE];
  const other = [markRule({ ports: ['8080'] })];
  expect(await apply({ marks: other })).toMatchObject({ outcome: 'applied' });
  expect(lb1.files()[BOOT_FILE]).not.toContain('--dports 80 ');
  const [wish] = stackOf({ marks: other }).directors;
  const access = { name: 'lb1', sudo: false, runner: await connect(wish!.director), nonce: newNonce };
  const lock = { stack: 'edge', author: { by: 'ada@test' } };
  await withLock(access, lock, ({ token }) => takeBackApply(access, { stack: 'edge', wish: wish!, token }));
  await access.runner.close();
  expect(lb1.files()[BOOT_FILE]).toBe(before);
});

test('under terraform, it stays declared while other resources are changed', () => {
  const rule = markRule();
  const { director } = stackOf({}).directors[0]!;
  const recorded = ledgers({ edge: [markRuleId(rule)] });
  const marksOf = (intents: Intent[]): MarkRule[] =>
    wishOf('edge', director, live({}, { otherMarks: [rule, rule], records: recorded }), intents).wish.table.marks;
  expect(marksOf([])).toEqual([rule]);
  expect(marksOf([{ drop: [], put: [{ on: 'mark', rule }] }])).toEqual([rule]);
  expect(marksOf([{ drop: [{ on: 'mark', rule }], put: [] }])).toEqual([]);
});
