/** A safe apply on a simulated director, script by script over SSH, and everything that may cut it short. */
import { setTimeout as wait } from 'node:timers/promises';
import { type MachineOptions, type Sim, type SimDirector, startSim } from '../../lib/sim';
import { readingName } from '../../lib/dialect/script';
import { RECORDS_FOLDER, recordName } from '../../lib/model';
import { ipvsadm, restore, SafeClient } from './safe-client';

const ADA = 'aaaaaaaaaaaaaaaa';
const BOB = 'bbbbbbbbbbbbbbbb';
/** A second of these directors. Client and director share one process, which may be kept waiting for some tenths of a real one. */
const SECOND_MS = 100;

const BEFORE = '-A -f 1 -s wlc\n-a -f 1 -r 10.0.0.1:0 -g -w 1\n';
const apply = [ipvsadm('-A -t 192.0.2.1:80 -s wrr'), ipvsadm('-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3 -x 9 -y 3')];
const undo = [ipvsadm('-D -t 192.0.2.1:80')];
const AFTER = '-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3\n';
const DONE = [
  { code: 0, stderr: '' },
  { code: 0, stderr: '' },
];

let sim: Sim | undefined;
let clients: SafeClient[] = [];

afterEach(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await sim?.close();
  [sim, clients] = [undefined, []];
});

async function start(options: MachineOptions = {}): Promise<SimDirector> {
  sim = await startSim({ rules: { lb1: BEFORE }, secondMs: SECOND_MS, ...options });
  return sim.directors[0]!;
}

async function connect(director: SimDirector): Promise<SafeClient> {
  const client = await SafeClient.connect(director);
  clients.push(client);
  return client;
}

const lock = async (client: SafeClient, token = ADA, beats = true) =>
  client.lock(token, { beats, secondMs: SECOND_MS });

/** A client that holds the lock. */
async function holding(director: SimDirector, token = ADA): Promise<SafeClient> {
  const client = await connect(director);
  expect((await lock(client, token)).said).toEqual({ word: 'locked', rest: '' });
  return client;
}

const status = (director: SimDirector): string | undefined => director.files()[`${RECORDS_FOLDER}/edge.undo/status`];

/** Waits for the director to have put itself back, or whatever the status is to say. */
async function until(director: SimDirector, words: RegExp): Promise<string> {
  for (let waited = 0; waited < 5000; waited += 10) {
    const found = status(director);
    if (found !== undefined && words.test(found)) return found;
    await wait(10);
  }
  throw new Error(`the status is still ${status(director)}`);
}

describe('the lock', () => {
  test('is held by one, who is named to others, until it is given back', async () => {
    const director = await start();
    const ada = await connect(director);
    const held = await lock(ada);
    expect(held.said).toEqual({ word: 'locked', rest: '' });
    const bob = await connect(director);
    const refused = { word: 'held', rest: expect.stringContaining(ADA) as string };
    expect(await bob.locks()).toEqual(refused);
    expect((await lock(bob, BOB)).said).toEqual(refused);
    await held.conversation.close();
    expect(await bob.locks()).toEqual({ word: 'free', rest: '' });
    expect((await lock(bob, BOB)).said?.word).toBe('locked');
  });

  test('is free as soon as its holder is gone', async () => {
    const director = await start();
    const ada = await holding(director);
    await ada.close();
    expect((await lock(await connect(director), BOB)).said?.word).toBe('locked');
  });

  test('is free when its holder gives no sign of life', async () => {
    const director = await start();
    const ada = await connect(director);
    const { conversation } = await lock(ada, ADA, false);
    const started = Date.now();
    await conversation.ended;
    expect(Date.now() - started).toBeGreaterThan(7 * SECOND_MS);
    expect(await ada.locks()).toEqual({ word: 'free', rest: '' });
    expect(await ada.guard({ token: ADA, commands: apply })).toEqual({ word: 'lost', rest: '' });
    expect(director.rules()).toBe(BEFORE);
  });

  test('takes with it what was read under it, and no record of a stack, whatever that is called', async () => {
    const director = await start();
    const ada = await connect(director);
    const { conversation } = await lock(ada);
    const stacks = ['reading-dc1', 'reading@dc1', 'holder', 'holder.new', 'journal', 'lock', 'work'];
    for (const stack of stacks) {
      await ada.guard({ token: ADA, commands: [], record: recordName(stack) });
      await ada.confirm(ADA, { entries: [] }, recordName(stack));
    }
    await ada.read(ADA);
    expect(Object.keys(director.files())).toContain(`${RECORDS_FOLDER}/${readingName(ADA)}`);
    const before = Object.keys(director.files()).filter((path) => /\.(?:json|undo\/.*)$/.test(path));
    expect(before.filter((path) => path.endsWith('.json'))).toHaveLength(stacks.length);
    await conversation.close();
    expect(await ada.locks()).toEqual({ word: 'free', rest: '' });
    const kept = ['journal', 'lock', 'work'].map((name) => `${RECORDS_FOLDER}/${name}`);
    expect(Object.keys(director.files()).sort()).toEqual([...before, ...kept].sort());
  });

  test('needs a folder, which a login without rights can’t make', async () => {
    const director = await start({ permission: 'sudo', recordsFolder: 'missing' });
    const ada = await connect(director);
    expect((await lock(ada)).said).toEqual({ word: 'no-folder', rest: 'ops' });
    expect(await ada.locks()).toEqual({ word: 'free', rest: '' });
  });

  test('of somebody else keeps one from changing anything', async () => {
    const director = await start();
    await holding(director);
    const bob = await connect(director);
    expect(await bob.guard({ token: BOB, commands: apply })).toEqual({ word: 'lost', rest: '' });
    expect(await bob.confirm(BOB)).toEqual({ word: 'lost', rest: '' });
    expect(await bob.rollback(BOB)).toEqual({ word: 'lost', rest: '' });
    expect(director.rules()).toBe(BEFORE);
  });
});

describe('the dead man’s switch', () => {
  test.each(['root', 'sudo'] as const)('is disarmed by a confirmation (%s)', async (permission) => {
    const director = await start({ permission });
    const ada = await holding(director);
    expect(await ada.guard({ token: ADA, seconds: 20, commands: apply, undo })).toEqual(DONE);
    expect(status(director)).toMatch(/^armed \d+ aaaaaaaaaaaaaaaa\n$/);
    expect(await ada.confirm(ADA, { entries: ['tcp/192.0.2.1:80'] })).toEqual({ word: 'confirmed', rest: '' });
    await wait(24 * SECOND_MS);
    expect(director.rules()).toBe(AFTER + BEFORE);
    expect(status(director)).toMatch(/^confirmed /);
    expect(director.files()).toMatchObject({
      [`${RECORDS_FOLDER}/edge.json`]: '{"entries":["tcp/192.0.2.1:80"]}\n',
      [`${RECORDS_FOLDER}/journal`]: '{"did":"apply"}\n',
    });
  });

  test('is not needed for what sudo says of a director that can’t resolve its own name', async () => {
    const director = await start({ permission: 'sudo', ownName: 'unresolved' });
    const ada = await holding(director);
    const outcomes = await ada.guard({ token: ADA, seconds: 20, commands: apply, undo });
    const remark = 'sudo: unable to resolve host (none): Name or service not known';
    expect(outcomes).toEqual([{ code: 0, stderr: remark }, { code: 0, stderr: remark }]); // prettier-ignore
    expect(director.rules()).toBe(AFTER + BEFORE);
  });

  test('fires when nobody confirms', async () => {
    const director = await start();
    const ada = await holding(director);
    await ada.guard({ token: ADA, seconds: 4, commands: [...apply, restore('-A LVSFORM-edge -j MARK --set-mark 1')], undo: [restore(), ...undo] }); // prettier-ignore
    expect(await until(director, /undone/)).toMatch(/^undone \d+ aaaaaaaaaaaaaaaa not confirmed within 4 s\n$/);
    expect(director.rules()).toBe(BEFORE);
    expect(director.marks()).not.toContain('MARK');
    const said = await ada.confirm(ADA);
    expect(said).toEqual({ word: 'undone', rest: status(director)?.trim() });
    expect(Object.keys(director.files())).not.toContain(`${RECORDS_FOLDER}/edge.json`);
  });

  test('fires early when the client dies', async () => {
    const director = await start();
    const ada = await holding(director);
    await ada.guard({ token: ADA, seconds: 100, commands: apply, undo });
    await ada.close();
    expect(await until(director, /undone/)).toContain('the apply died before it was confirmed');
    expect(director.rules()).toBe(BEFORE);
  });

  test('fires when the connection is cut in the middle of the batch', async () => {
    const director = await start({ dropAfter: 1 });
    const ada = await holding(director);
    await expect(ada.guard({ token: ADA, seconds: 100, commands: apply, undo })).rejects.toThrow('was lost');
    expect(director.rules()).toBe(`-A -t 192.0.2.1:80 -s wrr\n${BEFORE}`);
    await until(director, /^undone/);
    expect(director.rules()).toBe(BEFORE);
    expect(await (await connect(director)).locks()).toEqual({ word: 'free', rest: '' });
  });

  test('fires when the network falls silent, after the batch was run to its end', async () => {
    const director = await start({ silentAfter: 1, secondMs: 400 });
    const ada = await holding(director);
    const guarded = ada.guard({ token: ADA, seconds: 100, commands: apply, undo, timeoutMs: 200 });
    await expect(guarded).rejects.toThrow('did not end within');
    expect(director.rules()).toBe(AFTER + BEFORE);
    const bob = await connect(director);
    expect((await lock(bob, BOB)).said?.word).toBe('held');
    expect(await until(director, /undone/)).toContain('the apply died before it was confirmed');
    expect(director.rules()).toBe(BEFORE);
    expect((await lock(bob, BOB)).said?.word).toBe('locked');
  });

  test('is not waited for by the next holder: what was left armed is undone first', async () => {
    const director = await start({ secondMs: 500 });
    const ada = await connect(director);
    await lock(ada, ADA, false);
    await ada.guard({ token: ADA, seconds: 100, commands: apply, undo });
    await ada.close();
    const bob = await connect(director);
    expect((await lock(bob, BOB, false)).said?.word).toBe('locked');
    expect(status(director)).toMatch(/^undone \d+ aaaaaaaaaaaaaaaa the apply was never confirmed\n$/);
    expect(director.rules()).toBe(BEFORE);
  });

  test('is not fired twice; what the undo was refused is told, and done when asked for', async () => {
    const director = await start({ refuseNth: 3 });
    const ada = await holding(director);
    await ada.guard({ token: ADA, seconds: 2, commands: apply, undo });
    const first = await until(director, /stuck/);
    expect(first).toContain(
      'not confirmed within 2 s; said: Memory allocation problem; still to do: -D -t 192.0.2.1:80\n',
    );
    await wait(4 * SECOND_MS);
    expect(status(director)).toBe(first);
    expect(director.rules()).toBe(AFTER + BEFORE);
    const second = await ada.rollback(ADA);
    expect(second?.rest).toMatch(/^undone \d+ aaaaaaaaaaaaaaaa asked for$/);
    expect(await ada.rollback(ADA)).toEqual({ ...second, word: 'already' });
    expect(director.rules()).toBe(BEFORE);
  });
});

describe('the undo leaves alone', () => {
  test.each([
    ['a touched service', '-E -t 192.0.2.1:80 -s lc', '-t 192.0.2.1:80', '-A -t 192.0.2.1:80 -s lc\n'],
    [
      'the thresholds of a touched server',
      '-e -t 192.0.2.1:80 -r 10.0.0.1 -g -w 3 -x 8',
      'pool thresholds -t 192.0.2.1:80',
      '-A -t 192.0.2.1:80 -s wrr\n',
    ],
    [
      'a service that got another server',
      '-a -t 192.0.2.1:80 -r 10.0.0.9 -g',
      'pool -t 192.0.2.1:80',
      '-A -t 192.0.2.1:80 -s wrr\n',
    ],
  ])('%s that somebody else has changed since', async (_what, command, key, kept) => {
    const director = await start();
    const ada = await holding(director);
    const mine = [...apply, ipvsadm('-A -f 2')];
    const takeBack = [ipvsadm('-D -f 2'), ipvsadm('-d -t 192.0.2.1:80 -r 10.0.0.1:80'), ipvsadm('-D -t 192.0.2.1:80')];
    await ada.guard({ token: ADA, commands: mine, undo: takeBack });
    expect(director.exec(['ipvsadm', ...command.split(' ')]).code).toBe(0);
    const said = await ada.rollback(ADA);
    expect(said?.word).toBe('done');
    expect(said?.rest).toMatch(/^partly \d+ aaaaaaaaaaaaaaaa asked for; somebody else changed: /);
    expect(said?.rest).toContain(`${key};`);
    expect(director.rules()).toContain(kept);
    expect(director.rules()).not.toContain('-f 2');
  });

  test('nothing, when only what it does not touch was changed', async () => {
    const director = await start();
    const ada = await holding(director);
    await ada.guard({ token: ADA, commands: apply, undo });
    director.exec(['ipvsadm', '-E', '-f', '1', '-s', 'rr']);
    expect((await ada.rollback(ADA))?.rest).toMatch(/^undone \d+ aaaaaaaaaaaaaaaa asked for$/);
    expect(director.rules()).toBe(BEFORE.replace('wlc', 'rr'));
  });
});

test('a swap of mark rules that was not come to is not taken back', async () => {
  const director = await start();
  const ada = await holding(director);
  const rule = (mark: string): string => `-A LVSFORM-edge -j MARK --set-xmark ${mark}/0xffffffff`;
  const jump = '-A PREROUTING -j LVSFORM-edge';
  await ada.guard({ token: ADA, commands: [restore(jump, rule('0x1'))], undo: [], record: 'first' });
  const before = director.exec(['iptables-save', '-t', 'mangle']).stdout;
  // Its undo would put in the jump that the swap was to take out.
  const commands = [ipvsadm('-D -f 99'), restore(jump.replace('-A', '-D'), rule('0x2'))];
  const said = await ada.guard({ token: ADA, commands, undo: [restore(jump, rule('0x1'))] });
  expect(said).toMatchObject([{ code: 255 }]);
  expect((await ada.rollback(ADA))?.rest).toMatch(/^undone \d+ aaaaaaaaaaaaaaaa asked for$/);
  expect(director.exec(['iptables-save', '-t', 'mangle']).stdout.replace(/^#.*$/gm, '')).toBe(
    before.replace(/^#.*$/gm, ''),
  );
});

test('a stack without an undo has nothing to roll back, and each stack has its own', async () => {
  const director = await start();
  const ada = await holding(director);
  expect(await ada.rollback(ADA)).toEqual({ word: 'nothing', rest: '' });
  await ada.guard({ token: ADA, commands: apply, undo, record: 'other' });
  expect(await ada.rollback(ADA)).toEqual({ word: 'nothing', rest: '' });
  expect((await ada.rollback(ADA, 'other'))?.word).toBe('done');
  expect(director.rules()).toBe(BEFORE);
});

test('an apply is only taken back by who means that one, where he says so', async () => {
  const director = await start();
  const ada = await holding(director);
  await ada.guard({ token: ADA, commands: apply, undo });
  expect(await ada.rollback(ADA, 'edge', BOB)).toEqual({ word: 'other', rest: status(director)?.trim() });
  expect(director.rules()).toBe(AFTER + BEFORE);
  expect((await ada.rollback(ADA, 'edge', ADA))?.word).toBe('done');
  expect(director.rules()).toBe(BEFORE);
  expect((await ada.rollback(ADA, 'edge', BOB))?.word).toBe('other');
});

test('an undo is over once an apply without one is recorded, and only then', async () => {
  const director = await start();
  const held = await connect(director);
  const { conversation } = await lock(held);
  await held.guard({ token: ADA, commands: apply, undo });
  await conversation.close();
  const bob = await holding(director, BOB);
  // Something else that is recorded is no apply; and what was recorded is not for the undo to take back.
  expect((await bob.confirm(BOB, { entries: ['adopted'] }))?.word).toBe('confirmed');
  expect(status(director)).toMatch(/^placed \d+ aaaaaaaaaaaaaaaa\n$/);
  expect((await bob.confirm(BOB, { entries: ['applied'] }, 'edge', true))?.word).toBe('confirmed');
  expect(status(director)).toMatch(/^superseded \d+ aaaaaaaaaaaaaaaa the last apply changed nothing of the table\n$/);
  const over = status(director)?.trim();
  expect(await bob.rollback(BOB)).toEqual({ word: 'already', rest: over });
  expect(await bob.rollback(BOB, 'edge', ADA)).toEqual({ word: 'other', rest: over });
  expect(director.rules()).toBe(AFTER + BEFORE);
  expect(director.files()[`${RECORDS_FOLDER}/edge.json`]).toContain('applied');
});

test.each(['root', 'sudo'] as const)(
  'connections of services, also of those after one that is gone (%s)',
  async (permission) => {
    const director = await start({ permission });
    director.setConnections('10.0.0.1:0', { active: 3, inactive: 4 });
    const key = (mark: number) => ({ by: 'fwmark', mark, family: 'inet' }) as const;
    const counts = await (await connect(director)).drain([key(99), key(1)]);
    expect(counts).toEqual({ 'fwm/1': { '10.0.0.1:0': { active: 3, inactive: 4 } } });
  },
);

test('a removed ledger, and a journal of 500 lines', async () => {
  const director = await start();
  const ada = await holding(director);
  for (let i = 0; i < 502; i++) await ada.confirm(ADA, i === 0 ? { entries: [] } : null);
  expect(Object.keys(director.files())).not.toContain(`${RECORDS_FOLDER}/edge.json`);
  expect(director.files()[`${RECORDS_FOLDER}/journal`]?.split('\n')).toHaveLength(501);
});

describe('a full disk', () => {
  test('is found before anything is locked or changed', async () => {
    const director = await start({ diskFull: true });
    expect((await lock(await connect(director))).said).toEqual({ word: 'no-room', rest: 'holder' });
    expect(Object.keys(director.files())).toEqual([`${RECORDS_FOLDER}/lock`, `${RECORDS_FOLDER}/work`]);
  });

  test('keeps the undo from being placed, and so the batch from being begun', async () => {
    const director = await start({ diskFull: 4 });
    const ada = await holding(director);
    expect(await ada.guard({ token: ADA, seconds: 4, commands: apply, undo })).toEqual({ word: 'no-room', rest: 'undo' }); // prettier-ignore
    expect(director.rules()).toBe(BEFORE);
    expect(status(director)).toBeUndefined();
  });

  test('under the ledger: the director puts itself back', async () => {
    // The holder, eight files of the undo that have something in them, the sign that it watches, how the table was left.
    const director = await start({ diskFull: 12 });
    const ada = await holding(director);
    expect(await ada.guard({ token: ADA, seconds: 20, commands: apply, undo })).toEqual(DONE);
    expect(await ada.confirm(ADA)).toEqual({ word: 'no-room', rest: 'ledger' });
    expect(await until(director, /undone/)).toContain('not confirmed within 20 s');
    expect(director.rules()).toBe(BEFORE);
    expect(Object.keys(director.files()).filter((path) => /json|spare|new/.test(path))).toEqual([]);
  });
});

test('a reboot leaves the files, and nothing that runs', async () => {
  const director = await start();
  const ada = await holding(director);
  await ada.guard({ token: ADA, seconds: 20, commands: apply, undo });
  const files = director.files();
  director.reboot();
  expect(director.rules()).toBe('');
  await wait(24 * SECOND_MS);
  expect(director.files()).toEqual(files);
  expect(status(director)).toMatch(/^armed /);
  const bob = await connect(director);
  expect(await bob.locks()).toEqual({ word: 'free', rest: '' });
  // The next holder finds the orphan. What it had put in is gone with the table: that is as it was before.
  expect((await lock(bob, BOB)).said?.word).toBe('locked');
  expect(status(director)).toMatch(/^undone /);
  expect(director.rules()).toBe('');
});
