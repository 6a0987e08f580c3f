import type { MachineOptions } from '../../../lib/sim';

/** Simulated directors `lb1` and `lb2` that a case talks to, by what is the matter with them. */
export const DIRECTORS = {
  well: {},
  'any user': { permission: 'none' },
  sudo: { permission: 'sudo' },
  'no module': { missingModule: 'ip_vs' },
  'no ipvsadm': { ipvsadm: 'missing' },
  'no iptables': { iptables: 'missing' },
} as const satisfies Record<string, MachineOptions>;
export type Directors = keyof typeof DIRECTORS;

/** Something that can't be done as asked. */
export interface BadCase {
  /** Name of its golden file. */
  name: string;
  /** What the program says after its first lines. Default: one good service on lb1. */
  program?: string;
  /** What the program ends with. Default: `app.synth()`. */
  tail?: string;
  /** Files beside main.ts, or instead of it. */
  files?: Readonly<Record<string, string>>;
  /** Without a project at all: an empty folder and `files`. */
  bare?: true;
  /** Default: `apply --auto-approve`. */
  args?: readonly string[];
  stdin?: string;
  directors?: Directors;
  /** Lines of the SSH configuration that come first, and so win. `HOME` and `TMP` are replaced. */
  ssh?: string;
}

/** First lines of every program. */
export const HEAD = `import { App, Fn, TerraformVariable } from 'cdktf';
import {
  Director, Duration, Fleet, Forward, IpvsStack, Listen, MarkRule, Scheduler, SyncDaemon, Timeouts,
} from 'lvsform';
import { VirtualService } from 'lvsform/providers/ipvs';

const app = new App();
const edge = new IpvsStack(app, 'edge');
const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
const http = Listen.tcp('192.0.2.1', 80);
`;

export const GOOD = "lb1.addService('web', { listen: http }).addRealServer('rs1', { address: '10.0.0.1' });";
