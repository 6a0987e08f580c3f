/** What a provider block says: every director, and how to get there. */
import { basename, resolve } from 'node:path';
import { authorOf } from '../../../lib/author';
import { type Director, type IgnorePattern, nearest, type ProviderSettings, UsageError } from '../../../lib/model';
import { type Connect, createSshConnector, patiently } from '../../../lib/transport';
import { allowedFindings } from './allowed';
import { DirectorLink } from './link';

export interface FleetOptions {
  cwd: string;
  env: NodeJS.ProcessEnv;
  /** Version of the provider. */
  version: string;
}

export class Fleet {
  private readonly links = new Map<string, DirectorLink>();
  private readonly stopping = new AbortController();
  private readonly connect: Connect<Director>;
  /** Codes of blocking findings that may pass in this run. */
  readonly allowed: readonly string[];

  /** @throws UsageError `unknown-finding`, `bad-timeout` */
  constructor(
    private readonly settings: ProviderSettings,
    private readonly options: FleetOptions,
  ) {
    const { cwd, env } = options;
    this.allowed = allowedFindings(env);
    const config = env['LVSFORM_SSH_CONFIG'];
    const sshConfigFile = config === undefined ? {} : { sshConfigFile: resolve(cwd, config) };
    this.connect = patiently(createSshConnector({ env, ...sshConfigFile, ...connectTimeout(env[TIMEOUT_VARIABLE]) }));
  }

  get names(): string[] {
    return Object.keys(this.settings.directors);
  }

  /** What is left alone on a director. */
  ignored(name: string): IgnorePattern[] {
    return [...(this.settings.ignore ?? []), ...(this.settings.directors[name]?.ignore ?? [])];
  }

  /** @throws UsageError `no-such-director` */
  link(name: string): DirectorLink {
    const known = this.links.get(name);
    if (known !== undefined) return known;
    const { cwd, env, version } = this.options;
    const link = new DirectorLink(
      {
        stack: this.settings.stack ?? basename(cwd),
        director: this.director(name),
        connect: this.connect,
        author: authorOf({ cwd, env }),
        tool: version,
        allowed: this.allowed,
      },
      this.stopping.signal,
    );
    this.links.set(name, link);
    return link;
  }

  /** What runs is finished, what waits is not begun. */
  stop(): void {
    this.stopping.abort();
  }

  async close(): Promise<void> {
    await Promise.all([...this.links.values()].map((link) => link.close()));
  }

  private director(name: string): Director {
    const settings = this.settings.directors[name];
    if (settings === undefined) {
      const near = nearest(name, this.names);
      throw new UsageError('no-such-director', `${name}: the provider block has no such director`, {
        hint: near === undefined ? `directors: ${this.names.join(', ') || 'none'}` : `did you mean '${near}'?`,
      });
    }
    const ignore = this.ignored(name);
    return { ...settings, name, ...(ignore.length > 0 ? { ignore } : {}) };
  }
}

/** Seconds, like --connect-timeout of lvsform: a provider block has no place for what is one machine's network. */
const TIMEOUT_VARIABLE = 'LVSFORM_CONNECT_TIMEOUT';

function connectTimeout(seconds: string | undefined): { connectTimeoutMs?: number } {
  if (seconds === undefined || seconds === '') return {};
  if (!/^[1-9]\d{0,3}$/.test(seconds))
    throw new UsageError(
      'bad-timeout',
      `${TIMEOUT_VARIABLE}: '${seconds}' is not a whole number of seconds, 1 to 9999`,
    );
  return { connectTimeoutMs: Number(seconds) * 1000 };
}
