/** Simulated directors in a process of their own, so that their CPU time is not counted as ours. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { type SimDirector, startSim } from '../../lib/sim';

/** What it takes to reach one. */
export type FleetDirector = Pick<SimDirector, 'name' | 'host' | 'port' | 'user' | 'identityFile' | 'hostKey'>;

export interface Fleet {
  directors: FleetDirector[];
  close(): Promise<void>;
}

/** Starts `count` directors that all hold `rules`. They end with this process. */
export async function startFleet(count: number, rules: string): Promise<Fleet> {
  const child = spawn(process.execPath, ['--import', 'tsx', __filename, String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.write(`${JSON.stringify(rules)}\n`);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return {
    directors: JSON.parse(line) as FleetDirector[],
    close: async () => {
      const ended = once(child, 'exit');
      child.stdin.end();
      await ended;
    },
  };
}

async function serve(count: number): Promise<void> {
  const [rules] = (await once(createInterface({ input: process.stdin }), 'line')) as [string];
  const names = Array.from({ length: count }, (_, i) => `lb${i + 1}`);
  const text = JSON.parse(rules) as string;
  const sim = await startSim({ directors: names, rules: Object.fromEntries(names.map((name) => [name, text])) });
  const reach = sim.directors.map(({ name, host, port, user, identityFile, hostKey }): FleetDirector => ({
    name, host, port, user, identityFile, hostKey,
  })); // prettier-ignore
  process.stdout.write(`${JSON.stringify(reach)}\n`);
  await once(process.stdin, 'end');
  await sim.close();
}

if (require.main === module) void serve(Number(process.argv[2]));
