/**
 * Plan over 200 directors behind real SSH on loopback, each with 100 rules, none of which change. Baseline: nothing but
 * ssh2: as many connections at once, the host key compared, the same script executed, its output thrown away.
 */
import { readFileSync } from 'node:fs';
import { type AnyAuthMethod, Client, type ParsedKey, utils } from 'ssh2';
import { fetchScript, parseSave } from '../lib/dialect';
import type { DesiredStack } from '../lib/model';
import { DEFAULT_PARALLELISM, planStacks } from '../lib/pipeline';
import { createSshConnector, newNonce } from '../lib/transport';
import { listBigTable } from './support/big-table';
import { compare, cpuMs, printComparison, wallMs } from './support/compare';
import { type FleetDirector, startFleet } from './support/sim-process';

const DIRECTORS = Number(process.argv[2] ?? 200);
const PARALLELISM = Number(process.argv[3] ?? DEFAULT_PARALLELISM);
const ROUNDS = 5;

const rules = listBigTable(5, 19).save;

function stackOf(directors: readonly FleetDirector[]): DesiredStack {
  const table = { services: parseSave(rules), marks: [], timeouts: {}, daemons: [] };
  const wishes = directors.map((director) => ({ director, table, policies: {}, sources: {} }));
  return { stack: 'bench', directors: wishes, gates: [] };
}

/** As one process of the product does it: a new connector, so nothing is remembered between rounds. */
async function planWithProduct(directors: readonly FleetDirector[]): Promise<void> {
  const connect = createSshConnector({ env: { HOME: '/nonexistent' } });
  const open = await planStacks([stackOf(directors)], { connect, parallelism: PARALLELISM });
  await open.close();
  const { summary } = open.plan;
  if (summary.unreachable + summary.create + summary.update + summary.delete > 0)
    throw new Error(JSON.stringify(open.plan, null, 1).slice(0, 2000));
}

async function fanOut(directors: readonly FleetDirector[]): Promise<void> {
  const [first] = directors;
  const key = first && utils.parseKey(readFileSync(first.identityFile));
  if (key === undefined || key instanceof Error) throw new Error('no key to log in with');
  const queue = [...directors];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await execBare(next, key);
  };
  await Promise.all(Array.from({ length: PARALLELISM }, worker));
}

function execBare(director: FleetDirector, key: ParsedKey): Promise<void> {
  const { host, port, user: username } = director;
  const attempts: AnyAuthMethod[] = [{ type: 'publickey', username, key }];
  const hostKey = Buffer.from(director.hostKey.split(' ')[1] ?? '', 'base64');
  return new Promise((resolve, reject) => {
    const client = new Client();
    client
      .once('ready', () => {
        client.setNoDelay(true);
        client.exec(fetchScript({ nonce: newNonce(), sudo: false }), (error, channel) => {
          if (error) { reject(error); return; }
          channel.stderr.resume();
          channel.on('close', () => client.end()).resume();
          channel.end();
        });
      })
      .once('close', () => { resolve(); })
      .once('error', reject)
      .connect({
        host, port, username,
        authHandler: () => attempts.shift() ?? false,
        hostVerifier: (presented: Buffer) => presented.equals(hostKey),
      }); // prettier-ignore
  });
}

async function main(): Promise<void> {
  const fleet = await startFleet(DIRECTORS, rules);
  try {
    for (const [what, measure, goal] of [
      ['time on the wall', wallMs, 1.3],
      ['CPU time here', cpuMs, undefined],
    ] as const) {
      const comparison = await compare(
        { name: 'lvsform plan', run: () => measure(() => planWithProduct(fleet.directors)) },
        { name: 'bare ssh2 fan-out', run: () => measure(() => fanOut(fleet.directors)) },
        { rounds: ROUNDS, warmUps: 1 },
      );
      printComparison(`Plan over ${DIRECTORS} directors, ${PARALLELISM} at once, ${what}`, comparison, goal);
    }
  } finally {
    await fleet.close();
  }
}

void main();
