/**
 * Plan and apply over 1,000 simulated directors with 50 services each, every service new, behind real SSH: a canary wave
 * of 1 %, then the rest. Prints time, the most memory this process ever took, and the most directors in flight.
 *
 *     npx tsx bench/fleet-rollout.ts [directors] [services] [at once]
 */
import { type DesiredStack, resolveRollout, RolloutSettings, sortTable } from '../lib/model';
import { parseSave } from '../lib/dialect';
import { applyPlan, DEFAULT_PARALLELISM, planStacks } from '../lib/pipeline';
import { createSshConnector } from '../lib/transport';
import { type FleetDirector, startFleet } from './support/sim-process';

const DIRECTORS = Number(process.argv[2] ?? 1000);
const SERVICES = Number(process.argv[3] ?? 50);
const PARALLELISM = Number(process.argv[4] ?? DEFAULT_PARALLELISM);
const MEMORY_GOAL_MB = 500;

const rules = Array.from(
  { length: SERVICES },
  (_, i) => `-A -t 192.0.2.1:${8000 + i} -s wrr\n-a -t 192.0.2.1:${8000 + i} -r 10.0.0.1:${8000 + i} -g -w 1\n`,
).join('');

function stackOf(directors: readonly FleetDirector[]): DesiredStack {
  const table = sortTable({ services: parseSave(rules), marks: [], timeouts: {}, daemons: [] });
  const wishes = directors.map((director) => ({ director, table, policies: {}, sources: {} }));
  const waves = [
    { directors: directors.slice(0, Math.ceil(DIRECTORS / 100)).map(({ name }) => name) },
    { batch: '100%' },
  ];
  const { rollout, issues } = resolveRollout('bench', RolloutSettings.parse({ waves, minServing: '50%' }), directors);
  if (issues.length > 0) throw new Error(JSON.stringify(issues));
  return { stack: 'bench', directors: wishes, gates: [], rollouts: [rollout] };
}

const seconds = (since: number): string => ((performance.now() - since) / 1000).toFixed(1);

const mem = (what: string) => { (globalThis as any).gc(); (globalThis as any).gc(); const m = process.memoryUsage(); console.log(what.padEnd(14), Object.entries(m).map(([k, v]) => `${k} ${(v / 1048576).toFixed(1)}`).join('  '), 'maxRSS', (process.resourceUsage().maxRSS/1024).toFixed(0)); };
async function main(): Promise<void> {
  const fleet = await startFleet(DIRECTORS, '');
  try {
    const connect = createSshConnector({ env: { HOME: '/nonexistent' }, connectTimeoutMs: 60_000 });
    mem('start');
    const planning = performance.now();
    const open = await planStacks([stackOf(fleet.directors)], { connect, parallelism: PARALLELISM });
    mem('planned');
    if (process.argv[5]) require('node:v8').writeHeapSnapshot(process.argv[5]);
    const { summary } = open.plan;
    if (summary.create !== DIRECTORS * SERVICES * 2) throw new Error(JSON.stringify(open.plan.directors.find((one) => 'error' in one) ?? summary)); // prettier-ignore
    console.log(`plan of ${DIRECTORS} directors × ${SERVICES} services: ${seconds(planning)} s`);
    const applying = performance.now();
    let [flying, most] = [0, 0];
    const reports = await applyPlan(
      open,
      { tool: 'bench', author: { by: 'bench' }, confirmSeconds: 0 },
      {
        onFleet: ({ kind }) => (most = Math.max(most, kind === 'begun' ? ++flying : flying)),
        onDirector: () => void (flying -= 1),
      },
    );
    mem('applied');
    await open.close();
    mem('closed');
    const bad = reports.filter(({ outcome }) => outcome !== 'applied');
    if (bad.length > 0 || reports.length !== DIRECTORS) throw new Error(`${bad.length} not applied: ${String(bad[0]?.error)}`); // prettier-ignore
    const memoryMb = process.resourceUsage().maxRSS / 1024;
    console.log(`apply, a wave of 1 % and the rest: ${seconds(applying)} s`);
    console.log(`in flight at most ${most} of ${PARALLELISM} allowed`);
    console.log(`memory at most ${memoryMb.toFixed(0)} MB, goal below ${MEMORY_GOAL_MB}`);
    if (most > PARALLELISM || memoryMb >= MEMORY_GOAL_MB) process.exitCode = 1;
  } finally {
    await fleet.close();
  }
}

void main();
