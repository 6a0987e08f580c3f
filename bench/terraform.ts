/**
 * 1,000 virtual services on one director of the kernel lab in one `terraform apply`, with this provider, against the way
 * without one: `null_resource` with a `remote-exec` provisioner that runs ipvsadm on the same kind of director.
 *
 * Of the other way 20 are run, at terraform's own parallelism and at ours, and the quicker one counts. It is scaled up by
 * what terraform needs for as many `null_resource` that do nothing: ms per service = (20 with remote-exec - 20 without) / 20
 * + 1,000 without / 1,000.
 *
 * The state is kept behind terraform's `http` backend, as a team would keep it, and once more in a local file, which
 * terraform writes as a whole after every resource. hashicorp/null is stood in for by the tests' own.
 */
import { readFileSync } from 'node:fs';
import { type Lab, type LabDirector, startLab } from '../test/lab/lab';
import { installNull, providerBlock, Workspace } from '../test/terraform/support';
import { wallMs } from './support/compare';
import { startStateStore, type StateStore } from './support/state-store';

const SERVICES = Number(process.argv[2] ?? 1000);
/** As docs/index.md advises. */
const PARALLELISM = Number(process.argv[3] ?? 1024);
const USUAL_PARALLELISM = 10;
const BASELINE = 20;
const GOAL = 20;

type Where = 'http' | 'file';

interface Apply {
  /** `main.tf.json`, and what else there is. */
  files: Record<string, string | object>;
  where: Where;
  parallelism: number;
  /** How many resources there shall be. */
  count: number;
}

let states: StateStore;
let runs = 0;

/** One apply in a folder of its own. @returns its time on the wall, and what the provider wrote about its calls */
async function apply({ files, where, parallelism, count }: Apply): Promise<{ ms: number; log: string }> {
  runs += 1;
  const workspace = new Workspace({ ...files, ...(where === 'http' ? { 'backend.tf.json': states.backend(`run${runs}`) } : {}) }); // prettier-ignore
  try {
    installNull(workspace);
    await workspace.init();
    const log = workspace.file('provider.log');
    const env = { TF_LOG_PROVIDER: 'TRACE', TF_LOG_PATH: log };
    let said = { code: -1, output: '' };
    const ms = await wallMs(async () => {
      said = await workspace.run(['apply', '-auto-approve', '-input=false', '-no-color', `-parallelism=${parallelism}`], undefined, env); // prettier-ignore
    });
    if (!said.output.includes(`Resources: ${count} added`)) throw new Error(`not everything was made:\n${said.output}`);
    return { ms, log: readFileSync(log, 'utf8') };
  } finally {
    workspace.remove();
  }
}

/** Written as the other way is, with `count`: what terraform needs for a resource depends on it. */
const services = (count: number): object => ({
  resource: {
    ipvs_virtual_service: {
      s: {
        count,
        director: 'lb1',
        protocol: 'tcp',
        address: '192.0.${2 + floor(count.index / 256)}.${count.index % 256}',
        port: 80,
        real_servers: { a: { address: '10.0.0.1' }, b: { address: '10.0.0.2', weight: 3 } },
      },
    },
  },
});

/** What each way makes on a director is looked at, too. */
async function onDirector<T>(lab: Lab, count: number, work: (director: LabDirector) => Promise<T>): Promise<T> {
  const director = await lab.director();
  try {
    const result = await work(director);
    const rules = (await director.ok(['ipvsadm', '-Sn'])).trimEnd().split('\n').length;
    if (rules !== 3 * count) throw new Error(`${rules} rules on the director instead of ${3 * count}`);
    return result;
  } finally {
    await director.release();
  }
}

const withProvider = (lab: Lab, where: Where, count: number) =>
  onDirector(lab, count, ({ host, port, user, identityFile, hostKey }) =>
    apply({
      files: {
        'provider.tf.json': providerBlock([{ name: 'lb1', host, port, user, identityFile, hostKey }]),
        'main.tf.json': services(count),
      },
      where,
      parallelism: PARALLELISM,
      count,
    }),
  );

const nothing = (count: number): object => ({
  resource: { null_resource: { s: { count, triggers: { address: '192.0.2.${count.index}' } } } },
});

const remoteExec = ({ host, port, user, identityFile }: LabDirector): object => ({
  resource: {
    null_resource: {
      s: {
        count: BASELINE,
        triggers: { address: '192.0.2.${count.index}' },
        connection: { host, port, user, private_key: readFileSync(identityFile, 'utf8') },
        provisioner: {
          'remote-exec': {
            inline: [
              'ipvsadm -A -t ${self.triggers.address}:80 -s wlc',
              'ipvsadm -a -t ${self.triggers.address}:80 -r 10.0.0.1:80 -g -w 1',
              'ipvsadm -a -t ${self.triggers.address}:80 -r 10.0.0.2:80 -g -w 3',
            ],
          },
        },
      },
    },
  },
});

async function withNullResources(count: number, where: Where): Promise<number> {
  const files = { 'main.tf.json': nothing(count) };
  return (await apply({ files, where, parallelism: PARALLELISM, count })).ms;
}

/** The quicker of two. */
async function withRemoteExec(lab: Lab, where: Where): Promise<{ ms: number; parallelism: number }> {
  const results = [];
  for (const parallelism of [USUAL_PARALLELISM, PARALLELISM])
    results.push({
      parallelism,
      ...(await onDirector(lab, BASELINE, (director) =>
        apply({ files: { 'main.tf.json': remoteExec(director) }, where, parallelism, count: BASELINE }),
      )),
    });
  return results.reduce((best, one) => (one.ms < best.ms ? one : best));
}

interface Inside {
  /** Time during which at least one call was with the provider. */
  busyMs: number;
  /** What the calls took by name. */
  calls: Map<string, { count: number; ms: number }>;
}

/** From the lines the provider writes about each call. */
function timeInside(log: string): Inside {
  const calls: Inside['calls'] = new Map();
  const spans: [number, number][] = [];
  for (const [, method = '', began = '', took = ''] of log.matchAll(/rpc (\w+) began_ms=([\d.]+) took_ms=([\d.]+)/g)) {
    const call = calls.get(method) ?? { count: 0, ms: 0 };
    calls.set(method, { count: call.count + 1, ms: call.ms + Number(took) });
    spans.push([Number(began), Number(began) + Number(took)]);
  }
  let [busyMs, until] = [0, 0];
  for (const [from, to] of spans.sort(([a], [b]) => a - b)) {
    busyMs += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return { busyMs, calls };
}

async function compareWith(lab: Lab, where: Where): Promise<void> {
  const [few, many] = [await withNullResources(BASELINE, where), await withNullResources(SERVICES, where)];
  const executed = await withRemoteExec(lab, where);
  const baseline = (executed.ms - few) / BASELINE + many / SERVICES;
  const { ms, log } = await withProvider(lab, where, SERVICES);
  const { busyMs, calls } = timeInside(log);
  const slowest = [...calls].sort(([, a], [, b]) => b.ms - a.ms).slice(0, 3);
  const row = (name: string, all: number, each: number): string =>
    `  ${name.padEnd(28)} ${all.toFixed(0).padStart(7)} ms  ${each.toFixed(1).padStart(6)} ms per service`;
  console.log(
    [
      `State ${where === 'http' ? 'behind the http backend' : 'in a local file'}`,
      `${row('null_resource, remote-exec', executed.ms, baseline)}, for ${BASELINE} at -parallelism=${executed.parallelism}`,
      `  ${''.padEnd(28)} of which terraform itself ${(many / SERVICES).toFixed(1)}, measured with ${SERVICES} that do nothing`,
      `${row('lvsform', ms, ms / SERVICES)}, for ${SERVICES} at -parallelism=${PARALLELISM}`,
      `    a call was with the provider for ${busyMs.toFixed(0)} ms, ${((100 * busyMs) / ms).toFixed(0)} % of the run`,
      ...slowest.map(
        ([name, call]) => `    ${name}: ${call.count} calls, ${(call.ms / call.count).toFixed(1)} ms each`,
      ),
      `  RATIO ${(baseline / (ms / SERVICES)).toFixed(1)} times as fast per service, goal at least ${GOAL}`,
    ].join('\n'),
  );
}

async function main(): Promise<void> {
  const lab = await startLab();
  states = await startStateStore();
  try {
    console.log(`One terraform apply of ${SERVICES} virtual services with two real servers each, on a director of the kernel lab`); // prettier-ignore
    // What an emulated machine's first logins cost is not what this is about.
    await withRemoteExec(lab, 'http');
    await withProvider(lab, 'http', BASELINE);
    for (const where of ['http', 'file'] as const) await compareWith(lab, where);
  } finally {
    states.close();
    await lab.close();
  }
}

void main();
