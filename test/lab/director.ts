/** A leased director, with its client and its real servers. */
import type { ClientChannel } from 'ssh2';
import { settled } from './listing';
import { Shell } from './shell';
import { Connection, type ExecResult } from './ssh';
import { type Exec, LabClient } from './traffic';
import type { VmState } from './vm';

/** root; someone with passwordless sudo for ipvsadm and ip(6)tables only; someone with no right at all. */
export type LabUser = 'root' | 'lvsform' | 'nosudo';

export interface DirectorOptions {
  /** What `iptables` and `ip6tables` are; 'nft' by default. */
  readonly iptables?: 'nft' | 'legacy' | 'missing';
  readonly ipvsadm?: 'present' | 'missing';
  /** This one and no other; any by default. */
  readonly name?: string;
}

export interface LabRealServer {
  /** What it answers with: rs1 … rs4. */
  readonly name: string;
  readonly address: string;
  readonly address6: string;
  readonly exec: Exec;
}

const REAL_SERVER_HOSTS = [129, 133, 134, 135];

export class LabDirector {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly user: LabUser = 'root';
  readonly identityFile: string;
  /** 'ecdsa-sha2-nistp256 AAAA…', different for every director. */
  readonly hostKey: string;
  /** These are the director's own, and the real servers answer to them too: 192.168.74.88 … .95. */
  readonly vips = Array.from({ length: 8 }, (_, index) => `192.168.74.${88 + index}`);
  readonly vips6 = Array.from({ length: 8 }, (_, index) => `2001:db8:74::${88 + index}`);
  readonly client: LabClient;
  readonly realServers: readonly LabRealServer[];

  private readonly connections = new Map<LabUser, Promise<Connection>>();
  private traffic: Promise<void> | undefined;

  constructor(
    readonly name: string,
    state: VmState,
    private readonly control: Connection,
    private readonly giveBack: () => void,
  ) {
    const endpoint = state.directors[name];
    if (!endpoint) throw new Error(`the lab has no director ${name}`);
    this.port = endpoint.port;
    this.hostKey = endpoint.hostKey;
    this.identityFile = state.identityFile;
    this.client = new LabClient(this.execIn('client'), (argv) => this.startIn('client', argv));
    this.realServers = REAL_SERVER_HOSTS.map((host, index) => ({
      name: `rs${index + 1}`,
      address: `192.168.74.${host}`,
      address6: `2001:db8:74::${host}`,
      exec: this.execIn(`rs${index + 1}`),
    }));
  }

  /** The line for a known_hosts file. */
  get knownHosts(): string {
    return `[${this.host}]:${this.port} ${this.hostKey}`;
  }

  /** Runs on the director, over a connection that stays open. */
  async exec(
    argv: readonly string[],
    options: { readonly stdin?: string; readonly as?: LabUser } = {},
  ): Promise<ExecResult> {
    const connection = await this.connect(options.as ?? 'root');
    return connection.exec(argv, options.stdin);
  }

  /** As exec, but anything other than exit 0 is an error; gives stdout. */
  async ok(argv: readonly string[], options: { readonly stdin?: string; readonly as?: LabUser } = {}): Promise<string> {
    const result = await this.exec(argv, options);
    if (result.code !== 0)
      throw new Error(`${this.name}: ${argv.join(' ')}: exit ${result.code}\n${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  /** What `ipvsadm` lists with these options, e.g. `-Sn`, once it is {@link settled}. */
  listing(...options: readonly string[]): Promise<string> {
    return settled(() => this.ok(['ipvsadm', ...options]));
  }

  /** A bash that stays, for tests that run hundreds of commands. Any number of them run side by side. */
  async shell(as: LabUser = 'root'): Promise<Shell> {
    return Shell.open(await this.connect(as));
  }

  /** Brings client and real servers up; they do so by themselves when first used. */
  ensureTraffic(): Promise<void> {
    this.traffic ??= this.run('traffic', this.name);
    return this.traffic;
  }

  /** What a reboot does: processes, kernel tables, /run and /tmp are gone, other files stay. Nothing is started but sshd. */
  async reboot(): Promise<void> {
    await this.disconnect();
    this.traffic = undefined;
    await this.run('reboot', this.name);
  }

  /** Gives the director back; it is thrown away and made anew. */
  async release(): Promise<void> {
    await this.disconnect();
    await this.run('recycle', this.name);
    this.giveBack();
  }

  private connect(user: LabUser): Promise<Connection> {
    let connection = this.connections.get(user);
    if (!connection) {
      connection = Connection.open({ port: this.port, user, identityFile: this.identityFile, hostKey: this.hostKey });
      connection.catch(() => this.connections.delete(user));
      this.connections.set(user, connection);
    }
    return connection;
  }

  private async disconnect(): Promise<void> {
    for (const connection of await Promise.allSettled(this.connections.values())) {
      if (connection.status === 'fulfilled') connection.value.close();
    }
    this.connections.clear();
  }

  private async run(verb: string, ...words: string[]): Promise<void> {
    const result = await this.control.exec(['/lab/control', verb, ...words]);
    if (result.code !== 0)
      throw new Error(`lab ${verb} ${words.join(' ')}: exit ${result.code}\n${result.stderr}${result.stdout}`);
  }

  private execIn(place: string): Exec {
    return async (argv, options = {}) => {
      await this.ensureTraffic();
      return this.control.exec(this.inside(place, argv), options.stdin);
    };
  }

  private async startIn(place: string, argv: readonly string[]): Promise<ClientChannel> {
    await this.ensureTraffic();
    return this.control.start(this.inside(place, argv));
  }

  private inside(place: string, argv: readonly string[]): string[] {
    return ['nsenter', `--net=/run/netns/${this.name}-${place}`, '--', ...argv];
  }
}
