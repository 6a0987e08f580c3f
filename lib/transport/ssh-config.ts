/**
 * What `~/.ssh/config` says about a host, by the rules of ssh_config(5): the first value found wins, except for
 * IdentityFile, which adds up.
 *
 * Of `Match`, everything that can be decided by looking is: all, host, originalhost, user, localuser, canonical, final.
 * The rest (exec, localnetwork, tagged …) is not: a program is never run to find out where to connect, and guessing could
 * connect to the wrong place. So such a block is an error when it would set something used here, and no matter otherwise.
 *
 * StrictHostKeyChecking is not read: host keys are always verified.
 */
import { UsageError } from '../model';
import { matchesPatterns } from './patterns';

export interface ConfigLine {
  /** In lower case: keywords are case-insensitive. */
  keyword: string;
  args: string[];
  file: string;
  line: number;
  /** The files an `Include` names, each with its lines. */
  included?: ConfigLine[][];
}

/** How a connection gets there: hops as ProxyJump spells them, or a program, which is not supported. */
export type Proxy = { by: 'jump'; hops: string } | { by: 'command'; at: string };

export interface HostSettings {
  hostName?: string;
  port?: number;
  user?: string;
  identityFiles: string[];
  identitiesOnly?: boolean;
  identityAgent?: string;
  proxy?: Proxy;
  hostKeyAlias?: string;
  userKnownHostsFiles?: string[];
  globalKnownHostsFiles?: string[];
  revokedHostKeysFile?: string;
  connectTimeoutSeconds?: number;
}

export interface HostQuery {
  host: string;
  /** The login name when the caller has decided on one. */
  user?: string;
  localUser: string;
}

const at = (line: ConfigLine): string => `${line.file}:${line.line}`;

function configError(line: ConfigLine, problem: string, hint?: string): UsageError {
  return new UsageError('ssh-config', `${at(line)}: ${problem}`, hint === undefined ? {} : { hint });
}

/** Splits a file into keywords and arguments. Includes are left to the caller, who can read files. */
export function parseSshConfig(text: string, file: string): ConfigLine[] {
  return text.split('\n').flatMap((raw, index) => {
    const match = /^\s*([A-Za-z0-9]+)(?:\s*=\s*|\s+|$)(.*)$/.exec(raw.replace(/\s+$/, ''));
    if (match?.[1] === undefined) return [];
    return [{ keyword: match[1].toLowerCase(), args: splitWords(match[2] ?? ''), file, line: index + 1 }];
  });
}

/** A word as the shell would read it: in quotes as a whole or in part, and with \ before a quote, a space or another \. */
const WORD = /(?:"(?:\\["'\\]|[^"])*"|'(?:\\["'\\]|[^'])*'|\\["'\\ ]|[^\s"'])+/g;

/** A word that starts with # begins a comment. */
function splitWords(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.matchAll(WORD)) {
    if (word.startsWith('#')) break;
    words.push(word.replace(/"((?:\\["'\\]|[^"])*)"|'((?:\\["'\\]|[^'])*)'|\\(["'\\ ])/g, unquote));
  }
  return words;
}

const unquote = (_quoted: string, double?: string, single?: string, escaped?: string): string =>
  escaped ?? (double ?? single ?? '').replace(/\\(["'\\])/g, '$1');

type Store = (settings: HostSettings, line: ConfigLine, value: string) => void;

/** The keywords that are honoured, each with how its value is kept. Which one comes first is decided before. */
const STORE: Readonly<Record<string, { slot: keyof HostSettings; store: Store }>> = {
  hostname: { slot: 'hostName', store: (settings, _line, value) => (settings.hostName = value) },
  port: { slot: 'port', store: (settings, line, value) => (settings.port = wholeNumber(line, value, 65535)) },
  user: { slot: 'user', store: (settings, _line, value) => (settings.user = value) },
  identityfile: { slot: 'identityFiles', store: (settings, _line, value) => settings.identityFiles.push(value) },
  identitiesonly: {
    slot: 'identitiesOnly',
    store: (settings, line, value) => (settings.identitiesOnly = yesOrNo(line, value)),
  },
  identityagent: { slot: 'identityAgent', store: (settings, _line, value) => (settings.identityAgent = value) },
  proxyjump: { slot: 'proxy', store: (settings, _line, value) => (settings.proxy = { by: 'jump', hops: value }) },
  proxycommand: {
    slot: 'proxy',
    store: (settings, line, value) =>
      (settings.proxy = value === 'none' ? { by: 'jump', hops: 'none' } : { by: 'command', at: at(line) }),
  },
  hostkeyalias: { slot: 'hostKeyAlias', store: (settings, _line, value) => (settings.hostKeyAlias = value) },
  userknownhostsfile: {
    slot: 'userKnownHostsFiles',
    store: (settings, line) => (settings.userKnownHostsFiles = line.args),
  },
  globalknownhostsfile: {
    slot: 'globalKnownHostsFiles',
    store: (settings, line) => (settings.globalKnownHostsFiles = line.args),
  },
  revokedhostkeys: {
    slot: 'revokedHostKeysFile',
    store: (settings, _line, value) => (settings.revokedHostKeysFile = value),
  },
  connecttimeout: {
    slot: 'connectTimeoutSeconds',
    store: (settings, line, value) => {
      const seconds = value === 'none' ? 0 : readSeconds(line, value);
      // 0 and none leave it to the system; here there always is a limit.
      if (seconds > 0) settings.connectTimeoutSeconds = seconds;
    },
  },
};

function wholeNumber(line: ConfigLine, value: string, max: number): number {
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > max) {
    throw configError(line, `${line.keyword}: '${value}' is not a number from 1 to ${max}`);
  }
  return number;
}

const SECONDS: Readonly<Record<string, number>> = { '': 1, s: 1, m: 60, h: 3600, d: 86400, w: 604800 };

/** sshd_config(5), TIME FORMATS: `90`, `1m30s`. */
function readSeconds(line: ConfigLine, value: string): number {
  const parts = [...value.toLowerCase().matchAll(/(\d+)([smhdw]?)/g)];
  const seconds = parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (SECONDS[unit] ?? NaN), 0);
  if (parts.map(([part]) => part).join('') === value.toLowerCase() && parts.length > 0 && seconds <= 86400)
    return seconds;
  throw configError(line, `${line.keyword}: '${value}' is not a time of at most 86400 seconds`);
}

function yesOrNo(line: ConfigLine, value: string): boolean {
  if (/^(?:yes|true)$/i.test(value)) return true;
  if (/^(?:no|false)$/i.test(value)) return false;
  throw configError(line, `${line.keyword}: '${value}' is neither yes nor no`);
}

/**
 * What the lines say about a host. Tokens (%h, ~ …) are left as written.
 *
 * @throws UsageError `ssh-config` naming file and line, for a value that can't be, or a Match that can't be decided.
 */
export function lookUpHost(lines: readonly ConfigLine[], query: HostQuery): HostSettings {
  const settings: HostSettings = { identityFiles: [] };
  if (query.user !== undefined) settings.user = query.user;
  const pass = new Pass(query, settings, false);
  pass.walk(lines, 'on');
  if (pass.sawFinal) new Pass(query, settings, true).walk(lines, 'on');
  // The two passes may both have met the same IdentityFile.
  settings.identityFiles = [...new Set(settings.identityFiles)];
  return settings;
}

const hostNameOf = ({ host }: HostQuery, { hostName = host }: HostSettings): string => hostName.replaceAll('%h', host);

/** Whether the current block applies; a line when nobody can say (the Match it belongs to). */
type State = 'on' | 'off' | ConfigLine;

class Pass {
  sawFinal = false;
  private readonly host: string;

  constructor(
    private readonly query: HostQuery,
    private readonly settings: HostSettings,
    private readonly isFinal: boolean,
  ) {
    // The second time around, Host is about the name that was found the first time.
    this.host = isFinal ? hostNameOf(query, settings) : query.host;
  }

  /** A block inside an included file ends with the file, and can't apply where the Include itself does not. */
  walk(lines: readonly ConfigLine[], outer: State): void {
    let state = outer;
    for (const line of lines) {
      if (line.keyword === 'host') state = narrow(outer, matchesPatterns(this.host, line.args) ? 'on' : 'off');
      else if (line.keyword === 'match') state = narrow(outer, this.matches(line));
      else if (line.included !== undefined) for (const file of line.included) this.walk(file, state);
      else this.take(line, state);
    }
  }

  private take(line: ConfigLine, state: State): void {
    const known = STORE[line.keyword];
    if (known === undefined || state === 'off') return;
    const repeats = known.slot === 'identityFiles';
    if (!repeats && this.settings[known.slot] !== undefined) return;
    if (state !== 'on') {
      throw configError(
        state,
        `'Match ${state.args.join(' ')}' would set ${line.keyword} for ${this.query.host} (line ${line.line}), and whether it applies is not decided here`,
        'set the field on the Director, or give the host a Host block above this one',
      );
    }
    const value = line.args[0];
    if (value === undefined) throw configError(line, `${line.keyword} has no value`);
    known.store(this.settings, line, value);
  }

  private matches(line: ConfigLine): State {
    let undecided = false;
    const args = line.args.flatMap(splitClaim);
    for (let index = 0; index < args.length; index++) {
      const word = (args[index] ?? '').toLowerCase();
      const [keyword, negated] = word.startsWith('!') ? [word.slice(1), true] : [word, false];
      const claim = this.claim(keyword, args[index + 1] ?? '');
      if (!NO_ARGUMENT.has(keyword)) index += 1;
      if (claim === undefined) undecided = true;
      else if (claim === negated) return 'off';
    }
    return undecided ? line : 'on';
  }

  /** Whether one criterion of a Match holds; undefined when that can't be told. */
  private claim(keyword: string, argument: string): boolean | undefined {
    const matches = (name: string): boolean => matchesPatterns(name, argument.split(','));
    const { query, settings } = this;
    switch (keyword) {
      case 'all':
        return true;
      case 'canonical': // names are not canonicalised, so there is a second pass for `final` only
        return this.isFinal;
      case 'final':
        this.sawFinal = true;
        return this.isFinal;
      case 'host':
        return matches(hostNameOf(query, settings));
      case 'originalhost':
        return matches(query.host);
      case 'user':
        return matches(settings.user ?? query.localUser);
      case 'localuser':
        return matches(query.localUser);
      default:
        return undefined;
    }
  }
}

/** `host=lb1`, or a word of `host = lb1`, without the `=`. */
const splitClaim = (word: string): string[] => {
  const at = /^!?[a-z]*=/i.exec(word)?.[0].length ?? 0;
  return at === 0 ? [word] : [word.slice(0, at - 1), word.slice(at)].filter((part) => part !== '');
};

const NO_ARGUMENT = new Set(['all', 'canonical', 'final']);

function narrow(outer: State, inner: State): State {
  if (outer === 'off' || inner === 'off') return 'off';
  return outer === 'on' ? inner : outer;
}
