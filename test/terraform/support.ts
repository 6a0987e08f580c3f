/** Real terraform (or tofu) in a folder of its own, with the provider in a filesystem mirror. */
import { spawn } from 'node:child_process';
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import type { SimDirector } from '../../lib/sim';

const ROOT = join(__dirname, '..', '..');
export const PROVIDER = join(ROOT, 'dist', 'terraform-provider');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };

/** The provider's executable, as built. */
export const EXECUTABLE = join(PROVIDER, `terraform-provider-ipvs_v${version}`);

/** The core on PATH, if there is one. */
function coreOnPath(): 'terraform' | 'tofu' | undefined {
  for (const name of ['terraform', 'tofu'] as const)
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return name;
      } catch {
        // Look further.
      }
    }
  return undefined;
}

/** @throws Error when there is none */
function findCore(): 'terraform' | 'tofu' {
  const core = coreOnPath();
  if (core === undefined) throw new Error('neither terraform nor tofu is on PATH');
  return core;
}

/** A core starts a provider three to five times per command, and the machine may be busy. */
const PATIENCE_MS = 300_000;

/** test, for what needs a real terraform or tofu: skipped, and said loudly, only where there is none. CI has one. */
export function testCore(name: string, run: () => Promise<void>, patienceMs = PATIENCE_MS): void {
  if (coreOnPath() !== undefined) test(name, run, patienceMs);
  else {
    process.stderr.write(`NOT TESTED, there is neither terraform nor tofu on PATH: ${name}\n`);
    test.skip(name, run);
  }
}

export interface Result {
  code: number;
  output: string;
}

/** What a test may do to a core that is running. */
export interface Running {
  interrupt: () => void;
  /** Kills the plugins this core has started. */
  killProviders: () => void;
}

function childrenOf(parent: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        // The second field may hold blanks; the parent comes two after its closing bracket.
        return Number(readFileSync(`/proc/${name}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]) === parent;
      } catch {
        return false;
      }
    })
    .map(Number);
}

export interface Change {
  address: string;
  previous_address?: string;
  change: { actions: string[]; before: Record<string, unknown> | null; after: Record<string, unknown> | null };
}

export interface PlanJson {
  resource_changes?: Change[];
  resource_drift?: Change[];
}

/** A folder with a configuration and its state. */
export class Workspace {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'lvsform-terraform-')));
  private readonly core = findCore();

  /**
   * @param env variables for the core and its providers
   * @param provider where the core finds the provider: in the folder's own mirror, or elsewhere
   */
  constructor(
    files: Readonly<Record<string, string | object>> = {},
    readonly env: Record<string, string> = {},
    provider: 'mirror' | 'elsewhere' = 'mirror',
  ) {
    if (provider === 'mirror') cpSync(PROVIDER, this.pluginFolder('lvsform', 'ipvs', version), { recursive: true });
    for (const [name, content] of Object.entries(files)) this.write(name, content);
  }

  /** Puts another provider into the mirror: `make` writes its executable. */
  install(namespace: string, type: string, release: string, make: (file: string) => void): void {
    const file = join(this.pluginFolder(namespace, type, release), `terraform-provider-${type}_v${release}`);
    make(file);
    chmodSync(file, 0o755);
  }

  /** A mirror that every core looks into by itself. */
  private pluginFolder(namespace: string, type: string, release: string): string {
    const host = this.core === 'tofu' ? 'registry.opentofu.org' : 'registry.terraform.io';
    const platform = `linux_${process.arch === 'x64' ? 'amd64' : process.arch}`;
    return this.file('terraform.d', 'plugins', host, namespace, type, release, platform);
  }

  file(...names: string[]): string {
    return join(this.path, ...names);
  }

  write(name: string, content: string | object): void {
    mkdirSync(dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), typeof content === 'string' ? content : JSON.stringify(content, null, 2));
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  /** Runs the core. `onOutput` may interrupt it. */
  run(
    args: readonly string[],
    onOutput?: (output: string, running: Running) => void,
    env: NodeJS.ProcessEnv = {},
  ): Promise<Result> {
    const child = spawn(this.core, args, {
      cwd: this.path,
      detached: true,
      env: {
        PATH: process.env['PATH'],
        HOME: this.path,
        TF_CLI_CONFIG_FILE: '/dev/null',
        CHECKPOINT_DISABLE: '1',
        TF_IN_AUTOMATION: '1',
        ...this.env,
        ...(process.env['TF_LOG'] === undefined ? {} : { TF_LOG: process.env['TF_LOG'] }),
        ...env,
      },
    });
    let output = '';
    const collect = (chunk: Buffer): void => {
      output += chunk.toString();
      // To the group, as a terminal does.
      onOutput?.(output, {
        interrupt: () => process.kill(-(child.pid ?? 0), 'SIGINT'),
        killProviders: () => {
          for (const pid of childrenOf(child.pid ?? 0)) process.kill(pid, 'SIGKILL');
        },
      });
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    return new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        resolve({ code: code ?? -1, output });
      });
    });
  }

  /** Runs the core and expects success. */
  async ok(...args: string[]): Promise<string> {
    const { code, output } = await this.run([...args, ...(args[0] === 'show' ? [] : ['-no-color'])]);
    if (code !== 0) throw new Error(`${this.core} ${args.join(' ')} ended with ${code}:\n${output}`);
    return output;
  }

  async init(): Promise<void> {
    await this.ok('init', '-input=false');
  }

  async plan(...args: string[]): Promise<PlanJson> {
    await this.ok('plan', '-input=false', '-out=plan.bin', ...args);
    return JSON.parse(await this.ok('show', '-json', 'plan.bin')) as PlanJson;
  }

  /** What a plan would do, as `update ipvs_virtual_service.web`, without what stays. */
  async actions(...args: string[]): Promise<string[]> {
    return actionsOf(await this.plan(...args));
  }

  /** Expects that a plan has nothing to do; else the error is the plan. */
  async nothingLeft(): Promise<void> {
    await this.ok('plan', '-input=false', '-detailed-exitcode');
  }

  apply(...args: string[]): Promise<string> {
    return this.ok('apply', '-auto-approve', '-input=false', ...args);
  }

  /** Loses the state, wherever the local backend keeps it. */
  forget(): void {
    for (const name of readdirSync(this.path)) if (name.includes('.tfstate')) rmSync(this.file(name));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Puts as much of hashicorp/null into the mirror as gates need. */
export function installNull(workspace: Workspace): void {
  workspace.install('hashicorp', 'null', '3.2.4', (file) => {
    buildSync({
      entryPoints: [join(__dirname, 'null-provider.ts')],
      outfile: file,
      bundle: true,
      platform: 'node',
      banner: { js: '#!/usr/bin/env node' },
      external: ['@grpc/proto-loader'],
    });
  });
}

export function actionsOf({ resource_changes: changes = [] }: PlanJson): string[] {
  return changes
    .filter(({ change: { actions } }) => actions.join() !== 'no-op' && actions.join() !== 'read')
    .map(({ address, change: { actions } }) => `${actions.join('+')} ${address}`)
    .sort();
}

/** How a director is reached. */
export type Reach = Pick<SimDirector, 'name' | 'host' | 'port' | 'user' | 'identityFile' | 'hostKey'> & {
  sudo?: boolean;
};

/** `terraform` and `provider` blocks for directors, as Terraform JSON. */
export function providerBlock(directors: readonly Reach[], more: object = {}): object {
  return {
    terraform: { required_providers: { ipvs: { source: 'lvsform/ipvs' } } },
    provider: { ipvs: [{ stack: 'edge', directors: connections(directors), ...more }] },
  };
}

export function connections(directors: readonly Reach[]): Record<string, object> {
  return Object.fromEntries(
    directors.map(({ name, host, port, user, identityFile, hostKey, sudo = false }) => [
      name,
      { host, port, user, identity_file: identityFile, agent: false, host_key: hostKey, sudo },
    ]),
  );
}
