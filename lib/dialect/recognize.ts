/** Which of our scripts a text is, for the simulator: it knows exactly these and nothing that merely looks like them. */
import type { Tool } from '../model';
import { controllersScript } from './controllers';
import { drainScript } from './drain-script';
import { confirmScript, guardScript } from './guard-script';
import { lockScript, locksScript, rollbackScript } from './lock-script';
import { type BatchPart, batchScript, FETCH_SCOPES, fetchScript, type FetchScope } from './script';
import type { ScriptOptions } from './shell';
import { statsScript } from './stats-script';

/** Scripts that nothing but nonce and `sudo -n` vary. */
const CONSTANT = {
  lock: lockScript,
  locks: locksScript,
  rollback: rollbackScript,
  confirm: confirmScript,
  drain: drainScript,
  controllers: controllersScript,
  stats: statsScript,
} as const;

/** Scripts that run a batch. */
const BATCHES = { batch: batchScript, guard: guardScript } as const;

interface Varied {
  fetch: { scope: FetchScope; keptFor: string | undefined };
  batch: { parts: BatchPart[] };
  guard: { parts: BatchPart[] };
}

type Kind = 'fetch' | keyof typeof BATCHES | keyof typeof CONSTANT;

/** One of our scripts, with what makes it differ from others of its kind. */
export type ReadScript<Some extends Kind = Kind> = {
  [Each in Some]: { kind: Each; options: ScriptOptions } & (Each extends keyof Varied ? Varied[Each] : unknown);
}[Some];

/** @returns undefined when it is none of ours. */
export function recognizeScript(text: string): ReadScript | undefined {
  const nonce = /@@([0-9a-f]+)/.exec(text)?.[1];
  if (nonce === undefined) return undefined;
  const options = { nonce, sudo: text.includes('sudo -n') };
  const keptFor = /> reading@([0-9a-f]+)\.new /.exec(text)?.[1];
  const scope = FETCH_SCOPES.find((candidate) => text === fetchScript(options, candidate, keptFor));
  if (scope !== undefined) return { kind: 'fetch', scope, keptFor, options };
  const constant = namesOf(CONSTANT).find((kind) => text === CONSTANT[kind](options));
  if (constant !== undefined) return { kind: constant, options };
  const parts = readParts(text);
  const batch = namesOf(BATCHES).find((kind) => text === BATCHES[kind](parts, options));
  return batch === undefined ? undefined : { kind: batch, parts, options };
}

function readParts(text: string): BatchPart[] {
  const calls = text.matchAll(/^(?:sleep (\d+)\n)?part (\d+) (\d+) (?:sudo -n )?(\S+)/gm);
  return [...calls].map(([, pause, first, last, tool]) => ({
    tool: tool as Tool,
    lines: Number(last) - Number(first) + 1,
    ...(pause === undefined ? {} : { pauseSeconds: Number(pause) }),
  }));
}

const namesOf = <Name extends string>(scripts: Readonly<Record<Name, unknown>>): Name[] =>
  Object.keys(scripts) as Name[];
