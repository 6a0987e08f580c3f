/** What the reading script saw of a director's boot files, as what a boot would do with them. */
import {
  type BootLayout,
  type BootState,
  type BootUnit,
  type DistributionRules,
  ParseError,
  RECORDS_FOLDER,
  recordName,
  RULES_PATH,
  SYNC_DAEMON_DEFAULTS,
  type SyncDaemon,
  SyncRole,
} from '../model';
import { parseBootFile } from './boot';
import { type BootListing, DEBIAN_SETTINGS, parseBootListing } from './boot-script';
import { BOOT_UNIT, BOOT_UNIT_NAME, BOOT_UNIT_PATH } from './boot-unit';
import { parseRulesFile } from './rules';

/**
 * What bootReadScript printed, for one stack. Files that can't be understood are no failure: what they would do is then
 * not known, and said so.
 *
 * @throws ParseError when the output is cut short
 */
export function parseBootState(stdout: string, nonce: string, stack: string): BootState {
  const listing = parseBootListing(stdout, nonce);
  const layout = findLayout(listing);
  const record = recordName(stack);
  const ownText = listing.texts.get(`${RECORDS_FOLDER}/${record}.boot`) ?? null;
  return {
    layout,
    systemd: listing.there.has('/run/systemd/system'),
    rules: layout === null ? null : readRules(layout, listing),
    unit: readUnit(listing),
    own: ownText === null ? null : understood(() => parseBootFile(ownText, stack)),
    ownText,
    others: [...listing.texts.keys()]
      .flatMap((path) => /^.*\/([^/]+)\.boot$/.exec(path)?.[1] ?? [])
      .filter((name) => name !== record),
  };
}

function findLayout({ texts, closed, there }: BootListing): BootLayout | null {
  if (texts.has(DEBIAN_SETTINGS) || closed.has(DEBIAN_SETTINGS) || there.has('/etc/debian_version')) return 'debian';
  return there.has('/etc/sysconfig') ? 'rhel' : null;
}

function understood<T>(parse: () => T): T | 'corrupt' {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ParseError) return 'corrupt';
    throw error;
  }
}

function readUnit({ texts, there }: BootListing): BootUnit {
  const text = texts.get(BOOT_UNIT_PATH);
  if (text === undefined) return 'missing';
  if (text !== BOOT_UNIT) return 'different';
  return wanted(there, BOOT_UNIT_NAME) ? 'enabled' : 'disabled';
}

/** Whether a target or another unit starts it. */
function wanted(there: ReadonlySet<string>, unit: string): boolean {
  return [...there].some((path) => path.endsWith(`.wants/${unit}`));
}

function readRules(layout: BootLayout, { texts, closed, there }: BootListing): DistributionRules {
  const path = RULES_PATH[layout];
  const settings = layout === 'debian' ? (texts.get(DEBIAN_SETTINGS) ?? '') : '';
  const started = wanted(there, 'ipvsadm.service') || [...there].some((link) => link.startsWith('/etc/rc'));
  const isSet = layout === 'rhel' || setting(settings, 'AUTO') === 'true';
  const lacks: DistributionRules['lacks'] = [...(isSet ? [] : ['setting' as const]), ...(started ? [] : ['unit' as const])]; // prettier-ignore
  const text = texts.get(path) ?? null;
  const file = { path, text, loaded: lacks.length === 0, lacks, daemons: started ? debianDaemons(settings) : [] };
  if (closed.has(path)) return { ...file, table: null, problem: 'this login may not read it' };
  try {
    return { ...file, table: parseRulesFile(text ?? '') };
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    return { ...file, table: null, problem: `line ${error.line}: ${error.reason}: ${error.text}` };
  }
}

/** The value of a variable as the shell that reads the file will have it: the last one counts. */
function setting(settings: string, name: string): string | undefined {
  const lines = [...settings.matchAll(new RegExp(`^[ \\t]*${name}=["']?([^"'\\s#]*)`, 'gm'))];
  return lines.at(-1)?.[1];
}

/** Sync daemons that Debian starts by its settings, whether or not it loads the rules. */
function debianDaemons(settings: string): SyncDaemon[] {
  const mode = setting(settings, 'DAEMON');
  const roles = SyncRole.options.filter((role) => mode === role || mode === 'both');
  const { group, port, ttl } = SYNC_DAEMON_DEFAULTS;
  return roles.map((role) => ({
    role,
    interface: setting(settings, 'IFACE') ?? 'eth0',
    syncId: Number(setting(settings, 'SYNCID') ?? 0),
    maxLength: null,
    group,
    port,
    ttl,
  }));
}
