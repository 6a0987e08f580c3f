/**
 * What to log in with, in which order: keys of the agent that the chosen files name, the chosen files, the agent's other
 * keys, the default files. Chosen keys come first, because sshd hangs up after six wrong ones (MaxAuthTries).
 */
import type { AnyAuthMethod, BaseAgent, KnownPublicKeys, ParsedKey } from 'ssh2';
import { errorText } from './error-facts';
import { Failure } from './failure';
import { fingerprint } from './host-key';
import type { KeyFile, Ssh2 } from './key-file';
import type { Hop, IdentityFile } from './route';

/** An agent that doesn't answer is passed over after this long. */
const AGENT_TIMEOUT_MS = 5000;

export interface Identities {
  attempts: AnyAuthMethod[];
  /** What is tried, for people: `/home/ops/.ssh/id_ed25519`, `agent key SHA256:…`. */
  names: string[];
  /** Why something that looked usable is not among them. */
  notes: string[];
}

/** What gathering needs from outside. */
export interface KeySource {
  ssh2: Ssh2;
  /** A parsed key file; undefined when there is none. */
  readKey(path: string): Promise<KeyFile | undefined>;
}

/**
 * Collects the identities for one hop.
 *
 * @throws Failure `auth` when what the Director asks for can't be used at all.
 */
export async function gatherIdentities(hop: Hop, source: KeySource): Promise<Identities> {
  const agent = await askAgent(hop, source.ssh2);
  const notes = agent.note === undefined ? [] : [agent.note];
  const chosen: Uses = { agentKeys: [], files: [] };

  for (const identity of hop.identityFiles) {
    const file = await readIdentity(identity, source);
    if (file === undefined) continue;
    const publicKey = file.is === 'unusable' ? undefined : (file.publicKey ?? (await readPublicHalf(identity, source)));
    const held = publicKey && agent.keys.find((key) => key.getPublicSSH().equals(publicKey));
    if (held !== undefined) chosen.agentKeys.push(held);
    else if (file.is === 'private') chosen.files.push({ path: identity.path, key: file.key });
    else {
      const problem = `${identity.path} ${unusable(file)}`;
      if (identity.required) throw new Failure('auth', problem, advice(file, identity.path));
      notes.push(problem);
    }
  }

  const others = hop.identitiesOnly ? [] : agent.keys.filter((key) => !chosen.agentKeys.includes(key));
  const order = hop.filesChosen
    ? [agentKeys(chosen.agentKeys), keyFiles(chosen.files), agentKeys(others)]
    : [agentKeys([...chosen.agentKeys, ...others]), keyFiles(chosen.files)];
  const uses = order.flat();
  return {
    attempts: uses.flatMap((use) => attempt(use, hop, agent)),
    names: uses.flatMap((use) => use.names),
    notes,
  };
}

interface Uses {
  agentKeys: ParsedKey[];
  files: { path: string; key: ParsedKey }[];
}

type Use = { names: string[] } & ({ by: 'agent'; keys: ParsedKey[] } | { by: 'file'; key: ParsedKey });

function agentKeys(keys: ParsedKey[]): Use[] {
  if (keys.length === 0) return [];
  const names = keys.map((key) => `agent key ${fingerprint(key.getPublicSSH())}${key.comment && ` (${key.comment})`}`);
  return [{ by: 'agent', keys, names }];
}

function keyFiles(files: Uses['files']): Use[] {
  return files.map(({ path, key }) => ({ by: 'file', key, names: [path] }));
}

function attempt(use: Use, hop: Hop, agent: Agent): AnyAuthMethod[] {
  if (use.by === 'file') return [{ type: 'publickey', username: hop.user, key: use.key }];
  return agent.open === undefined ? [] : [{ type: 'agent', username: hop.user, agent: agent.open(use.keys) }];
}

async function readIdentity(identity: IdentityFile, source: KeySource): Promise<KeyFile | undefined> {
  const { path } = identity;
  const file = await source.readKey(path).catch((error: unknown): KeyFile => {
    return { is: 'unusable', reason: errorText(error) };
  });
  if (file !== undefined) return file;
  // The public half says which of the agent's keys is meant.
  const publicKey = await readPublicHalf(identity, source);
  if (publicKey !== undefined) return { is: 'public', publicKey };
  if (!identity.required) return undefined;
  throw new Failure('auth', `the key file ${path} does not exist`, "correct 'identityFile' on the Director");
}

/** `id_rsa.pub` beside an encrypted `id_rsa` whose format hides the public key, or without one. */
async function readPublicHalf(identity: IdentityFile, source: KeySource): Promise<Buffer | undefined> {
  const file = await source.readKey(`${identity.path}.pub`).catch(() => undefined);
  return file?.is === 'public' ? file.publicKey : undefined;
}

function unusable(file: KeyFile): string {
  switch (file.is) {
    case 'encrypted':
      return 'is encrypted and no agent holds it';
    case 'public':
      return 'is a public key and no agent holds its private half';
    case 'unusable':
      return `can not be used: ${file.reason}`;
    case 'private':
      return 'is usable';
  }
}

function advice(file: KeyFile, path: string): string {
  if (file.is === 'unusable') return 'expected a private key in OpenSSH or PEM format';
  const key = file.is === 'public' ? path.replace(/\.pub$/, '') : path;
  return `load it into an agent (eval "$(ssh-agent)"; ssh-add ${key}): passphrases are never asked for here`;
}

interface Agent {
  keys: ParsedKey[];
  /** The agent, showing only these keys. */
  open?: (keys: ParsedKey[]) => BaseAgent;
  note?: string;
}

async function askAgent(hop: Hop, ssh2: Ssh2): Promise<Agent> {
  const socket = hop.agentSocket;
  if (socket === undefined) {
    if (!hop.agentRequired) return { keys: [] };
    throw new Failure(
      'auth',
      'the Director asks for the SSH agent, and there is none',
      'start one (eval "$(ssh-agent)"; ssh-add) so that SSH_AUTH_SOCK is set',
    );
  }
  try {
    const keys = await listKeys(ssh2.createAgent(socket), ssh2);
    const note = keys.length === 0 ? { note: `the agent at ${socket} holds no keys` } : {};
    return { keys, open: (shown) => showOnly(ssh2.createAgent(socket), shown), ...note };
  } catch (error) {
    return { keys: [], note: `the agent at ${socket} does not answer (${errorText(error)})` };
  }
}

function listKeys(agent: BaseAgent, ssh2: Ssh2): Promise<ParsedKey[]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new Error(`no answer in ${AGENT_TIMEOUT_MS / 1000} s`));
    }, AGENT_TIMEOUT_MS);
    agent.getIdentities((error, keys) => {
      clearTimeout(timer);
      if (error) reject(error);
      else resolve((keys ?? []).flatMap((key) => parsePublicKey(key, ssh2)));
    });
  });
}

/** Kinds of keys the library does not know (certificates, sk-…) are left out. */
function parsePublicKey(key: AgentKey, ssh2: Ssh2): ParsedKey[] {
  if (typeof key === 'object' && 'pubKey' in key) return [];
  const parsed = ssh2.utils.parseKey(key);
  return parsed instanceof Error ? [] : [parsed].flat();
}

type AgentKey = KnownPublicKeys[number];

function showOnly(agent: BaseAgent, keys: ParsedKey[]): BaseAgent {
  agent.getIdentities = (callback) => {
    callback(null, keys);
  };
  return agent;
}
