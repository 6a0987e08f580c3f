/**
 * Why a tool on a director gave no listing. Its exit code says little and its words differ by version (before 1.30
 * ipvsadm prints the wrong text for most errors), so several are looked for.
 */
import { TransportError, type TransportCode } from '../model';
import { UNLISTED } from './marks';
import { FETCH_PARTS, type FetchPart, type PartResult } from './script';

const NOT_FOUND = /command not found|: not found|No such file or directory/;

/** Whether the program does not exist there. sudo exits with 1 then, a shell with 127. */
export function isMissing(part: PartResult): boolean {
  if (part.code === 0) return false;
  if (/\bsudo: (?:command )?not found/.test(part.stderr)) return false;
  if (part.code === 127 || (/^sudo: /m.test(part.stderr) && NOT_FOUND.test(part.stderr))) return true;
  return NO_TABLE.test(part.stderr);
}

/** The kernel lacks the table or the whole family: as good as no iptables. */
const NO_TABLE = /Table does not exist|do you need to insmod|Address family not supported/;

interface Refusal {
  code: TransportCode;
  words: RegExp;
  message: string;
  hint: string;
}

const SUDOERS =
  'let the login run the tools without a password, in /etc/sudoers.d/lvsform: LOGIN ALL=(root) NOPASSWD: ' +
  '/usr/sbin/ipvsadm, /sbin/ipvsadm, /usr/sbin/iptables-save, /usr/sbin/iptables-restore, /usr/sbin/ip6tables-save, /usr/sbin/ip6tables-restore';

const REFUSALS: readonly Refusal[] = [
  {
    code: 'no-permission',
    words: /\bsudo: (?:command )?not found|sudo: No such file/,
    message: 'sudo is not installed',
    hint: 'log in as root and leave out sudo, or install it',
  },
  {
    code: 'no-permission',
    words:
      /a (?:terminal|password) is required|no tty present|must have a tty|is not in the sudoers file|is not allowed to (?:execute|run)|may not run sudo/,
    message: 'sudo does not let the login run the tools',
    hint: SUDOERS,
  },
  {
    code: 'no-permission',
    // Asked before the module: ipvsadm adds its question about the module to this as well.
    // Before 1.30 ipvsadm says "No space left on device" to those who are not root.
    words: /[Pp]ermission denied|must be root|Operation not permitted|Can't initialize ipvs: No space left on device/,
    message: 'the login may not read the tables',
    hint: `log in as root, or set sudo on the director and ${SUDOERS}`,
  },
  {
    code: 'no-module',
    words: /Protocol not available|Are you sure that IP Virtual Server is built in the kernel/,
    message: 'the kernel has no IPVS',
    hint: 'load it with modprobe ip_vs; a container needs it loaded on its host',
  },
  // iptables-nft 1.8.9 with exit code 3, for `meta mark set`; what it lists lacks the rule.
  { code: 'command-failed', words: /Parsing nftables rule failed/, ...UNLISTED },
];

/**
 * What the tool printed.
 *
 * @throws TransportError when it failed
 */
export function checkPart(name: FetchPart, part: PartResult, director: string): string {
  if (part.code === 0) return part.stdout;
  const command = FETCH_PARTS.find((candidate) => candidate.name === name)?.command ?? name;
  const words = part.stderr.trim().split('\n').filter((line) => !line.startsWith('# Warning')).join('; '); // prettier-ignore
  const cause = new Error(`${command}: exit code ${part.code}: ${words}`);
  const refusal = REFUSALS.find((candidate) => candidate.words.test(part.stderr));
  if (refusal !== undefined) {
    const said = words === '' ? '' : ` (${command}: ${words})`;
    throw new TransportError(refusal.code, director, `${refusal.message}${said}`, { hint: refusal.hint, cause });
  }
  if (command.startsWith('ipvsadm') && isMissing(part)) throw missingIpvsadm(director, cause);
  throw new TransportError('command-failed', director, `${command} failed with exit code ${part.code}: ${words}`, {
    cause,
  });
}

/**
 * Looked for before anything is asked of sudo: one that may run the tools only says "a password is required" for a tool
 * that is not there.
 *
 * @throws TransportError `no-ipvsadm`
 */
export function checkPath(part: PartResult, director: string): void {
  if (part.code !== 0) throw missingIpvsadm(director, new Error(`command -v ipvsadm: exit code ${part.code}`));
}

function missingIpvsadm(director: string, cause: Error): TransportError {
  return new TransportError('no-ipvsadm', director, 'ipvsadm is not installed', {
    hint: 'install it: apt install ipvsadm, or dnf install ipvsadm',
    cause,
  });
}
