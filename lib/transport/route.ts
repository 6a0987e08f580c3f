/** From a Director and `~/.ssh/config` to the hops a connection takes. The Director's own fields win. */
import { join } from 'node:path';
import { type Director, UsageError } from '../model';
import { type ConfigLine, type HostSettings, lookUpHost } from './ssh-config';

/** Where we run, as far as it matters for connecting. */
export interface LocalUser {
  home: string;
  user: string;
  env: Readonly<Record<string, string | undefined>>;
}

export interface IdentityFile {
  path: string;
  /** Named on the Director: not being able to use it is an error at once. */
  required: boolean;
}

/** One server on the way, the last one being the director. */
export interface Hop {
  /** What messages call it: `lb1.example.net:22`, `jump host ops@bastion:22`. */
  label: string;
  isJump: boolean;
  host: string;
  port: number;
  user: string;
  /** What known_hosts calls it; no port for a HostKeyAlias. */
  knownAs: { name: string; port: number | undefined };
  /** The one key to accept, instead of known_hosts. */
  hostKey?: string;
  /** Files to log in with, in order. */
  identityFiles: IdentityFile[];
  /** Whether somebody chose these files; the default ones are tried after the agent's keys. */
  filesChosen: boolean;
  /** Of the agent's keys, use only those that `identityFiles` name. */
  identitiesOnly: boolean;
  agentSocket?: string;
  /** The agent was asked for on the Director. */
  agentRequired: boolean;
  userKnownHostsFiles: string[];
  globalKnownHostsFiles: string[];
  /** Keys in it are never accepted, and none is while it can't be read. */
  revokedHostKeysFile?: string;
  connectTimeoutMs?: number;
}

const DEFAULT_IDENTITIES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const DEFAULT_GLOBAL_KNOWN_HOSTS = ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
/** More than anybody has; a jump host that is reached through itself has infinitely many. */
const MAX_HOPS = 8;

type Wish = Pick<Director, 'host' | 'port' | 'user' | 'identityFile' | 'agent' | 'hostKey' | 'jump'>;

/**
 * The hops to a director, the director last.
 *
 * @throws UsageError `ssh-config` for a value in the config that can't be used, `jump` for a jump host that can't be read.
 */
export function findRoute(director: Wish, config: readonly ConfigLine[], local: LocalUser): Hop[] {
  return follow(director, config, local, { depth: 0, fallbackIdentity: director.identityFile });
}

interface Walk {
  depth: number;
  /** The Director's key file serves its jump hosts too, unless the config gives them their own. */
  fallbackIdentity: string | undefined;
}

function follow(wish: Wish, config: readonly ConfigLine[], local: LocalUser, walk: Walk): Hop[] {
  if (walk.depth > MAX_HOPS) {
    throw new UsageError(
      'jump',
      `${wish.host}: more than ${MAX_HOPS} jump hosts: is a jump host reached through itself?`,
      {
        hint: 'give the jump host a Host block of its own with ProxyJump none',
      },
    );
  }
  const user = wish.user === undefined ? {} : { user: wish.user };
  const settings = lookUpHost(config, { host: wish.host, localUser: local.user, ...user });
  const hop = makeHop(wish, settings, local, walk);
  const tokens = tokensOf(hop, wish.host, local);
  const jumps = jumpHosts(wish, settings).map((text) => parseJump(expandTokens(text, tokens)));
  const before = jumps.flatMap((jump, index) =>
    // Only the first of several is looked up further: the list says how the others are reached.
    follow(index === 0 ? jump : { ...jump, jump: 'none' }, config, local, { ...walk, depth: walk.depth + 1 }),
  );
  return [...before, hop];
}

function jumpHosts(wish: Wish, settings: HostSettings): string[] {
  const { proxy } = settings;
  if (wish.jump === undefined && proxy?.by === 'command') {
    throw new UsageError('ssh-config', `${proxy.at}: ProxyCommand for ${wish.host} is not supported`, {
      hint: "use ProxyJump, or 'jump' on the Director",
    });
  }
  const hops = wish.jump ?? (proxy?.by === 'jump' ? proxy.hops : 'none');
  return hops.toLowerCase() === 'none' ? [] : hops.split(',');
}

/** `[user@]host[:port]`, with brackets around an IPv6 address that has a port. */
function parseJump(text: string): Wish {
  const match = /^(?:ssh:\/\/)?(?:([^@\s]+)@)?(?:\[([^\]]+)\]|([^:\s]+)|([0-9A-Fa-f:.%]+?))(?::(\d{1,5}))?\/?$/.exec(
    text.trim(),
  );
  const host = match?.[2] ?? match?.[3] ?? match?.[4];
  const port = match?.[5] === undefined ? undefined : Number(match[5]);
  if (host === undefined || port === 0 || (port ?? 0) > 65535) {
    throw new UsageError('jump', `'${text}' is not a jump host`, { hint: 'write [user@]host[:port]' });
  }
  return {
    host,
    ...(match?.[1] === undefined ? {} : { user: match[1] }),
    ...(port === undefined ? {} : { port }),
  };
}

function makeHop(wish: Wish, settings: HostSettings, local: LocalUser, walk: Walk): Hop {
  const host = expandTokens(settings.hostName ?? wish.host, { '%': '%', h: wish.host });
  const port = wish.port ?? settings.port ?? 22;
  const user = wish.user ?? settings.user ?? local.user;
  const tokens = { ...tokensOf({ host, port, user }, wish.host, local), k: settings.hostKeyAlias ?? wish.host };
  const path = (text: string): string => expandPath(text, tokens, local);

  const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const configured = settings.identityFiles.filter((file) => file !== 'none');
  const fallback = walk.depth > 0 && settings.identityFiles.length === 0 ? walk.fallbackIdentity : undefined;
  const own = wish.identityFile ?? fallback;
  const filesChosen = own !== undefined || settings.identityFiles.length > 0;
  const files =
    own !== undefined ? [own] : filesChosen ? configured : DEFAULT_IDENTITIES.map((name) => `~/.ssh/${name}`);
  const agentSocket = wish.agent === false ? undefined : findAgent(settings, local, path);
  const timeout = settings.connectTimeoutSeconds;
  const [revoked] = fileList([settings.revokedHostKeysFile ?? 'none'], []);

  return {
    label: walk.depth === 0 ? address : `jump host ${user}@${address}`,
    isJump: walk.depth > 0,
    host,
    port,
    user,
    knownAs:
      settings.hostKeyAlias === undefined
        ? { name: host, port }
        : { name: expandTokens(settings.hostKeyAlias, tokens), port: undefined },
    ...(wish.hostKey === undefined ? {} : { hostKey: wish.hostKey }),
    identityFiles: files.map((file) => ({ path: path(file), required: wish.identityFile !== undefined })),
    filesChosen,
    identitiesOnly: settings.identitiesOnly ?? (wish.identityFile !== undefined && wish.agent !== true),
    ...(agentSocket === undefined ? {} : { agentSocket }),
    agentRequired: wish.agent === true,
    userKnownHostsFiles: fileList(settings.userKnownHostsFiles, ['~/.ssh/known_hosts', '~/.ssh/known_hosts2']).map(
      path,
    ),
    globalKnownHostsFiles: fileList(settings.globalKnownHostsFiles, DEFAULT_GLOBAL_KNOWN_HOSTS).map(path),
    ...(revoked === undefined ? {} : { revokedHostKeysFile: path(revoked) }),
    ...(timeout === undefined ? {} : { connectTimeoutMs: timeout * 1000 }),
  };
}

function fileList(configured: string[] | undefined, defaults: string[]): string[] {
  return (configured ?? defaults).filter((file) => file !== 'none');
}

/** IdentityAgent, or SSH_AUTH_SOCK. */
function findAgent(settings: HostSettings, local: LocalUser, path: (text: string) => string): string | undefined {
  const agent = settings.identityAgent ?? 'SSH_AUTH_SOCK';
  if (agent === 'none') return undefined;
  const variable = agent === 'SSH_AUTH_SOCK' ? agent : /^\$(\w+)$/.exec(agent)?.[1];
  const socket = variable === undefined ? path(agent) : local.env[variable];
  return socket === '' ? undefined : socket;
}

type Tokens = Readonly<Record<string, string>>;

function tokensOf(hop: { host: string; port: number; user: string }, original: string, local: LocalUser): Tokens {
  return {
    '%': '%',
    d: local.home,
    h: hop.host,
    n: original,
    p: String(hop.port),
    r: hop.user,
    u: local.user,
  };
}

function expandTokens(text: string, tokens: Tokens): string {
  return text.replace(/%(.?)/g, (token, letter: string) => {
    const value = tokens[letter];
    if (value !== undefined) return value;
    throw new UsageError('ssh-config', `'${text}': the token ${token} is not supported`);
  });
}

/** `~`, tokens and `${VARIABLE}` in a file name of the config. */
function expandPath(text: string, tokens: Tokens, local: LocalUser): string {
  const inHome = text === '~' || text.startsWith('~/') ? join(local.home, text.slice(1)) : text;
  return expandTokens(inHome, tokens).replace(/\$\{(\w+)\}/g, (_match, name: string) => {
    const value = local.env[name];
    if (value !== undefined) return value;
    throw new UsageError('ssh-config', `'${text}': the environment has no ${name}`);
  });
}
