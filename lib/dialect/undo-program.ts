/**
 * The program that takes an apply back on the director itself, when nobody else is there to do it. It is placed beside
 * its data before the first change and may be run by hand, any number of times:
 *
 *     sh /var/lib/lvsform/STACK.undo/run now
 *
 * Constant text for any POSIX shell and awk. Beside it in its folder:
 *
 * - `plan`: what to run, as {@link renderUndo} writes it; `sudo`: what to run it with; `chain`: our chain of mark rules;
 *   `parts`: which listings tell of the entries that `plan` depends on
 * - `before`: listings from before the apply: those it was planned from, or made by `run before`. What is as it was then
 *   needs no undo: its command was never run, or taken back by hand.
 * - `ledger`: the stack's ledger before the apply, empty where there was none; it comes back with the table
 * - `after`: listings of the table as the apply left it, made by `run left`. An entry that looks otherwise when the undo
 *   runs was changed by somebody else and is left alone.
 * - `status`: one line, see UndoRecord; `spare`: room for that line when the disk is full
 *
 * Listings are kept as they are printed, in the form of the reading script (script.ts), and read only when there is
 * something to take back.
 *
 * No clock decides anything: seconds are counted by sleeping.
 */
import type { Command, Tool } from '../model';
import { FETCH_PARTS } from './script';

/** How long a lock may look free before its holder counts as gone: a test for it by somebody else takes a moment. */
export const GONE_SECONDS = 3;

/** The listings there are, by the names they have in the reading script. */
export const LISTINGS = ['save', 'thresholds', 'timeout', 'daemon', 'marks', 'marks6'] as const;
export type Listing = (typeof LISTINGS)[number];

const commandOf = (name: Listing): string => FETCH_PARTS.find((part) => part.name === name)?.command ?? '';

export const UNDO_PROGRAM = String.raw`#!/bin/sh
# Takes back the last apply of this stack on this director: only what it touched, and only what is still as it was left.
# Usage: sh run now [WHY]. Any number of times. Made by lvsform.
umask 077
export LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
case $0 in */*) cd "${'$'}{0%/*}" || exit 1 ;; esac
read -r sudo < sudo
read -r chain < chain
read -r parts < parts

# The listings, each after a line with its name; the last line says that they are whole.
listings() {
  for part in $parts; do
    echo "@@0 $part"
    case $part in
${LISTINGS.map((name) => `      ${name}) $sudo ${commandOf(name)} ;;`).join('\n')}
    esac
  done 2>/dev/null
  echo "@@0 end"
}

# What is to be run, of what is not as it was before and still as it was left: group, tool, line. And what was left alone:
# the key that somebody else changed, and the line where it has its reason still.
# A key after a question mark is no reason to run a line, and one not to.
# While somebody else puts services in, the kernel may list one once more: the first counts.
choose() {
  {
    echo "@@ before"; cat before
    echo "@@ after"; cat after
    echo "@@ now"; listings
    echo "@@ plan"; cat plan
  } 2>/dev/null | awk -v chain="$chain" '
    function note(key, text) { table[time, key] = text }
    function join(key, text) { table[time, key] = table[time, key] text ";" }
    function known(key) { return (time, key) in table }
    time == "plan" {
      n = split($0, row, "\t"); m = split(row[3], keys, ";"); mine = 1; todo = !begun; still = ""
      for (i = 1; i <= m; i++) {
        asks = !sub(/^[?]/, "", keys[i]); key = keys[i]
        if (table["now", key] == table["before", key]) { if (begun) continue }
        else if (asks) { todo = 1; if (table["now", key] == table["after", key]) still = row[4] }
        if (ended && table["now", key] != table["after", key]) { mine = 0; changed = key }
      }
      if (todo && mine) print row[1] "\t" row[2] "\t" row[4]
      else if (todo) print "left\t-\t" changed "\t" still
      next
    }
    /^@@ / { time = $2; part = ""; next }
    /^@@[0-9a-f]+ / {
      part = $2; again = 0
      if (time == "before") begun = 1
      if (time == "after" && part == "end") ended = 1
      if (part == "marks") marks = "marks iptables"
      if (part == "marks6") marks = "marks ip6tables"
      if (part ~ /^marks/) note(marks, "")
      next
    }
    part == "save" && $1 == "-A" {
      service = $2 " " $3; if ($4 == "-6") service = service " -6"
      again = known(service); if (!again) note(service, $0)
    }
    part == "save" && $1 == "-a" && !again {
      key = $2; for (i = 3; $(i - 2) != "-r"; i++) key = key " " $i
      note(key, $0); join("pool " service, $0)
    }
    part == "thresholds" && /^(TCP|UDP|SCTP|FWM) / {
      option = $1 == "TCP" ? "-t" : $1 == "UDP" ? "-u" : $1 == "SCTP" ? "--sctp-service" : "-f"
      service = "thresholds " option " " $2; if ($1 == "FWM" && $3 == "IPv6") service = service " -6"
      again = known("seen " service); note("seen " service, "")
    }
    part == "thresholds" && $1 == "->" && $2 != "RemoteAddress:Port" && !again {
      note(service " -r " $2, $3 " " $4); join("pool " service, $2 " " $3 " " $4)
    }
    part == "timeout" && /^Timeout/ { note("timeouts", $0) }
    part == "daemon" && NF { note("daemon " $1, $0) }
    part ~ /^marks/ {
      for (i = 1; i <= NF; i++) if ($i == chain || $i == ":" chain) {
        sub(/ \[[0-9]+:[0-9]+\]$/, ""); join(marks, $0); break
      }
    }'
}

take_back() { # runs what was chosen, group by group
  printf '%s\n' "$chosen" | awk -F '\t' '$1 != "left" && $1 != before { print $1, $2; before = $1 }' | while read -r group tool; do
    case $tool in
      ipvsadm) command='ipvsadm -R' ;;
      *) command="$tool --noflush -w 10" ;;
    esac
    printf '%s\n' "$chosen" | awk -F '\t' -v group="$group" '$1 == group { print $3 }' | $sudo $command 2>&1 >/dev/null
  done
}

still_to_do() { # what would be chosen once more, now that all of it was run: that was refused
  { printf '%s\n' "$chosen"; echo '@@'; choose; } | awk -F '\t' '
    $1 == "@@" { again = 1; next }
    !again && $1 == "left" { told[$3] = 1 }
    again && $1 != "left" { print $3 }
    again && $1 == "left" && !($3 in told) && $4 != "" { print $4 }' | tr '\n' ';'
}

word() { read -r word rest < status && printf '%s' "$word"; }
token() { read -r word at token rest < status && printf '%s' "$token"; }

undo() { # WHY
  case $(word) in
    undone | partly | superseded) cat status; return ;;
  esac
  # Whether this apply, or an earlier part of it, has written a new one or not.
  if [ -e ledger ]; then
    record=../$(basename "$PWD" .undo).json
    if [ -s ledger ]; then cp ledger "$record.new" && mv -f "$record.new" "$record" || rm -f "$record.new"; else rm -f "$record"; fi
  fi 2>/dev/null
  chosen=$(choose)
  left=$(printf '%s\n' "$chosen" | awk -F '\t' '$1 == "left" && !told[$3]++ { print $3 }' | tr '\n' ';')
  said=$(take_back | tr '\n' ' ' | sed 's/ $//')
  # A listing may miss an entry while somebody else puts others in.
  for look in 1 2 3; do stuck=$(still_to_do); [ -n "$stuck" ] || break; done
  line="$(date +%s) $(token) $1"
  [ -z "$said" ] || line="$line; said: $said"
  [ -z "$stuck" ] || line="$line; still to do: ${'$'}{stuck%;}"
  [ -z "$left" ] || line="$line; somebody else changed: $left"
  if [ -n "$stuck" ]; then line="stuck $line"; elif [ -n "$left" ]; then line="partly $line"; else line="undone $line"; fi
  rm -f spare
  { printf '%s\n' "$line" > status.new && mv -f status.new status; } 2>/dev/null || printf '%s\n' "$line" > status
  cat status
}

case $1 in
  before)
    parts="${LISTINGS.join(' ')}"
    listings > before
    ;;
  left)
    listings > after
    ;;
  now)
    exec 8>>../work
    flock 8
    undo "$2"
    ;;
  orphan)
    [ "$(word)" = armed ] || exit 0
    exec 8>>../work
    flock 8
    [ "$(word)" = armed ] || exit 0
    undo 'the apply was never confirmed'
    ;;
  armed)
    printf '%s\n' "$$" > watching
    second=0 gone=0
    while [ "$second" -lt "$2" ] && [ "$gone" -lt ${GONE_SECONDS} ]; do
      sleep 1
      second=$((second + 1))
      read -r word rest < status && [ "$word" = armed ] || exit 0
      if flock -s -n 9; then gone=$((gone + 1)); else gone=0; fi 9>> ../lock
    done
    exec 8>>../work
    flock 8
    [ "$(word)" = armed ] || exit 0
    if [ "$gone" -gt 0 ]; then undo 'the apply died before it was confirmed'; else undo "not confirmed within $2 s"; fi
    ;;
esac
`;

/** One command of an undo with the entries it depends on: keys as the program's `choose` makes them. */
export interface UndoRow {
  group: number;
  tool: Tool;
  keys: string[];
  line: string;
}

/** What an undo is given. */
export interface Undo {
  /** `plan`: the commands in the order to run them, each with group, tool, keys and line, by tabs. */
  lines: string[];
  /** `parts` */
  listings: Listing[];
}

/** The undo that runs these commands, in this order. */
export function renderUndo(commands: readonly Command[]): Undo {
  const rows = undoRows(commands);
  const needed = new Set(rows.flatMap(({ keys }) => keys.map(listingOf)));
  return {
    lines: rows.map(({ group, tool, keys, line }) => [group, tool, keys.join(';'), line].join('\t')),
    listings: LISTINGS.filter((listing) => needed.has(listing)),
  };
}

/** The listing that tells of a key. */
function listingOf(key: string): Listing {
  const [kind = '', name] = key.replace(/^\?/, '').split(' ');
  if (kind === 'timeouts') return 'timeout';
  if (kind === 'daemon') return 'daemon';
  if (kind === 'marks') return name === 'iptables' ? 'marks' : 'marks6';
  return kind === 'thresholds' || name === 'thresholds' ? 'thresholds' : 'save';
}

/** Reads the lines of an {@link Undo}, for the simulator. */
export function parseUndoLines(lines: readonly string[]): UndoRow[] {
  return lines.map((text) => {
    const [group = '', tool = '', keys = '', line = ''] = text.split('\t');
    return { group: Number(group), tool: tool as Tool, keys: keys.split(';'), line };
  });
}

const PROTOCOLS: Readonly<Record<string, string>> = { '-t': 'tcp', '-u': 'udp', '--sctp-service': 'sctp', '-f': 'fwm' };

/** The id a plan has for what a key of the undo names: `pool -t 192.0.2.1:80` is `tcp/192.0.2.1:80`. */
export function undoKeyId(key: string): string {
  const words = key.replace(/^(?:pool )?(?:thresholds )?/, '').split(' ');
  const [kind = '', name = ''] = words;
  if (kind === 'daemon') return `sync/${name}`;
  if (kind === 'marks') return `mark rules of ${name}`;
  const protocol = PROTOCOLS[kind];
  if (protocol === undefined) return key;
  const service = `${protocol}${words.includes('-6') ? '6' : ''}/${name}`;
  const server = words[words.indexOf('-r') + 1];
  return words.includes('-r') ? `${service}/${server ?? ''}` : service;
}

function undoRows(commands: readonly Command[]): UndoRow[] {
  const scope: UndoScope = {
    services: new Set(commands.filter(isOfService).map(serviceKey)),
    removed: new Set(commands.filter(({ args }) => args[0] === '-D').map(serviceKey)),
    restores: new Set(commands.map(({ tool }) => tool)),
  };
  let group = 0;
  let before: Command | undefined;
  return commands.flatMap((command) => {
    // A restore is one transaction; ipvsadm takes as many lines as there are.
    if (command.tool !== 'ipvsadm' || before?.tool !== 'ipvsadm') group += 1;
    before = command;
    const keys = keysOf(command, scope);
    const lines = command.input === undefined ? [command.args.join(' ')] : command.input.trimEnd().split('\n');
    return lines.map((line) => ({ group, tool: command.tool, keys, line }));
  });
}

/** What an undo is about as a whole. */
interface UndoScope {
  /** Services it makes, edits or removes, and those it removes. */
  services: ReadonlySet<string>;
  removed: ReadonlySet<string>;
  restores: ReadonlySet<Tool>;
}

const marksKey = (tool: Tool): string => `marks ${tool.replace('-restore', '')}`;

const isOfService = ({ args }: Command): boolean => ['-A', '-D', '-E'].includes(args[0] ?? '');

const serviceKey = ({ args }: Command): string => [args[1], args[2], ...(args[3] === '-6' ? ['-6'] : [])].join(' ');

/** Which entries have to be as they were left for this command to be ours to run. */
function keysOf(command: Command, { services, removed, restores }: UndoScope): string[] {
  const { tool, args } = command;
  if (tool !== 'ipvsadm') return [marksKey(tool)];
  const [verb = ''] = args;
  if (verb === '--set') return ['timeouts'];
  if (verb === '--start-daemon' || verb === '--stop-daemon') return [`daemon ${args[1] ?? ''}`];
  const service = serviceKey(command);
  const steering = args[3] === '-6' ? 'ip6tables-restore' : 'iptables-restore';
  // Where mark rules stay because somebody else changed them, the service they lead to stays as well.
  const marks = args[1] === '-f' && removed.has(service) && restores.has(steering) ? [`?${marksKey(steering)}`] : [];
  // Removing a service removes its real servers, whoever put or changed them there.
  if (verb === '-D') return [...marks, service, `?pool thresholds ${service}`, `?pool ${service}`];
  if (isOfService(command)) return [service];
  const server = `${service} -r ${args[args.indexOf('-r') + 1] ?? ''}`;
  return [...marks, ...(services.has(service) ? [`?${service}`] : []), server, `thresholds ${server}`];
}
