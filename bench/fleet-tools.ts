/**
 * A plan over 50 directors beside what one would use without lvsform to just read their tables: OpenSSH's client started
 * by xargs, and Debian's ansible. All of them are measured as whole processes, in turn, against the same 50 sshds on
 * loopback, with the same key, the same known_hosts, and no connection kept from one run to the next.
 *
 *     npm run bench:tools [-- directors [rounds]]
 *
 * The plan reads everything there is (thirteen listings; the others read one), compares it with the program, and has to
 * come to the right answer every time. Needs sshd, and root or an account that sshd lets in.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plan } from '../lib/model';
import { printFigures, ratioOf } from './support/compare';
import { directorTools, listings } from './support/director-tools';
import { writeFleetProject } from './support/fleet-project';
import { type SshdFleet, sshdMissing, startSshdFleet } from './support/sshd-fleet';
import { LVSFORM, measureProcesses, type ProcessContestant, runProcess, timesOf } from './support/whole-process';

const DIRECTORS = Number(process.argv[2] ?? 50);
const ROUNDS = Number(process.argv[3] ?? 7);
const RULES = listings.save.trimEnd().split('\n').length;

function lvsform(fleet: SshdFleet, name: string, ...more: string[]): ProcessContestant {
  const command = [...LVSFORM, 'plan', '--ssh-config', fleet.sshConfig, '--detailed-exitcode', ...more] as const;
  return {
    name,
    run: async () => {
      const run = await runProcess(command, { cwd: fleet.folder });
      return timesOf(name, run, run.stdout.includes(`No changes on ${DIRECTORS} directors.`));
    },
  };
}

function openSsh(fleet: SshdFleet, name: string, ...options: string[]): ProcessContestant {
  const ssh = ['ssh', '-F', fleet.sshConfig, ...options, '{}', 'ipvsadm', '-Sn'];
  return {
    name,
    run: async () => {
      const stdin = `${fleet.directors.join('\n')}\n`;
      const run = await runProcess(['xargs', `-P${DIRECTORS}`, '-I{}', ...ssh], { cwd: fleet.folder, stdin });
      return timesOf(name, run, run.stdout.length === listings.save.length * DIRECTORS);
    },
  };
}

function ansible(fleet: SshdFleet, name: string): ProcessContestant {
  const inventory = join(fleet.folder, 'inventory');
  writeFileSync(inventory, `${fleet.directors.join('\n')}\n`);
  // Ours takes the place of the arguments that would have ansible keep a connection per host for the next run.
  const config = `[defaults]\nhost_key_checking = True\n[ssh_connection]\nssh_args = -F ${fleet.sshConfig}\n`;
  writeFileSync(join(fleet.folder, 'ansible.cfg'), config);
  const env = { ANSIBLE_CONFIG: join(fleet.folder, 'ansible.cfg'), HOME: join(fleet.folder, 'home') };
  const command = ['ansible', '-i', inventory, '-f', `${DIRECTORS}`, '-m', 'raw', '-a', 'ipvsadm -Sn', 'all'] as const;
  return {
    name,
    run: async () => {
      const run = await runProcess(command, { cwd: fleet.folder, env });
      const lines = run.stdout.split('\n');
      const isRight =
        lines.filter((line) => line.includes(' rc=0 ')).length === DIRECTORS &&
        lines.filter((line) => /^-[Aa] /.test(line)).length === DIRECTORS * RULES;
      return timesOf(name, run, isRight);
    },
  };
}

/** That nothing changes was the answer because it was so: with a weight and a threshold changed everywhere, it is not. */
async function checkThatPlansLook(fleet: SshdFleet): Promise<void> {
  const save = listings.save.replace('-w 0', '-w 7');
  const thresholds = listings.thresholds.replace(/(-> \S+ +)0 (?=.*\n$)/, '$15 ');
  fleet.setTools(directorTools({ save, thresholds }));
  const command = [...LVSFORM, 'plan', '--from', 'cdktf.out', '--ssh-config', fleet.sshConfig] as const;
  const run = await runProcess([...command, '--detailed-exitcode', '--format', 'json'], { cwd: fleet.folder });
  const { summary } = JSON.parse(run.stdout) as Plan;
  if (run.code !== 2 || summary.update !== 2 * DIRECTORS || summary.create + summary.delete + summary.unreachable > 0)
    throw new Error(`the plan of changed directors is wrong: ${run.code} ${JSON.stringify(summary)}`);
  console.log(
    `  A weight and a threshold changed on every director: the plan has ${summary.update} updates, as it must.`,
  );
}

async function main(): Promise<void> {
  const missing = sshdMissing();
  if (missing !== undefined) throw new Error(`this bench needs ${missing}`);
  const ansibleSays = spawnSync('ansible', ['--version'], { encoding: 'utf8' });
  const version = ansibleSays.status === 0 ? ansibleSays.stdout.split('\n')[0] : undefined;

  const fleet = await startSshdFleet(DIRECTORS, directorTools());
  try {
    writeFleetProject(fleet.folder, fleet.directors, listings.save);
    const subjects = [
      lvsform(fleet, 'lvsform plan, running the program'),
      lvsform(fleet, 'lvsform plan --from cdktf.out', '--from', 'cdktf.out'),
    ];
    const baselines = [
      openSsh(fleet, `xargs -P${DIRECTORS} ssh … ipvsadm -Sn`),
      openSsh(fleet, 'the same, key exchange as ours', '-o', 'KexAlgorithms=curve25519-sha256'),
      ...(version === undefined ? [] : [ansible(fleet, `ansible -f ${DIRECTORS} -m raw`)]),
    ];
    const { wall, cpu } = await measureProcesses([...subjects, ...baselines], { rounds: ROUNDS, warmUps: 1 });
    for (const [what, all, goal] of [
      ['time on the wall', wall, 1],
      ['CPU time here', cpu, undefined],
    ] as const) {
      printFigures(`${DIRECTORS} directors with ${RULES} rules each behind OpenSSH's sshd, ${what}`, all, ROUNDS);
      for (const subject of all.slice(0, subjects.length))
        for (const baseline of all.slice(subjects.length))
          console.log(`  ${subject.name} / ${baseline.name}: ${ratioOf(subject, baseline, goal)}`);
    }
    if (version === undefined)
      console.log('  !! WITHOUT ANSIBLE, which is not installed: apt-get install ansible-core, and run this again');
    else console.log(`  ${version}`);
    await checkThatPlansLook(fleet);
  } finally {
    await fleet.close();
  }
}

void main();
