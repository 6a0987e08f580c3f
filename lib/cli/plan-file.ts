/** Plan files on this machine: found, read, checked against the program and the directors, and marked as used. */
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import {
  type DesiredStack,
  desiredDigest,
  LvsformError,
  makePlanFile,
  type Moved,
  parsePlanFile,
  type Plan,
  type PlanFile,
  signsOfEditing,
  UsageError,
} from '../model';
import type { OpenPlan } from '../pipeline';
import { writeAtomically } from './atomic-file';
import { authorOf } from '../author';
import type { Io } from './io';
import { loadProject, type ProjectOptions } from './project';
import { parseShard, selectStacks } from './selection';
import { VERSION } from './version';

/**
 * The plan file that is meant by the names on a command line: the only one, and the name of a file. A name that ends in
 * `.json` is never that of a stack.
 *
 * @throws UsageError `no-file`
 */
export function planFileArgument(names: readonly string[], io: Pick<Io, 'cwd'>): string | undefined {
  const [name, ...more] = names;
  if (name === undefined || more.length > 0) return undefined;
  const path = resolve(io.cwd, name);
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return name;
  if (name.endsWith('.json'))
    throw new UsageError('no-file', `there is no plan file ${name}`, { hint: `lvsform plan --out ${name} writes one` });
  return undefined;
}

/** The JSON of a plan file, whoever wrote it. @throws UsageError `no-file`, `not-a-plan-file` */
export function readPlanJson(name: string, io: Pick<Io, 'cwd'>): unknown {
  let text: string;
  try {
    text = readFileSync(resolve(io.cwd, name), 'utf8');
  } catch (error) {
    throw new UsageError('no-file', `${name} can't be read`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError('not-a-plan-file', `${name} is not a plan file: it is not JSON`, { cause: error });
  }
}

export interface PlanFileContent {
  plan: Plan;
  desired: readonly DesiredStack[];
  destroy: boolean;
  /** Names asked for on the command line. */
  only: PlanFile['only'];
  allowed: readonly string[];
}

/** Writes a plan for a later apply. @throws UsageError `not-planned`, `secret`, `not-writable` */
export function writePlanFile(name: string, content: PlanFileContent, io: Io): PlanFile {
  const { commit, job } = authorOf(io);
  const made = makePlanFile({
    ...content,
    desired: [...content.desired],
    allowed: [...content.allowed],
    id: randomUUID(),
    createdAt: new Date().toISOString(),
    tool: VERSION,
    ...(commit === undefined ? {} : { commit }),
    ...(job === undefined ? {} : { job }),
  });
  // Through the reader: a file that could not be read again would be found out too late.
  const file = parsePlanFile(JSON.parse(JSON.stringify(made)), name);
  save(name, file, io);
  return file;
}

/** Remembers in the file that it was applied. @throws UsageError `not-writable` */
export function markUsed(name: string, file: PlanFile, io: Io): void {
  save(name, { ...file, used: { at: new Date().toISOString(), author: authorOf(io) } }, io);
}

function save(name: string, file: PlanFile, io: Io): void {
  writeAtomically(resolve(io.cwd, name), `${JSON.stringify(file, null, 2)}\n`);
}

/** What speaks against an apply of a plan file before any director is read. */
export interface Standing {
  /** It was edited. */
  tampered: boolean;
  /** Why it may not be applied any more, in words. */
  reasons: string[];
  /** What a reader should know, and that does not matter. */
  notes: string[];
}

/** Looks at a plan file, and at the program of this folder where there is one. */
export async function standingOf(file: PlanFile, project: ProjectOptions, io: Io): Promise<Standing> {
  const reasons = signsOfEditing(file);
  const tampered = reasons.length > 0;
  if (file.used !== undefined) reasons.push(`it was applied already, ${file.used.at} by ${file.used.author.by}`);
  if (file.tool !== VERSION) reasons.push(`it was made by lvsform ${file.tool}, and this is ${VERSION}`);
  if (!hasProject(project, io)) return { tampered, reasons, notes: [] };
  const drift = await projectDrift(file, project, io);
  if (drift !== undefined) return { tampered, reasons: [...reasons, drift], notes: [] };
  const { commit } = authorOf(io);
  const notes =
    commit === file.commit || file.commit === undefined
      ? []
      : [
          `the plan was made at commit ${file.commit}, this folder is at ${commit ?? 'none'}; its program says the same`,
        ];
  return { tampered, reasons, notes };
}

function hasProject({ app, from }: ProjectOptions, { cwd }: Io): boolean {
  return app !== undefined || from !== undefined || existsSync(join(cwd, 'cdktf.json'));
}

async function projectDrift(file: PlanFile, project: ProjectOptions, io: Io): Promise<string | undefined> {
  try {
    const { stacks, directors, shard } = file.only;
    const now = selectStacks(await loadProject(project, io, stacks), stacks, {
      director: directors,
      ...(shard === undefined ? {} : { shard: parseShard(shard) }),
    });
    return desiredDigest(now) === file.desiredDigest
      ? undefined
      : 'the program in this folder says something else than the one it was made from';
  } catch (error) {
    if (!(error instanceof LvsformError)) throw error;
    return `the program in this folder can't be compared: ${error.message}`;
  }
}

/** @throws UsageError `stale` with every reason, or `tampered-plan-file` when it was edited */
export function refuseStale(name: string, { tampered, reasons }: Standing): void {
  if (reasons.length === 0) return;
  const list = reasons.map((reason) => `    ${reason.replaceAll('\n', '\n    ')}`).join('\n');
  throw new UsageError(
    tampered ? 'tampered-plan-file' : 'stale',
    `${basename(name)} can't be applied; nothing was changed:\n${list}`,
    { hint: planAgain(name) },
  );
}

/** @throws UsageError `stale` with every entry that moved */
export function refuseMoved(name: string, moved: readonly Moved[]): void {
  if (moved.length === 0) return;
  throw new UsageError(
    'stale',
    `the directors are not as they were when ${basename(name)} was made; nothing was changed:\n${moved.map((one) => `    ${movedWords(one)}`).join('\n')}`,
    { hint: planAgain(name) },
  );
}

/** A copy of a used file is not marked, but the directors remember its id. @throws UsageError `stale` */
export function refuseRemembered(name: string, { id }: PlanFile, open: OpenPlan): void {
  const directors = open.sessions.filter(
    ({ ledger }) => ledger !== null && ledger !== 'corrupt' && ledger.plans.includes(id),
  );
  if (directors.length === 0) return;
  const names = directors.map(({ wish }) => wish.director.name).join(', ');
  refuseStale(name, { tampered: false, reasons: [`it was applied already on ${names}`], notes: [] });
}

/** `lb1: tcp/192.0.2.1:80 moved`. */
export function movedWords({ director, id }: Moved): string {
  return id === undefined ? `${director}: other steps would be needed now` : `${director}: ${id} moved`;
}

const planAgain = (name: string): string => `lvsform plan --out ${name}, and review the new plan`;
