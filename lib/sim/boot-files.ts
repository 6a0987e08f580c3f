/**
 * The scripts for boot files on a simulated director: a Debian with systemd whose file of rules is not loaded at boot, for
 * both of its reasons: the setting says so, and nothing starts its unit.
 */
import { BOOT_SIGNS, BOOT_TEXTS, DEBIAN_SETTINGS, type ReadBootScript } from '../dialect/boot-script';
import { BOOT_UNIT_NAME, BOOT_UNIT_PATH } from '../dialect/boot-unit';
import type { PartResult } from '../dialect/script';
import { RECORDS_FOLDER, RULES_PATH } from '../model';
import { wholeInput } from './batch';
import type { Disk } from './disk';

const THERE = ['/etc/debian_version', '/run/systemd/system'];
const SETTINGS = 'AUTO="false"\nDAEMON="none"\n';
const WANTED = `/etc/systemd/system/multi-user.target.wants/${BOOT_UNIT_NAME}`;
const STARTED = '/etc/systemd/system/multi-user.target.wants/ipvsadm.service';

export function runBootScript(disk: Disk, script: ReadBootScript, stdin: string): PartResult {
  return script.kind === 'boot-read' ? read(disk, script) : write(disk, script, stdin);
}

function matching(paths: readonly string[], patterns: readonly string[]): string[] {
  return patterns.flatMap((pattern) => {
    const matcher = new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^/]*')}$`);
    return paths.filter((path) => matcher.test(path));
  });
}

function read(disk: Disk, { options }: ReadBootScript & { kind: 'boot-read' }): PartResult {
  const mark = `@@${options.nonce}`;
  const files = new Map([
    [DEBIAN_SETTINGS, SETTINGS],
    ...disk.paths().map((path): [string, string] => [path, disk.read(path) ?? '']),
  ]);
  const texts = matching([...files.keys()], BOOT_TEXTS);
  const there = matching([...THERE, ...files.keys()], BOOT_SIGNS);
  const stdout = [
    ...texts.map((path) => `\n${mark} text ${path}\n${files.get(path) ?? ''}`),
    ...there.map((path) => `\n${mark} there ${path}\n`),
    `\n${mark} end\n`,
  ].join('');
  return { code: 0, stdout, stderr: '' };
}

function write(disk: Disk, { job, options }: ReadBootScript & { kind: 'boot-write' }, stdin: string): PartResult {
  const mark = `@@${options.nonce}`;
  const lines = wholeInput(stdin, options);
  if (lines === undefined) return { code: 9, stdout: `${mark} truncated\n`, stderr: '' };
  const own = `${RECORDS_FOLDER}/${job.record}.boot`;
  const take = (path: string, count: number): boolean => disk.replace(path, `${lines.splice(0, count).join('\n')}\n`);
  const refused = (what: string): PartResult => ({
    code: 0,
    stdout: `${mark} refused ${what}\nsh: 1: cannot create: No space left on device\n${mark} end\n`,
    stderr: '',
  });
  if (typeof job.own === 'number' && !take(own, job.own)) return refused('own');
  if (typeof job.unit === 'number' && !take(BOOT_UNIT_PATH, job.unit)) return refused('unit');
  if (job.rules !== undefined && !take(RULES_PATH[job.rules.layout], job.rules.lines)) return refused('rules');
  if (job.enableUnit === true) disk.touch(WANTED);
  if (job.rulesSwitch !== undefined) {
    const settings = disk.read(DEBIAN_SETTINGS) ?? SETTINGS;
    const line = /^[ \t]*AUTO=.*$/gm;
    const added = job.rulesSwitch.on && !line.test(settings) ? '\nAUTO=true\n' : '';
    disk.write(DEBIAN_SETTINGS, settings.replace(line, `AUTO=${String(job.rulesSwitch.on)}`) + added);
  }
  if (job.startRules === true) disk.touch(STARTED);
  if (job.startRules === false) disk.remove(STARTED);
  if (job.own === 'remove') disk.remove(own);
  if (job.unit === 'remove') for (const path of [WANTED, BOOT_UNIT_PATH]) disk.remove(path);
  return { code: 0, stdout: `${mark} done\n${mark} end\n`, stderr: '' };
}
