/** What the reading script found in our folder on the director and in net.ipv4.vs: lines with their file's name. */
import { undoKeyId } from './undo-program';
import { type DirectorRecords, Ledger, RECORDS_FOLDER, UNDO_STATES, type UndoRecord, type VsSettings } from '../model';

/** By path, what each file says. */
export function parseFiles(text: string): Map<string, string> {
  const files = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const found = /^(\/[^:]+):(.*)$/.exec(line);
    if (found?.[1] === undefined) continue;
    const lines = files.get(found[1]) ?? [];
    lines.push(found[2] ?? '');
    files.set(found[1], lines);
  }
  return new Map([...files].map(([path, lines]) => [path, lines.join('\n')]));
}

/** Ledgers and undo states. What can't be understood is `corrupt`, and never a reason to fail: nothing follows from it. */
export function parseRecords(files: ReadonlyMap<string, string>): DirectorRecords {
  const records: DirectorRecords = { ledgers: {}, undo: {} };
  for (const [path, text] of files) {
    const [, name, kind] = /^(.+)(\.json|\.undo\/status)$/.exec(path.replace(`${RECORDS_FOLDER}/`, '')) ?? [];
    if (!path.startsWith(RECORDS_FOLDER) || name === undefined) continue;
    if (kind === '.json') records.ledgers[name] = parseLedger(text);
    else {
      const undo = parseUndo(text);
      if (undo !== undefined) records.undo[name] = undo;
    }
  }
  return records;
}

function parseLedger(text: string): Ledger | 'corrupt' {
  try {
    return Ledger.parse(JSON.parse(text));
  } catch {
    return 'corrupt';
  }
}

/** `confirmed 1795391000 0123456789abcdef` and, after that, words. */
export function parseUndo(text: string): UndoRecord | undefined {
  const [word, at, token = '', ...detail] = text.trim().split(/\s+/);
  const state = UNDO_STATES.find((candidate) => candidate === word);
  return state === undefined ? undefined : { state, at: Number(at), token, detail: withIds(detail.join(' ')) };
}

/** `somebody else changed: timeouts;pool -t 192.0.2.1:80;` with the ids a plan has, each once. */
function withIds(detail: string): string {
  const [why = '', keys] = detail.split('somebody else changed: ');
  if (keys === undefined) return detail;
  const ids = keys.split(';').flatMap((key) => (key.trim() === '' ? [] : [undoKeyId(key.trim())]));
  return `${why}somebody else changed: ${[...new Set(ids)].join(', ')}`;
}

export function parseVsSettings(files: ReadonlyMap<string, string>): VsSettings {
  const setting = (name: string): boolean | null => {
    const text = files.get(`/proc/sys/net/ipv4/vs/${name}`);
    return text === undefined ? null : text.trim() !== '0';
  };
  return {
    expireNodestConn: setting('expire_nodest_conn'),
    expireQuiescentTemplate: setting('expire_quiescent_template'),
  };
}
