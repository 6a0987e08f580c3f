/**
 * Writes docs/rollout-screens.md: what an operator sees of a rollout, taken from a real run of `bin/lvsform apply` in a
 * pseudo terminal (`script` of util-linux) on simulated directors, through a terminal emulator.
 *
 *     npm run build && npm run record:rollout [columns] [rows]
 *
 * With a size it prints the screens instead. A fleet of twelve takes one real server away, whose connections are drained.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Terminal } from '@xterm/headless';
import { App } from 'cdktf';
import { writeSshConfig } from '../lib/cli/ssh-config';
import { Director, Duration, Fleet, IpvsStack, Listen, Rollout } from '../lib/constructs';
import { type SimDirector, startSim } from '../lib/sim';

const ROOT = join(__dirname, '..');
const NAMES = Array.from({ length: 12 }, (_, at) => `lb${at + 1}`);
const WEB = '192.0.2.10:443';
const RULES = [`-A -t ${WEB} -s wlc`, ...[1, 2, 3, 4].map((n) => `-a -t ${WEB} -r 10.0.0.1${n}:443 -g -w 1`), ''].join(
  '\n',
);
const GOES = '10.0.0.14:443';

/** A moment worth a picture: the first screen that looks like this. */
interface Moment {
  title: string;
  looks: (screen: string) => boolean;
}

const MOMENTS: readonly Moment[] = [
  { title: 'The canary drains', looks: (screen) => /lb1 .*draining.* [1-9]\d* connection/.test(screen) },
  {
    title: 'A later wave',
    looks: (screen) => screen.includes('wave 3 of') && (screen.match(/draining/g) ?? []).length >= 3,
  },
];

function writeArtefact(folder: string): void {
  const app = new App({ outdir: join(folder, 'out') });
  const edge = new IpvsStack(app, 'edge');
  const directors = NAMES.map((name) => new Director(edge, name, { host: name }));
  const [lb1] = directors as [Director];
  const rollout = Rollout.canary(lb1).batches(4).minServing('50%').pause(Duration.seconds(2));
  const service = new Fleet(edge, 'table', { directors, rollout }).addService('web', {
    listen: Listen.tcp('192.0.2.10', 443),
    drain: { timeout: Duration.seconds(20) },
  });
  for (const n of [1, 2, 3]) service.addRealServer(`rs${n}`, { address: `10.0.0.1${n}` });
  app.synth();
}

/** Connections of the real server that goes: they begin to end once it takes no new ones. */
function connections(): (director: SimDirector) => void {
  const left = new Map<string, number>();
  return (director) => {
    const now = left.get(director.name) ?? 40 + Number(director.name.slice(2)) * 3;
    left.set(director.name, /:443 -g -w 0$/m.test(director.rules()) ? Math.max(0, now - 14) : now);
    director.setConnections(GOES, { active: now });
  };
}

async function record(columns: number, rows: number): Promise<{ title: string; screen: string }[]> {
  const folder = mkdtempSync(join(tmpdir(), 'lvsform-record-'));
  const sim = await startSim({
    directors: NAMES,
    rules: Object.fromEntries(NAMES.map((name) => [name, RULES])),
    latencyMs: 120,
    beforeCommand: connections(),
  });
  const terminal = new Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 500 });
  const shots: { title: string; screen: string }[] = [];
  const screen = (): string => {
    const { active } = terminal.buffer;
    const lines = Array.from(
      { length: rows },
      (_, y) => active.getLine(active.baseY + y)?.translateToString(true) ?? '',
    );
    return lines.join('\n').trimEnd();
  };
  try {
    writeArtefact(folder);
    const env = {
      ...process.env,
      TERM: 'xterm',
      LVSFORM_SSH_CONFIG: writeSshConfig(join(folder, 'ssh'), sim),
      HOME: folder,
    };
    const artefact = join(folder, 'out', 'stacks', 'edge', 'cdk.tf.json');
    const command = `stty cols ${columns} rows ${rows}; exec ${process.execPath} ${join(ROOT, 'bin/lvsform')} apply --auto-approve --from ${artefact}`;
    const child = spawn('script', ['-qfec', command, '/dev/null'], {
      cwd: folder,
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    let written = Promise.resolve();
    child.stdout.on('data', (chunk: Buffer) => {
      written = written.then(async () => {
        await new Promise<void>((done) => {
          terminal.write(chunk, done);
        });
        const moment = MOMENTS[shots.length];
        if (moment?.looks(screen()) === true) shots.push({ title: moment.title, screen: screen() });
      });
    });
    const code = await new Promise<number | null>((done) => child.once('close', done));
    await written;
    if (code !== 0 || shots.length < MOMENTS.length)
      throw new Error(`exit code ${String(code)}, ${shots.length} screens:\n${screen()}`);
    return [...shots, { title: 'The end', screen: screen() }];
  } finally {
    await sim.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<void> {
  const [columns, rows] = process.argv.slice(2).map(Number);
  const shots = await record(columns ?? 80, rows ?? 24);
  const text = shots.map(({ title, screen }) => `## ${title}\n\n\`\`\`\n${screen}\n\`\`\`\n`).join('\n');
  if (columns !== undefined) {
    console.log(text);
    return;
  }
  const file = join(ROOT, 'docs', 'rollout-screens.md');
  const [head = ''] = readFileSync(file, 'utf8').split('<!-- screens');
  writeFileSync(file, `${head}<!-- screens: npm run record:rollout -->\n\n${text}`);
}

void main();
