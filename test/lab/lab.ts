/**
 * The kernel lab: real directors (Debian's kernel, ipvsadm, iptables, sshd) in virtual machines, for tests.
 *
 *     describeLab('drain', () => {
 *       let lab: Lab;
 *       beforeAll(async () => { lab = await startLab(); });
 *       afterAll(() => lab.close());
 *       test('…', async () => {
 *         const director = await lab.director();
 *         …
 *         await director.release(); // or leave it to close()
 *       });
 *     });
 */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { type DirectorOptions, LabDirector } from './director';
import { giveBack, takeLease } from './lease';
import { Connection, type ExecResult } from './ssh';
import { bootLab, isAlive, type LabState, type Machine, type RunningLab } from './vm';

export { type DirectorOptions, LabDirector, type LabRealServer, type LabUser } from './director';
export { Shell } from './shell';
export { type ExecResult, quote } from './ssh';
export {
  type HeldConnection,
  LabClient,
  type Probe,
  type ProbeFailure,
  type ProbeOptions,
  type ProbeResult,
} from './traffic';
export type { LabState } from './vm';

/** How the global setup tells the workers: where the running lab is described, or why there is none. */
export const STATE_VARIABLE = 'LVSFORM_LAB_STATE';
export const REASON_VARIABLE = 'LVSFORM_LAB_REASON';

const LEASE_TIMEOUT_MS = 120_000;

export class Lab {
  private readonly leased = new Set<LabDirector>();
  /** Control connections by machine, opened when first needed. */
  private readonly controls = new Map<Machine, Promise<Connection>>();

  constructor(
    readonly state: LabState,
    private readonly own: RunningLab | undefined,
  ) {}

  /** A fresh director that is nobody else's until it is released; waits for one when all are in use. */
  async director(options: DirectorOptions = {}): Promise<LabDirector> {
    const { runDir, machines, identityFile } = this.state;
    const name = await this.lease(
      options.name === undefined ? machines.map(({ directors }) => Object.keys(directors)) : [[options.name]],
    );
    const machine = machines.find(({ directors }) => name in directors);
    const endpoint = machine?.directors[name];
    if (machine === undefined || endpoint === undefined) throw new Error(`the lab has no director ${name}`);
    const control = await this.controlOf(machine);
    const director = new LabDirector(name, endpoint, identityFile, control, () => {
      this.leased.delete(director);
      giveBack(runDir, name);
    });
    const made = await control.exec([
      '/lab/control',
      'lease',
      name,
      options.iptables ?? 'nft',
      options.ipvsadm ?? 'present',
    ]);
    if (made.code !== 0) {
      giveBack(runDir, name);
      throw new Error(`director ${name} can't be made: ${made.stderr}${made.stdout}`);
    }
    this.leased.add(director);
    return director;
  }

  directors(count: number, options: DirectorOptions = {}): Promise<LabDirector[]> {
    return Promise.all(Array.from({ length: count }, () => this.director(options)));
  }

  /** Runs as root in the first machine, outside of every director. */
  async exec(argv: readonly string[], stdin?: string): Promise<ExecResult> {
    const [machine] = this.state.machines;
    if (machine === undefined) throw new Error('the lab has no machine');
    return (await this.controlOf(machine)).exec(argv, stdin);
  }

  /** Gives back what this process has leased; a lab that other processes share stays up. */
  async close(): Promise<void> {
    await Promise.all([...this.leased].map((director) => director.release()));
    for (const control of await Promise.allSettled(this.controls.values()))
      if (control.status === 'fulfilled') control.value.close();
    this.own?.stop();
  }

  private controlOf(machine: Machine): Promise<Connection> {
    const { identityFile } = this.state;
    const control = this.controls.get(machine) ?? Connection.open({ ...machine.control, user: 'root', identityFile });
    this.controls.set(machine, control);
    return control;
  }

  private async lease(groups: readonly (readonly string[])[]): Promise<string> {
    const end = Date.now() + LEASE_TIMEOUT_MS;
    for (;;) {
      const name = takeLease(this.state.runDir, groups);
      if (name !== undefined) return name;
      if (Date.now() > end) throw new Error(`in use for two minutes: ${groups.flat().join(' ')}`);
      await wait(50);
    }
  }
}

/** Attaches to the lab the global setup booted; without one (a plain script) boots a lab that ends with this process. */
export async function startLab(options: { readonly directors?: number } = {}): Promise<Lab> {
  const reason = process.env[REASON_VARIABLE];
  if (reason) throw new Error(`there is no kernel lab: ${reason}`);
  const stateFile = process.env[STATE_VARIABLE];
  const own = stateFile ? undefined : await bootLab(options.directors);
  return new Lab(own ? own.state : readState(stateFile ?? ''), own);
}

function readState(file: string): LabState {
  const state = JSON.parse(readFileSync(file, 'utf8')) as LabState;
  if (!isAlive(state.owner)) throw new Error(`the lab of ${file} is no longer running`);
  return state;
}

/** describe, for tests that need the lab: skipped only where there can't be one, which the global setup says loudly. */
export function describeLab(name: string, tests: () => void): void {
  const reason = process.env[REASON_VARIABLE];
  if (reason) describe.skip(`${name} (no lab: ${reason})`, tests);
  else describe(name, tests);
}
