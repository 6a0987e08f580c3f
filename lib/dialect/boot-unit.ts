/**
 * The unit that restores at boot what stacks have persisted: everything, not only what the distribution's file can't
 * hold. That file is off by default on Debian, is rewritten at every stop on RHEL, and knows no mark rules.
 *
 * - Entries are added and then edited: what the distribution's unit has loaded already gets its thresholds back, and
 *   nothing foreign is touched. That an entry is there already is no failure, all else is.
 * - After everything that may replace the firewall's tables, or clear IPVS' one; once more whenever ipvsadm.service is
 *   restarted or reloaded, since both clear the table.
 * - Sync daemons come last, and only with the network: they need their interface, and the kernel refuses real servers
 *   of the other family beside one.
 */
import { RECORDS_FOLDER } from '../model';

export const BOOT_UNIT_NAME = 'lvsform-boot.service';
export const BOOT_UNIT_PATH = `/etc/systemd/system/${BOOT_UNIT_NAME}`;

/** Lines of all stacks' files that begin with a word, without it. */
const pick = (word: string): string => `sed -n "s/^${word} //p" *.boot`;
/** Any word from the tool is a failure: `ipvsadm -R` hides all but the last line's from its exit code. */
const heeded = (command: string): string => `${command} 2>&1 | grep . && failed=1`;

const marks = (family: string, program: string): string[] => [
  `${pick(family)} | grep -q . && { ${pick(family)} | ${program}-restore --noflush -w 10 || failed=1; }`,
  // Rules that were saved with our chain may have brought the jump back already.
  `${pick(`jump-${family}`)} | while read -r chain; do ${program} -w 10 -t mangle -C PREROUTING -j "$$chain" 2>/dev/null || ${program} -w 10 -t mangle -A PREROUTING -j "$$chain" || exit 1; done || failed=1`,
];

const PROGRAM = [
  'failed=0',
  `${pick('entry')} | ipvsadm -R 2>/dev/null`,
  heeded('sed -n -e "s/^entry -A/-E/p" -e "s/^entry -a/-e/p" -e "s/^timeouts //p" *.boot | ipvsadm -R'),
  ...marks('inet', 'iptables'),
  ...marks('inet6', 'ip6tables'),
  'sed -n -e "s/^daemon --start-daemon master .*/--stop-daemon master/p" -e "s/^daemon --start-daemon backup .*/--stop-daemon backup/p" *.boot | ipvsadm -R 2>/dev/null',
  heeded(`${pick('daemon')} | ipvsadm -R`),
  'exit $$failed',
].join('; \\\n  ');

/** The unit's text. Everything it restores is data in the stacks' own files. */
export const BOOT_UNIT = `# Made by lvsform: restores at boot what its stacks persist in ${RECORDS_FOLDER}/*.boot.
[Unit]
Description=Linux Virtual Server entries persisted by lvsform
Wants=network-online.target
After=network-online.target ipvsadm.service netfilter-persistent.service iptables.service ip6tables.service nftables.service firewalld.service ufw.service
PartOf=ipvsadm.service
ReloadPropagatedFrom=ipvsadm.service
ConditionPathExistsGlob=${RECORDS_FOLDER}/*.boot

[Service]
Type=oneshot
RemainAfterExit=yes
WorkingDirectory=${RECORDS_FOLDER}
Environment=LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
ExecStart=/bin/sh -c '${PROGRAM}'
ExecReload=/bin/sh -c '${PROGRAM}'

[Install]
WantedBy=multi-user.target ipvsadm.service
`;
