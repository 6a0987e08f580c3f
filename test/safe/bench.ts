/** A director others use too, an apply on it, and what it looks like to its own tools. */
import type { DirectorAccess } from '../../lib/apply';
import type { DesiredDirector, DesiredStack, Director, Finding } from '../../lib/model';
import {
  applyPlan,
  type ApplyHooks,
  type ApplyReport,
  type ApplySettings,
  planDirector,
  planStacks,
} from '../../lib/pipeline';
import { type Connect, createSshConnector, newNonce, type Runner } from '../../lib/transport';
import type { Lab, LabDirector, Shell } from '../lab/lab';
import { settled } from '../lab/listing';
import type { Features } from '../support/arbitraries';
import { FOREIGN_RULES, KEEPALIVED_SERVICES } from './foreign';

export const STACK = 'edge';

export const SETTINGS: ApplySettings = {
  tool: '0.1.0',
  author: { by: 'ada@test' },
  confirmSeconds: 600,
  lockWaitSeconds: 0,
};

/** Tables for random walks: small ones. */
export const WALKED: Features = { maxServices: 3, maxServers: 2, mixedFamily: false };

/** Silence is noticed soon: these tests cut connections. */
const connectSsh = createSshConnector({ env: { HOME: '/nonexistent' }, keepaliveMs: 1000, connectTimeoutMs: 40_000 });

/** One process lists it all: `ipvsadm -R` takes listings too. */
const LISTINGS = [
  'printf "%s\\n" "-S -n" "-L -n --thresholds" "-L --timeout" "-L --daemon" | ipvsadm -R',
  'iptables-save -t mangle',
  'ip6tables-save -t mangle',
].join('; ');

/** What iptables-save prints anew each time: when it ran, and how many packets passed. */
const COMMENTS_AND_COUNTERS = /^#.*\n| ?\[\d+:\d+\]$/gm;

/** Entries of others: their addresses, and all of mangle but our chain. */
const isForeign = (line: string): boolean =>
  !line.includes('LVSFORM') &&
  (/198\.51\.100\.\d+:|203\.0\.113|feed|2147480000|10\.(244|1)\.\d/.test(line) ||
    /^[:-].*(KUBE|FORWARD|PREROUTING)/.test(line));

/** The foreign part of what {@link Bench.list} gives. */
export function foreignLines(listing: string): string {
  return listing.split('\n').filter(isForeign).join('\n');
}

export interface ApplyAs {
  settings?: Partial<ApplySettings>;
  hooks?: ApplyHooks;
  /** Default: SSH, one connection for all of the bench. */
  connect?: Connect<Director>;
  policies?: DesiredDirector['policies'];
  stack?: string;
}

export class Bench {
  /** The one connection, as one that nobody closes: what never changes is read over it once. */
  private readonly shared: Runner;

  private constructor(
    readonly director: LabDirector,
    readonly shell: Shell,
    private readonly runner: Runner,
  ) {
    this.shared = { ...runner, close: () => Promise.resolve() };
  }

  static async open(lab: Lab, iptables: 'nft' | 'legacy' = 'nft', services = KEEPALIVED_SERVICES): Promise<Bench> {
    const director = await lab.director({ iptables });
    await director.ok(['ipvsadm', '-R'], { stdin: `${services.join('\n')}\n` });
    await director.ok(['iptables-restore', '--noflush'], { stdin: FOREIGN_RULES('inet') });
    await director.ok(['ip6tables-restore', '--noflush'], { stdin: FOREIGN_RULES('inet6') });
    return new Bench(director, await director.shell(), await connectSsh(loginOf(director)));
  }

  login(port?: number): Director {
    return loginOf(this.director, port);
  }

  stackOf(
    table: DesiredDirector['table'],
    { policies = {}, stack = STACK }: ApplyAs = {},
    port?: number,
  ): DesiredStack {
    return { stack, directors: [{ director: this.login(port), table, policies, sources: {} }], gates: [] };
  }

  get access(): DirectorAccess {
    return { name: 'lb1', sudo: false, runner: this.runner, nonce: newNonce };
  }

  /** Plans and applies. A second connection is only opened where the test asks for real ones. */
  async apply(table: DesiredDirector['table'], as: ApplyAs = {}, port?: number): Promise<ApplyReport> {
    const connect = as.connect ?? (() => Promise.resolve(this.shared));
    const open = await planStacks([this.stackOf(table, as, port)], { connect });
    try {
      const [report] = await applyPlan(open, { ...SETTINGS, ...as.settings }, as.hooks);
      if (report === undefined) throw new Error('nothing was planned');
      return report;
    } finally {
      await open.close();
    }
  }

  /** What the plan for a table has to say. */
  async findings(table: DesiredDirector['table'], as: ApplyAs = {}): Promise<readonly Finding[]> {
    const [wish] = this.stackOf(table, as).directors;
    if (wish === undefined) throw new Error('no director');
    return (await planDirector(STACK, wish, this.access)).findings;
  }

  /** Table, thresholds, timeouts, daemons and both mangle tables, as the director's own tools print them. */
  async list(isExpected?: (listing: string) => boolean): Promise<string> {
    const read = async (): Promise<string> =>
      (await this.shell.run(LISTINGS)).stdout.replace(COMMENTS_AND_COUNTERS, '');
    return settled(read, isExpected);
  }

  /** Waits until nothing of lvsform changes the director, or is about to. */
  async atRest(timeoutSeconds = 60): Promise<void> {
    const { code, stdout } = await this.shell.run(`
      cd /var/lib/lvsform || exit 1
      for second in {1..${timeoutSeconds}}; do
        word=; [ ! -e edge.undo/status ] || read -r word rest < edge.undo/status
        if [ "$word" != armed ]; then
          { [ ! -e lock ] || flock -s -n lock true; } && { [ ! -e work ] || flock -s -n work true; } && exit 0
        fi
        sleep 1
      done
      ls -l . edge.undo; cat edge.undo/status; exit 1`);
    if (code !== 0) throw new Error(`the director does not come to rest:\n${stdout}`);
  }

  async close(): Promise<void> {
    this.shell.close();
    await this.runner.close();
    await this.director.release();
  }
}

function loginOf({ host, port, identityFile, hostKey }: LabDirector, through = port): Director {
  return { name: 'lb1', host, port: through, user: 'root', identityFile, hostKey, agent: false };
}

export { connectSsh };
