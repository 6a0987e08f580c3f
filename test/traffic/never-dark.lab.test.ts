/**
 * Never dark: clients open new connections all the time while the engine applies random edits. Every edit leaves at
 * least one active real server, so every request has to be answered.
 *
 * Two things are the kernel's and not the order's:
 * - `-E` with another scheduler leaves the service without any for a moment (ip_vs_ctl.c, ip_vs_edit_service);
 * - a server that becomes gatewaying in place, or ceases to be, has connections that can't use its route (see changesRoute).
 */
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import { type DirectorAccess, executeSteps } from '../../lib/apply';
import { type DirectorTable, type LiveDirector, type Step } from '../../lib/model';
import { connectSsh, newNonce } from '../../lib/transport';
import { describeLab, type Lab, type LabDirector, type ProbeResult, startLab } from '../lab/lab';
import { SEED } from '../support/seed';
import { readLive, stepsTo } from '../support/steps';
import { acquaint } from './acquaint';
import { editedSites, FIRST_SITES, type Site, tableOf, urlsOf } from './sites';
import { changesRoute, isServing, quiesced } from './transition';

const EDITS_AT_ONCE = 12;
const EDITS_QUIESCED_FIRST = 6;
/** Below those that the clients' kernel chooses. */
const FIRST_PORT = 10_000;
/**
 * One probe; there is one for every port of every site. On a busy machine the emulated real servers are slow to answer:
 * then a probe waits with its next request rather than drown them, and waits longer for an answer. What is dark
 * refuses, or does not accept. More at a time would be no more a second, and each would take so long that it is still
 * under way when the engine, which waits a second, removes what it led away from.
 */
const PROBE = { everyMs: 20, overlap: 4, timeoutMs: 4000, patienceMs: 20_000 };
/** How long the wrong order leaves the sites without real servers: no probe is so slow that it misses it. */
const DARK_MS = 3000;
/** Longer than any request takes that was under way when its server was quiesced. */
const QUIET_MS = 2000;

/**
 * - A connection whose server is gone is forgotten with its next packet.
 * - Persistence sends clients also to a quiesced server.
 * - A director tells only a few clients a second that nobody serves them; the others would try again after a second,
 *   and not notice that it was dark.
 */
const SYSCTLS = [
  'net.ipv4.vs.expire_nodest_conn=1',
  'net.ipv4.vs.expire_quiescent_template=1',
  'net.ipv4.icmp_ratelimit=0',
  'net.ipv6.icmp.ratelimit=0',
];

describeLab('new connections while tables change', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await startLab();
  }, 900_000);
  afterAll(() => lab.close());

  test(`${EDITS_AT_ONCE} random edits: no request fails`, async () => {
    const bench = await Bench.open(lab, 'nft');
    const watched = await bench.watch(() => walk(EDITS_AT_ONCE, bench, allowedAtOnce, (_, after) => [after]));
    report('edits applied at once', watched);
    expect(failuresIn(watched)).toEqual([]);
    await bench.close();
  }, 900_000);

  test(`${EDITS_QUIESCED_FIRST} random edits, what leaves being quiesced before: no request fails`, async () => {
    const bench = await Bench.open(lab, 'legacy');
    const watched = await bench.watch(() =>
      walk(EDITS_QUIESCED_FIRST, bench, allowedQuiesced, (before, after) => [quiesced(before, after), after]),
    );
    report('edits with what leaves quiesced first', watched);
    expect(failuresIn(watched)).toEqual([]);
    await bench.close();
  }, 900_000);

  test('the same steps in another order are seen by the clients', async () => {
    const bench = await Bench.open(lab, 'nft');
    const [first, second, marked] = FIRST_SITES.map((site) => ({ ...site, pool: site.pool.slice(0, 1) }));
    const moved = (site: Site): Site => ({ ...site, pool: site.pool.map((one) => ({ ...one, port: 8080 })) });
    if (first === undefined || second === undefined || marked === undefined) throw new Error('no sites');
    await bench.apply(tableOf([first, second, marked]));
    const after = tableOf([moved(first), moved(second), { ...marked, mark: 13 }]);
    const watched = await bench.watch(() => bench.apply(after, removeFirst));
    report('what goes is removed before anything is built', watched);
    // Every one of them would have failed the tests above.
    expect(watched.map(({ failed }) => failed > 0)).toEqual(watched.map(() => true));
    await bench.close();
  }, 900_000);
});

/** What a probe of one port of a site saw. */
type Watched = ProbeResult & { url: string };

/** A director with its clients, and its table as last read: nothing else changes it. */
class Bench {
  private constructor(
    readonly director: LabDirector,
    private readonly access: DirectorAccess,
    private live: LiveDirector,
  ) {}

  static async open(lab: Lab, iptables: 'nft' | 'legacy'): Promise<Bench> {
    const director = await lab.director({ iptables });
    await director.ok(['sysctl', '-w', ...SYSCTLS]);
    const { name, host, port, user, identityFile, hostKey } = director;
    const runner = await connectSsh({ name, host, port, user, identityFile, hostKey });
    const access = { name, sudo: false, runner, nonce: newNonce };
    const bench = new Bench(director, access, await readLive(access));
    await bench.apply(tableOf(FIRST_SITES));
    await acquaint(director);
    // The first packets take longer than those after them.
    for (const url of FIRST_SITES.flatMap(urlsOf)) await director.client.get(url, 4, PROBE);
    return bench;
  }

  /** The engine's plan, carried out by the engine, in its own order unless the test has another one. */
  async apply(table: DirectorTable, inTurns: (steps: Step[]) => Step[][] = (steps) => [steps]): Promise<void> {
    const turns = inTurns(stepsTo(table, this.live));
    for (const turn of turns) {
      expect(await executeSteps(turn, this.access)).toBeUndefined();
      if (turns.length > 1) await wait(DARK_MS);
    }
    this.live = await readLive(this.access);
    expect(stepsTo(table, this.live)).toEqual([]);
  }

  /** Clients at every port of every site, one probe each, while something is done. */
  async watch(what: () => Promise<void>): Promise<Watched[]> {
    const urls = FIRST_SITES.flatMap(urlsOf);
    const { client } = this.director;
    const probes = await Promise.all(
      urls.map((url, at) => {
        // Masqueraded to one port of one server, two ports of a VIP must not be asked from the same port of one client.
        const from = (url.includes('[') ? client.addresses6 : client.addresses)[at];
        if (from === undefined) throw new RangeError('not enough addresses');
        // And the kernel remembers a connection, and how it was forwarded, for minutes: nobody may come with its port.
        return client.probe({ url, ...PROBE, from, firstPort: FIRST_PORT });
      }),
    );
    try {
      await what();
    } finally {
      await Promise.all(probes.map((probe) => probe.stop()));
    }
    return Promise.all(probes.map(async ({ done }, at) => ({ url: urls[at] ?? '', ...(await done) })));
  }

  async close(): Promise<void> {
    await this.access.runner.close();
    await this.director.release();
  }
}

/** Random edits, one after the other; each is applied as the tables `route` gives for it. */
async function walk(
  edits: number,
  bench: Bench,
  allowed: (before: Site, after: Site) => boolean,
  route: (before: DirectorTable, after: DirectorTable) => DirectorTable[],
): Promise<void> {
  let sites: readonly Site[] = FIRST_SITES;
  for (let edit = 0; edit < edits; edit++) {
    const [next = sites] = fc.sample(editedSites(sites, allowed), { numRuns: 1, seed: SEED + edit });
    const tables = route(tableOf(sites), tableOf(next));
    for (const [at, table] of tables.entries()) {
      if (at > 0) await wait(QUIET_MS);
      await bench.apply(table);
    }
    sites = next;
  }
}

function allowedAtOnce(before: Site, after: Site): boolean {
  const [was, is] = [tableOf([before]), tableOf([after])];
  return !was.services
    .flatMap(({ realServers }) => realServers)
    .some((server) =>
      is.services
        .flatMap(({ realServers }) => realServers)
        .some((other) => server.address === other.address && server.port === other.port && changesRoute(server, other)),
    );
}

function allowedQuiesced(before: Site, after: Site): boolean {
  return isServing(quiesced(tableOf([before]), tableOf([after])));
}

/** In two executions: however quick the director is, the time between them is dark for longer than a probe's pace. */
function removeFirst(steps: Step[]): Step[][] {
  const removals = steps.filter(({ phase }) => phase === 'remove');
  return [removals, steps.filter(({ phase, verb }) => phase !== 'remove' && verb !== 'quiesce-server')];
}

/** What failed, and where. */
const failuresIn = (watched: readonly Watched[]): object[] =>
  watched.flatMap(({ url, failures }) => failures.map((failure) => ({ url, ...failure })));

function report(what: string, watched: readonly ProbeResult[]): void {
  const all = watched.flatMap(({ failures }) => failures);
  const attempts = watched.reduce((sum, result) => sum + result.attempts, 0);
  const cut = all.filter(({ accepted }) => accepted).length;
  console.log(`${what} (seed ${SEED}): ${attempts} connections, ${all.length - cut} refused, ${cut} cut later`);
}
