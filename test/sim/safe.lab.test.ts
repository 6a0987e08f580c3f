/**
 * The scripts of a safe apply on a simulated director and on a real one with dash, flock and coreutils: the same input
 * has to give the same words, the same tables and the same files. Where they differ the lab is right.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { LISTINGS } from '../../lib/dialect/undo-program';
import { RECORDS_FOLDER } from '../../lib/model';
import { type Sim, startSim } from '../../lib/sim';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { settled } from '../lab/listing';
import { ipvsadm, type Login, restore, SafeClient } from './safe-client';

const ADA = 'aaaaaaaaaaaaaaaa';
const BOB = 'bbbbbbbbbbbbbbbb';

/** A director of either kind, as somebody sees it who is there. */
interface Place {
  login: Login;
  exec(...argv: string[]): Promise<string>;
  files(): Promise<Record<string, string>>;
  /** Takes all the room there is. */
  fillDisk(): Promise<void>;
}

type Scenario = (place: Place, tell: (what: unknown) => void) => Promise<void>;

const web = ipvsadm('-A -t 192.0.2.1:80 -s wrr');
const rs1 = ipvsadm('-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 3 -x 9 -y 3');
const mark = restore('-A LVSFORM-edge -d 192.0.2.1/32 -j MARK --set-xmark 0x7/0xffffffff');
const fwm6 = ipvsadm('-A -f 7 -6 -s rr');
const rs6 = ipvsadm('-a -f 7 -6 -r [2001:db8::1]:0 -g -w 1 -x 0 -y 0');
const timeouts = ipvsadm('--set 800 100 200');
const daemon = ipvsadm('--start-daemon master --mcast-interface lo --syncid 3');
const all = { commands: [web, rs1, fwm6, rs6, mark, timeouts, daemon], undo: [ipvsadm('--stop-daemon master'), ipvsadm('--set 900 120 300'), restore(), ipvsadm('-d -f 7 -6 -r [2001:db8::1]:0'), ipvsadm('-D -f 7 -6'), ipvsadm('-d -t 192.0.2.1:80 -r 10.0.0.1:80'), ipvsadm('-D -t 192.0.2.1:80')] }; // prettier-ignore

/** The last line of listings. */
const WHOLE = /^@@0 end$/m;

/** What a process id or a clock decides. */
function comparable([path, text]: [string, string]): [string, string] {
  if (path.endsWith('/watching')) return [path, 'PID'];
  if (/\/(?:before|after)$/.test(path)) return [path, listingsIn(text)];
  return [path, text.replace(/^(\w+) \d{10} /, '$1 TIME ')];
}

/** The listings of the table among what a director noted. */
function listingsIn(text: string): string {
  const parts = text.split(/^@@[0-9a-f]+ /m).map((part) => part.split('\n'));
  return parts
    .filter(([name = '']) => [...LISTINGS, 'end'].includes(name))
    .flatMap(([name, ...lines]) => [`@@ ${name}`, ...lines.filter((line) => !/^(?:#|$)/.test(line)).sort()])
    .map((line) => line.replace(/\[\d+:\d+\]/, ''))
    .join('\n');
}

async function tellAll(place: Place, tell: (what: unknown) => void): Promise<void> {
  tell(Object.fromEntries(Object.entries(await place.files()).map(comparable)));
  tell(await settled(() => place.exec('ipvsadm', '-Sn')));
  tell(await settled(() => place.exec('ipvsadm', '-Ln', '--thresholds')));
  tell(await place.exec('ipvsadm', '-L', '--timeout'));
  tell(await place.exec('ipvsadm', '-L', '--daemon'));
  tell((await place.exec('iptables-save', '-t', 'mangle')).replace(/^#.*\n|\[\d+:\d+\]/gm, ''));
}

/** Until a file is there that says this. */
async function until(place: Place, name: string, words: RegExp, record = 'edge'): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (words.test((await place.files())[`${RECORDS_FOLDER}/${record}.undo/${name}`] ?? '')) return;
    await wait(100);
  }
  throw new Error(`${name} never says ${String(words)}; there are ${Object.keys(await place.files()).join(', ')}`);
}

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'an apply that is confirmed, and rolled back by hand': async (place, tell) => {
    const client = await SafeClient.connect(place.login);
    const { said, conversation } = await client.lock(ADA);
    tell([said, conversation.complaint(), await client.locks()]);
    const other = await SafeClient.connect(place.login);
    tell((await other.lock(BOB)).said);
    tell([await other.guard({ token: BOB, commands: [web] }), await other.confirm(BOB), await other.rollback(BOB)]);
    tell(await client.guard({ token: ADA, seconds: 600, ...all }));
    await until(place, 'after', WHOLE);
    await tellAll(place, tell);
    tell(await other.confirm(ADA, { entries: ['tcp/192.0.2.1:80'] }));
    await tellAll(place, tell);
    tell([await client.rollback(ADA, 'edge', BOB), await client.rollback(ADA, 'none', ADA)].map(timeless));
    tell([await client.rollback(ADA, 'edge', ADA), await client.rollback(ADA), await client.rollback(ADA, 'none')].map(timeless)); // prettier-ignore
    const marked = (mark: number) => ({ by: 'fwmark', mark, family: 'inet' }) as const;
    for (const n of [1, 3]) {
      await place.exec('ipvsadm', '-A', '-f', String(n));
      await place.exec('ipvsadm', '-a', '-f', String(n), '-r', '10.0.0.1');
    }
    tell(await client.drain([marked(1), marked(2), marked(3)]));
    await conversation.close();
    await conversation.ended;
    tell(await client.locks());
    await tellAll(place, tell);
    await other.close();
    await client.close();
  },
  'a client that dies, and what its undo is refused': async (place, tell) => {
    const client = await SafeClient.connect(place.login);
    await client.lock(ADA);
    // Two that are there already, and two that never were and need no undo.
    const undo = [web, fwm6, ...all.undo, ipvsadm('-D -f 98'), ipvsadm('-D -f 99')];
    tell(await client.guard({ token: ADA, seconds: 600, ...all, undo }));
    await until(place, 'after', WHOLE);
    await client.close();
    await until(place, 'status', /^undone/);
    await tellAll(place, tell);
    const next = await SafeClient.connect(place.login);
    const { said, conversation } = await next.lock(BOB);
    tell([said, await next.confirm(BOB, null)]);
    await conversation.close();
    await tellAll(place, tell);
    await next.close();
  },
  'a batch that is refused, and entries that somebody else changes before it is undone': async (place, tell) => {
    const client = await SafeClient.connect(place.login);
    const { conversation } = await client.lock(ADA);
    const commands = [...all.commands, ipvsadm('-D -f 99'), ipvsadm('-A -f 50')];
    tell(await client.guard({ token: ADA, ...all, commands }));
    await until(place, 'after', WHOLE);
    await place.exec('ipvsadm', ...'-e -f 7 -6 -r [2001:db8::1]:0 -g -w 1 -x 5'.split(' '));
    await place.exec('ipvsadm', '--set', '700', '0', '0');
    await place.exec('ipvsadm', '-A', '-f', '1');
    tell(timeless(await client.rollback(ADA)));
    tell(timeless(await client.confirm(ADA)));
    await tellAll(place, tell);
    // The next apply takes the place of its undo, and is not confirmed at all.
    tell(await client.guard({ token: ADA, seconds: 1, commands: [ipvsadm('-A -f 51')], undo: [ipvsadm('-D -f 51')] }));
    await until(place, 'status', /^undone/);
    tell(timeless(await client.confirm(ADA)));
    await conversation.close();
    await tellAll(place, tell);
    await client.close();
  },
  'a batch that is refused before its mark rules are swapped': async (place, tell) => {
    const client = await SafeClient.connect(place.login);
    const { conversation } = await client.lock(ADA);
    const jump = '-A PREROUTING -j LVSFORM-edge';
    const jumped = restore(jump, '-A LVSFORM-edge -j MARK --set-xmark 0x1/0xffffffff');
    const notJumped = restore(jump.replace('-A', '-D'));
    tell(await client.guard({ token: ADA, commands: [web, jumped], undo: [notJumped], record: 'first' }));
    const commands = [rs1, ipvsadm('-D -f 99'), notJumped];
    tell(await client.guard({ token: ADA, commands, undo: [jumped, ipvsadm('-d -t 192.0.2.1:80 -r 10.0.0.1:80')] }));
    await until(place, 'after', WHOLE);
    await until(place, 'after', WHOLE, 'first');
    tell(timeless(await client.rollback(ADA)));
    await conversation.close();
    await tellAll(place, tell);
    await client.close();
  },
  'the table as it was read under the lock': async (place, tell) => {
    const client = await SafeClient.connect(place.login);
    const { conversation } = await client.lock(ADA);
    tell(await client.guard({ token: ADA, commands: [web], undo: [] }));
    await until(place, 'after', WHOLE);
    await client.read(ADA);
    tell(Object.keys(await place.files()).sort());
    // It is neither as it was read nor as it was left: whether it needs an undo is told by how it was read.
    const { realServer, other } = { realServer: rs1, other: ipvsadm('-a -t 192.0.2.1:80 -r 10.0.0.2:80 -g -w 1') };
    await place.exec('ipvsadm', ...other.args);
    tell(await client.guard({ token: ADA, record: 'second', commands: [realServer], undo: [ipvsadm('-d -t 192.0.2.1:80 -r 10.0.0.2:80'), ipvsadm('-d -t 192.0.2.1:80 -r 10.0.0.1:80')] })); // prettier-ignore
    await until(place, 'after', WHOLE, 'second');
    // Another stack's apply under the same lock finds none any more.
    tell(await client.guard({ token: ADA, record: 'third', commands: [timeouts], undo: [] }));
    await until(place, 'after', WHOLE, 'third');
    tell(timeless(await client.rollback(ADA, 'second')));
    await client.read(ADA);
    // What somebody was changing meanwhile is not what was read.
    const busy = client.guard({ token: ADA, record: 'busy', commands: [daemon], pauseSeconds: 3 });
    await until(place, 'status', /^placed/, 'busy');
    tell(await client.guard({ token: ADA, record: 'fourth', commands: [timeouts], undo: [] }));
    tell(await busy);
    await until(place, 'after', WHOLE, 'fourth');
    const noted = Object.entries(await place.files()).filter(([path]) => path.endsWith('/before'));
    tell(noted.map(([path, text]) => [path, text.startsWith('@@0 ') ? 'listed' : 'as read']).sort());
    await conversation.close();
    await tellAll(place, tell);
    await client.close();
  },
  'an undo that is refused and run again, and mark rules that stay together with their service': async (
    place,
    tell,
  ) => {
    const client = await SafeClient.connect(place.login);
    const { conversation } = await client.lock(ADA);
    // The kernel has no such scheduler.
    const commands = [web, ipvsadm('-A -f 50')];
    tell(
      await client.guard({ token: ADA, commands, undo: [ipvsadm('-E -t 192.0.2.1:80 -s twos'), ipvsadm('-D -f 50')] }),
    );
    await until(place, 'after', WHOLE);
    tell(timeless(await client.rollback(ADA)));
    tell(timeless(await client.confirm(ADA)));
    await tellAll(place, tell);
    await place.exec('ipvsadm', '-D', '-t', '192.0.2.1:80');
    tell(timeless(await client.rollback(ADA)));
    const steered = {
      commands: [ipvsadm('-A -f 7 -s rr'), ipvsadm('-a -f 7 -r 10.0.0.1:0 -g -w 1 -x 0 -y 0'), mark],
      undo: [restore(), ipvsadm('-d -f 7 -r 10.0.0.1:0'), ipvsadm('-D -f 7')],
    };
    tell(await client.guard({ token: ADA, record: 'steered', ...steered }));
    await until(place, 'after', WHOLE, 'steered');
    await place.exec('iptables', ...'-t mangle -A LVSFORM-edge -d 192.0.2.2/32 -j MARK --set-xmark 7'.split(' '));
    tell(timeless(await client.rollback(ADA, 'steered')));
    await conversation.close();
    await tellAll(place, tell);
    await client.close();
  },
  'an undo that is over once an apply without one is recorded': async (place, tell) => {
    const client = await SafeClient.connect(place.login);
    const { conversation } = await client.lock(ADA);
    tell(await client.guard({ token: ADA, ...all }));
    await until(place, 'after', WHOLE);
    tell(await client.confirm(ADA));
    await conversation.close();
    await conversation.ended;
    const next = await client.lock(BOB);
    tell([next.said, await client.confirm(BOB, { entries: [] }, 'none', true), await client.confirm(BOB)]);
    await tellAll(place, tell);
    tell(await client.confirm(BOB, { entries: ['applied'] }, 'edge', true));
    tell([await client.rollback(BOB, 'edge', ADA), await client.rollback(BOB)].map(timeless));
    await next.conversation.close();
    await tellAll(place, tell);
    await client.close();
  },
  'a disk that is full': async (place, tell) => {
    const client = await SafeClient.connect(place.login);
    await client.lock(ADA);
    tell(await client.guard({ token: ADA, seconds: 600, commands: [web], undo: [ipvsadm('-D -t 192.0.2.1:80')] }));
    await until(place, 'after', WHOLE);
    await place.fillDisk();
    tell(await client.confirm(ADA));
    await client.close();
    await until(place, 'status', /^undone/);
    await tellAll(place, tell);
  },
};

const timeless = (said: { word: string; rest: string } | undefined) =>
  said && { ...said, rest: said.rest.replace(/^(\w+) \d{10} /, '$1 TIME ') };

function simulated(sim: Sim): Place {
  const director = sim.directors[0]!;
  return {
    login: director,
    exec: (...argv) => Promise.resolve(director.exec(argv).stdout),
    files: () => Promise.resolve(director.files()),
    // It fills up by itself, see diskFull.
    fillDisk: () => Promise.resolve(),
  };
}

async function real(director: LabDirector, user: 'root' | 'lvsform'): Promise<Place> {
  await director.ok(['mount', '-t', 'tmpfs', '-o', `size=256k,mode=0755,uid=${user === 'root' ? 0 : 1000}`, 'none', RECORDS_FOLDER]); // prettier-ignore
  const { name, host, port, identityFile, hostKey } = director;
  const filler = `${RECORDS_FOLDER}/filler`;
  return {
    login: { name, host, port, user, identityFile, hostKey },
    exec: (...argv) => director.ok(argv),
    files: async () => {
      const each = `for f in $(find ${RECORDS_FOLDER} -type f ! -name filler); do echo "$f"; base64 -w 0 "$f"; echo; done`;
      const lines = (await director.ok(['sh', '-c', each])).split('\n');
      const files: Record<string, string> = {};
      for (let i = 0; i + 1 < lines.length; i += 2) files[lines[i] ?? ''] = Buffer.from(lines[i + 1] ?? '', 'base64').toString(); // prettier-ignore
      return files;
    },
    fillDisk: async () => {
      await director.exec(['sh', '-c', `cat /dev/zero >${filler}`]);
    },
  };
}

/** What a scenario tells on a simulated and on a real director. */
async function tellTwice(lab: Lab, name: string, user: 'root' | 'lvsform'): Promise<unknown[][]> {
  const director = await lab.director();
  const sim = await startSim({
    permission: user === 'root' ? 'root' : 'sudo',
    interfaces: { lo: 65536 },
    // From the ledger on: the holder, eight files of the undo that have something in them, the sign that it watches and how the table was left.
    ...(name.includes('disk') ? { diskFull: 12 } : {}),
  });
  try {
    const places = [simulated(sim), await real(director, user)];
    return await Promise.all(
      places.map(async (place) => {
        const story: unknown[] = [];
        await SCENARIOS[name]?.(place, (what) => story.push(what));
        return story;
      }),
    );
  } finally {
    await sim.close();
    await director.release();
  }
}

describeLab('a safe apply', () => {
  const users = Object.keys(SCENARIOS).map((name, i) => [name, i % 2 === 0 ? 'root' : 'lvsform'] as const);
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab.close());

  // None of them depends on how fast the lab is, and it may be very slow.
  test.each(users)(
    '%s, as %s',
    async (name, user) => {
      const [inSim = [], inLab] = await tellTwice(lab, name, user);
      expect(inSim.length).toBeGreaterThan(6);
      expect(inSim).toEqual(inLab);
    },
    900_000,
  );
});
