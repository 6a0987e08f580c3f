/**
 * The kernel lab: real directors (Debian's kernel, ipvsadm, iptables, sshd) in a virtual machine, for tests.
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
import { bootVm, isAlive, type Vm, type VmState } from './vm';

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
export type { VmState } from './vm';

/** How the global setup tells the workers: where the running lab is described, or why there is none. */
export const STATE_VARIABLE = 'LVSFORM_LAB_STATE';
export const REASON_VARIABLE = 'LVSFORM_LAB_REASON';

const LEASE_TIMEOUT_MS = 120_000;

export class Lab {
  private readonly leased = new Set<LabDirector>();

  constructor(
    readonly state: VmState,
    private readonly control: Connection,
    private readonly own: Vm | undefined,
  ) {}

  /** A fresh director that is nobody else's until it is released; waits for one when all are in use. */
  async director(options: DirectorOptions = {}): Promise<LabDirector> {
    const name = await this.lease(options.name === undefined ? Object.keys(this.state.directors) : [options.name]);
    const director = new LabDirector(name, this.state, this.control, () => {
      this.leased.delete(director);
      giveBack(this.state.runDir, name);
    });
    const made = await this.control.exec([
      '/lab/control',
      'lease',
      name,
      options.iptables ?? 'nft',
      options.ipvsadm ?? 'present',
    ]);
    if (made.code !== 0) {
      giveBack(this.state.runDir, name);
      throw new Error(`director ${name} can't be made: ${made.stderr}${made.stdout}`);
    }
    this.leased.add(director);
    return director;
  }

  directors(count: number, options: DirectorOptions = {}): Promise<LabDirector[]> {
    return Promise.all(Array.from({ length: count }, () => this.director(options)));
  }

  /** Runs as root in the guest, outside of every director. */
  exec(argv: readonly string[], stdin?: string): Promise<ExecResult> {
    return this.control.exec(argv, stdin);
  }

  /** Gives back what this process has leased; a lab that other processes share stays up. */
  async close(): Promise<void> {
    await Promise.all([...this.leased].map((director) => director.release()));
    this.control.close();
    this.own?.stop();
  }

  private async lease(names: readonly string[]): Promise<string> {
    const end = Date.now() + LEASE_TIMEOUT_MS;
    for (;;) {
      const name = takeLease(this.state.runDir, names);
      if (name !== undefined) return name;
      if (Date.now() > end) throw new Error(`in use for two minutes: ${names.join(' ')}`);
      await wait(50);
    }
  }
}

/** Attaches to the lab the global setup booted; without one (a plain script) boots a lab that ends with this process. */
export async function startLab(options: { readonly directors?: number } = {}): Promise<Lab> {
  const reason = process.env[REASON_VARIABLE];
  if (reason) throw new Error(`there is no kernel lab: ${reason}`);
  const stateFile = process.env[STATE_VARIABLE];
  const own = stateFile ? undefined : await bootVm(options.directors);
  const state = own ? own.state : readState(stateFile ?? '');
  const control = await Connection.open({ ...state.control, user: 'root', identityFile: state.identityFile });
  return new Lab(state, control, own);
}

function readState(file: string): VmState {
  const state = JSON.parse(readFileSync(file, 'utf8')) as VmState;
  if (!isAlive(state.pid)) throw new Error(`the lab of ${file} is no longer running`);
  return state;
}

/** describe, for tests that need the lab: skipped only where there can't be one, which the global setup says loudly. */
export function describeLab(name: string, tests: () => void): void {
  const reason = process.env[REASON_VARIABLE];
  if (reason) describe.skip(`${name} (no lab: ${reason})`, tests);
  else describe(name, tests);
}
