/**
 * A plan of one director that finds nothing to do, from process start to exit. Baseline: what that can't do without:
 * `node` loading cdktf, which the program imports, and then one round trip of OpenSSH's client to the director.
 *
 *     npm run bench:start [-- rounds]
 *
 * Whole processes in turn. Needs sshd, and root or an account that sshd lets in.
 */
import { join } from 'node:path';
import { printFigures, ratioOf } from './support/compare';
import { directorTools, listings } from './support/director-tools';
import { writeFleetProject } from './support/fleet-project';
import { sshdMissing, startSshdFleet } from './support/sshd-fleet';
import { LVSFORM, measureProcesses, runProcess, type Times, timesOf } from './support/whole-process';

const ROUNDS = Number(process.argv[2] ?? 15);
const ROOT = join(__dirname, '..');

async function main(): Promise<void> {
  const missing = sshdMissing();
  if (missing !== undefined) throw new Error(`this bench needs ${missing}`);
  const fleet = await startSshdFleet(1, directorTools());
  try {
    writeFleetProject(fleet.folder, fleet.directors, listings.save);
    const plan = async (...more: string[]): Promise<Times> => {
      const command = [...LVSFORM, 'plan', '--ssh-config', fleet.sshConfig, '--detailed-exitcode', ...more] as const;
      const run = await runProcess(command, { cwd: fleet.folder });
      return timesOf('lvsform plan', run, run.stdout.includes('No changes on 1 director.'));
    };
    const node = async (script: string): Promise<Times> =>
      timesOf('node', await runProcess([process.execPath, '-e', script], { cwd: ROOT }), true);
    const ssh = async (): Promise<Times> =>
      timesOf('ssh', await runProcess(['ssh', '-F', fleet.sshConfig, 'lb1', 'true'], { cwd: ROOT }), true);

    const both = async (): Promise<Times> => {
      const [first, second] = [await node("require('cdktf')"), await ssh()];
      return { wallMs: first.wallMs + second.wallMs, cpuMs: first.cpuMs + second.cpuMs };
    };

    const { wall, cpu } = await measureProcesses(
      [
        { name: 'lvsform plan, running the program', run: () => plan() },
        { name: 'lvsform plan --from cdktf.out', run: () => plan('--from', 'cdktf.out') },
        { name: "node -e require('cdktf'), then ssh", run: both },
        { name: 'the first of that alone', run: () => node("require('cdktf')") },
        { name: 'node -e 0', run: () => node('0') },
      ],
      { rounds: ROUNDS, warmUps: 2 },
    );
    for (const [what, all, goal] of [
      ['time on the wall', wall, 1.5],
      ['CPU time here', cpu, undefined],
    ] as const) {
      const [program, from, baseline] = all;
      printFigures(`A plan of one director with nothing to do, from process start, ${what}`, all, ROUNDS);
      console.log(`  ${ratioOf(program!, baseline!, goal)}`);
      console.log(`  with --from: ${ratioOf(from!, baseline!)}`);
    }
  } finally {
    await fleet.close();
  }
}

void main();
