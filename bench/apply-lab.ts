/**
 * Apply of 1,000 services with 10 real servers each on a real kernel, in the lab (test/lab), from nothing. The product
 * connects, reads the empty table, plans, sends the commands, and reads the table back to verify it. Baseline: OpenSSH's
 * client feeding the same commands to one `ipvsadm -R`, connecting included, verifying nothing.
 *
 * Every run gets a fresh director: the kernel is slower for minutes after a table was cleared.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DesiredStack, Director, DirectorTable, VirtualService } from '../lib/model';
import { applyPlan, planStacks } from '../lib/pipeline';
import { type Connect, createSshConnector } from '../lib/transport';
import { type LabDirector, type Lab, startLab } from '../test/lab/lab';
import { compare, printComparison, wallMs } from './support/compare';

const SERVICES = 1000;
const SERVERS_EACH = 10;
const ROUNDS = Number(process.argv[2] ?? 3);

function desiredTable(): DirectorTable {
  const services = Array.from({ length: SERVICES }, (_, i): VirtualService => ({
    key: { by: 'address', protocol: 'tcp', address: `10.1.${i >> 8}.${i & 255}`, port: 80 },
    scheduler: 'wrr',
    schedulerFlags: [],
    persistence: null,
    persistenceEngine: null,
    onePacket: false,
    realServers: Array.from({ length: SERVERS_EACH }, (_unused, j) => ({
      address: `10.2.${i >> 8}.${j + 1}`,
      port: 80,
      forwarding: 'gatewaying' as const,
      tunnel: null,
      weight: 1 + (j % 3),
      upperThreshold: 0,
      lowerThreshold: 0,
    })),
  }));
  return { services, marks: [], daemons: [], timeouts: { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 } };
}

const table = desiredTable();
const folder = mkdtempSync(join(tmpdir(), 'lvsform-bench-'));
process.once('exit', () => {
  rmSync(folder, { recursive: true, force: true });
});

const asDirector = ({ name, host, port, user, identityFile, hostKey }: LabDirector): Director => ({
  name, host, port, user, identityFile, hostKey, agent: false,
}); // prettier-ignore

const wishFor = (director: LabDirector): DesiredStack => ({
  stack: 'bench',
  directors: [{ director: asDirector(director), table, policies: {}, sources: {} }],
  gates: [],
});

/** How long each remote execution took, in the order they ran, for the breakdown. */
const laps: { what: string; ms: number }[] = [];

/** What an apply runs, over both its connections. */
const EXECUTIONS = ['read', 'read under lock', 'execute', 'read to verify', 'record'];
/** Those of this apply that are to come. */
let ahead: string[] = [];

function lapped(connect: Connect<Director>): Connect<Director> {
  const lap = async <T>(what: string, work: Promise<T>): Promise<T> => {
    const before = performance.now();
    const result = await work;
    laps.push({ what, ms: performance.now() - before });
    return result;
  };
  return async (director) => {
    const runner = await lap('connect', connect(director));
    return { ...runner, run: (script, options) => lap(ahead.shift() ?? 'more', runner.run(script, options)) };
  };
}

async function applyWithProduct(director: LabDirector): Promise<void> {
  ahead = [...EXECUTIONS];
  const connect = lapped(createSshConnector({ env: { HOME: folder } }));
  const open = await planStacks([wishFor(director)], { connect });
  const reports = await applyPlan(open, { tool: 'bench', author: { by: 'bench' }, confirmSeconds: 0 });
  await open.close();
  if (reports.some(({ outcome }) => outcome !== 'applied')) throw new Error(JSON.stringify(open.plan.summary), { cause: reports[0]?.error }); // prettier-ignore
}

/** The very commands of the product's plan, in a file. */
async function writeCommands(director: LabDirector): Promise<string> {
  const open = await planStacks([wishFor(director)], { connect: createSshConnector({ env: { HOME: folder } }) });
  await open.close();
  const commands = open.plan.directors.flatMap((plan) => ('steps' in plan ? plan.steps : [])).map(({ command }) => command.args.join(' ')); // prettier-ignore
  const file = join(folder, 'commands');
  writeFileSync(file, `${commands.join('\n')}\n`);
  return file;
}

function applyWithOpenSsh(director: LabDirector, commands: string): void {
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `${director.knownHosts}\n`);
  const options = [`UserKnownHostsFile=${knownHosts}`, 'GlobalKnownHostsFile=/dev/null', 'BatchMode=yes'];
  execFileSync(
    'ssh',
    [
      ...['-F', 'none', ...options.flatMap((option) => ['-o', option])],
      ...['-i', director.identityFile, '-p', String(director.port), `${director.user}@${director.host}`],
      'ipvsadm -R',
    ],
    { stdio: [openSync(commands, 'r'), 'ignore', 'inherit'] },
  );
}

async function onFreshDirector(lab: Lab, work: (director: LabDirector) => unknown): Promise<number> {
  const director = await lab.director();
  // What an emulated machine's first login costs is not what this is about.
  await director.ok(['ipvsadm', '-Sn']);
  const ms = await wallMs(() => work(director));
  const rules = (await director.ok(['ipvsadm', '-Sn'])).trimEnd().split('\n').length;
  if (rules !== SERVICES * (1 + SERVERS_EACH)) throw new Error(`${director.name} has ${rules} rules`);
  await director.release();
  return ms;
}

async function main(): Promise<void> {
  const lab = await startLab({ directors: 4 });
  try {
    const first = await lab.director();
    const commands = await writeCommands(first);
    await first.release();
    laps.length = 0;
    const comparison = await compare(
      { name: 'lvsform: read, plan, apply, verify', run: () => onFreshDirector(lab, applyWithProduct) },
      {
        name: 'ssh director ipvsadm -R < file',
        run: () =>
          onFreshDirector(lab, (director) => {
            applyWithOpenSsh(director, commands);
          }),
      },
      { rounds: ROUNDS, warmUps: 0 },
    );
    printComparison(`Apply of ${SERVICES} services with ${SERVERS_EACH} real servers each, time on the wall, ${lab.state.acceleration}`, comparison, 1.3); // prettier-ignore
    console.log('  of which the director and the way to it:');
    for (const what of new Set(laps.map((lap) => lap.what))) {
      const times = laps.filter((lap) => lap.what === what).map(({ ms }) => ms);
      console.log(
        `  ${what.padEnd(16)} ${Math.min(...times)
          .toFixed(0)
          .padStart(7)}`,
      );
    }
  } finally {
    await lab.close();
  }
}

void main();
