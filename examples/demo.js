'use strict';
// The main job from end to end, on simulated directors behind real SSH on loopback: what a user types, and what it prints.
const { spawn, spawnSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

const lvsform = join(__dirname, '..', 'bin', 'lvsform');
const folder = mkdtempSync(join(tmpdir(), 'lvsform-demo-'));
const project = join(folder, 'demo');
const env = { ...process.env, LVSFORM_SSH_CONFIG: '.lvsform-sim/ssh_config' };

/** Types one command and shows what it prints; its exit code has to be the expected one. */
function type(args, { cwd = project, expected = 0 } = {}) {
  console.log(`\n$ lvsform ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [lvsform, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== expected) throw new Error(`lvsform ${args.join(' ')}: exit code ${status}, expected ${expected}`);
}

function edit(from, to) {
  console.log(`\n# main.ts: ${from} -> ${to}`);
  const file = join(project, 'main.ts');
  const text = readFileSync(file, 'utf8');
  if (!text.includes(from)) throw new Error(`main.ts has no ${from}`);
  writeFileSync(file, text.replace(from, to));
}

/** Starts simulated directors and waits until they answer. */
function startSim() {
  console.log('\n$ lvsform sim --directors 2 &');
  const sim = spawn(process.execPath, [lvsform, 'sim', '--directors', '2'], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    sim.once('error', reject);
    sim.once('exit', (code) => reject(new Error(`the simulator ended with exit code ${code}`)));
    sim.stdout.on('data', (text) => {
      process.stdout.write(text);
      if (String(text).includes('Ctrl-C')) resolve(sim);
    });
  });
}

async function main() {
  let sim;
  try {
    type(['init', 'demo'], { cwd: folder });
    sim = await startSim();
    type(['synth']);
    type(['plan', '--detailed-exitcode'], { expected: 2 });
    type(['apply', '--auto-approve']);
    type(['plan', '--detailed-exitcode']);
    edit('weight: 3', 'weight: 5');
    type(['plan', '--detailed-exitcode'], { expected: 2 });
    type(['apply', '--auto-approve']);
    type(['plan', '--detailed-exitcode']);
    type(['show', '--director', 'lb1']);
    console.log('\nThe demo is complete: created, verified, edited in place, and nothing left to do.');
  } finally {
    sim?.removeAllListeners('exit');
    sim?.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
