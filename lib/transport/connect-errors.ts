/** From what the SSH library reports while connecting to what went wrong. */
import { errorField, errorText } from './error-facts';
import { Failure } from './failure';
import type { Identities } from './identities';
import type { Hop } from './route';

/** How far a connection got. */
export interface Progress {
  /** TCP is up. */
  connected: boolean;
  /** The host key was refused; wins over what the library says about it. */
  hostKey?: Failure;
  /** Login methods the server still accepts. */
  methods: readonly string[];
  /** A key was accepted, and something more is wanted. */
  partial: boolean;
}

interface Attempt {
  hop: Hop;
  timeoutMs: number;
  identities: Identities;
  progress: Progress;
}

/** What each system error means, as the end of a sentence that starts with the host. */
const UNREACHABLE: Readonly<Record<string, { says: string; hint: (hop: Hop) => string }>> = {
  ENOTFOUND: { says: 'is no known host name', hint: (hop) => `check 'host': getent hosts ${hop.host}` },
  EAI_AGAIN: {
    says: 'could not be looked up: the name server does not answer',
    hint: () => 'check DNS, then try again',
  },
  ECONNREFUSED: {
    says: 'refused the connection',
    hint: (hop) => `check that sshd runs there and listens on port ${hop.port}`,
  },
  EHOSTUNREACH: { says: 'can not be reached: no route', hint: (hop) => `check routes and firewalls: ping ${hop.host}` },
  ENETUNREACH: { says: 'can not be reached: no network', hint: (hop) => `check routes: ip route get ${hop.host}` },
  ETIMEDOUT: {
    says: 'does not answer',
    hint: (hop) => `check that it is up and port ${hop.port} is open in firewalls`,
  },
};

/** Tells apart unreachable, host-key, auth and timeout. */
export function explainConnect(error: unknown, attempt: Attempt): Failure {
  if (error instanceof Failure) return error;
  if (attempt.progress.hostKey !== undefined) return attempt.progress.hostKey;
  const level = errorField(error, 'level');
  const text = errorText(error);
  if (level === 'client-timeout') return timedOut(error, attempt);
  if (level === 'client-authentication' || level === 'agent' || /too many authentication/i.test(text)) {
    return loginRefused(error, text, level, attempt);
  }
  const { hop } = attempt;
  const known = UNREACHABLE[errorField(error, 'code') ?? ''];
  if (known !== undefined && !attempt.progress.connected) {
    return new Failure('unreachable', `${hop.label} ${known.says}`, known.hint(hop), error);
  }
  if (attempt.progress.connected) {
    const hint = `check that port ${hop.port} is sshd's, and not overloaded (MaxStartups in sshd_config)`;
    return new Failure('unreachable', `${hop.label} ended the connection before the login: ${text}`, hint, error);
  }
  return new Failure('unreachable', `${hop.label} can not be reached: ${text}`, "check 'host' and 'port'", error);
}

function timedOut(error: unknown, { hop, timeoutMs, progress }: Attempt): Failure {
  const limit = `${timeoutMs / 1000} s`;
  if (!progress.connected) {
    const hint = `check that it is up and port ${hop.port} is open in firewalls`;
    return new Failure('unreachable', `${hop.label} does not answer within ${limit}`, hint, error);
  }
  return new Failure(
    'timeout',
    `${hop.label} accepted the connection, but the login did not finish within ${limit}`,
    'the host may be overloaded, or its sshd waits for DNS (UseDNS no)',
    error,
  );
}

function loginRefused(error: unknown, text: string, level: string | undefined, attempt: Attempt): Failure {
  const { hop, identities, progress } = attempt;
  const { names, notes } = identities;
  const said =
    level === 'agent' ? `: the agent did not sign: ${text}` : text.startsWith('All configured') ? '' : `: ${text}`;
  const tried = names.length === 0 ? 'there was no key to try' : `tried ${names.join(', ')}`;
  const accepts = progress.methods.length === 0 ? '' : `; the server accepts ${progress.methods.join(', ')}`;
  const more = notes.length === 0 ? '' : `; ${notes.join('; ')}`;
  const message = `login as ${hop.user} on ${hop.label} was refused${said} (${tried}${accepts}${more})`;
  return new Failure('auth', message, loginHint(hop, level, progress), error);
}

function loginHint(hop: Hop, level: string | undefined, progress: Progress): string {
  if (level === 'agent') return 'unlock the agent, or do without it: agent: false on the Director';
  if (progress.partial)
    return 'the key was accepted, but the server wants more than a key: that can not be answered here';
  if (progress.methods.length > 0 && !progress.methods.includes('publickey')) {
    return 'the server takes no keys: set PubkeyAuthentication yes in its sshd_config';
  }
  const where = hop.isJump
    ? `Host block for ${hop.host} in ~/.ssh/config`
    : "'user' and 'identityFile' on the Director";
  return `add the public key to ~${hop.user}/.ssh/authorized_keys there, or correct ${where}`;
}
