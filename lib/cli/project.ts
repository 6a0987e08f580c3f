/** From a folder with a program, or with an artefact, to the stacks it declares. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import { loadStack } from '../artefact';
import {
  type DesiredStack,
  formatIssue,
  isPlainObject,
  type ProgramIssue,
  UsageError,
  ValidationError,
} from '../model';
import type { Io } from './io';
import { putInPlace, withRunFolder } from './output-folder';
import { runApp } from './run-app';

const ProjectFile = z.object(
  {
    app: z.string("expected one command line such as 'npx tsx main.ts'").optional(),
    output: z.string('expected the name of a folder').default('cdktf.out'),
  },
  'expected an object with an "app"',
);

const Manifest = z.object({
  stacks: z.record(
    z.string(),
    z.object({
      synthesizedStackPath: z.string(),
      annotations: z.array(z.object({ constructPath: z.string(), level: z.string(), message: z.string() })).default([]),
    }),
  ),
});
type Manifest = z.output<typeof Manifest>;

export interface ProjectOptions {
  /** The program to run instead of cdktf.json's `app`. */
  app?: string;
  /** An existing output folder to read instead of running anything. */
  from?: string;
  /** The SSH configuration that was asked for: a program may take its directors from it. */
  sshConfig?: string;
}

/** What was written of one stack. */
export interface Artefact {
  stack: string;
  /** Where it is. */
  file: string;
  json: unknown;
}

/**
 * Runs the program (unless `from` says otherwise) and reads its stacks.
 *
 * @param names the stacks that were asked for; what is wrong in others does not matter then
 * @throws UsageError, ValidationError
 */
export async function loadProject(
  options: ProjectOptions,
  io: Io,
  names: readonly string[] = [],
): Promise<DesiredStack[]> {
  const artefacts = options.from === undefined ? await synthProject(options, io) : readFolder(options.from, io);
  return readStacks(artefacts, io, names);
}

interface Unread {
  artefact: Artefact;
  issues: readonly ProgramIssue[];
}

/** What the artefacts wish for. @throws ValidationError with everything that is wrong, UsageError when there are none */
export function readStacks(artefacts: readonly Artefact[], io: Io, names: readonly string[] = []): DesiredStack[] {
  const stacks: DesiredStack[] = [];
  const unread: Unread[] = [];
  for (const artefact of artefacts) {
    try {
      stacks.push(loadStack(artefact.stack, artefact.json));
    } catch (error) {
      if (!(error instanceof ValidationError)) throw error;
      unread.push({ artefact, issues: error.issues });
    }
  }
  const wrong = names.length > 0 ? unreadOf(names, stacks, unread) : passOver(stacks, unread, io);
  if (wrong.length > 0) throw new ValidationError(wrong.flatMap(({ issues }) => issues));
  if (stacks.length === 0)
    throw new UsageError('no-stacks', 'there are no stacks', {
      hint: "a program declares them with new IpvsStack(app, 'NAME')",
    });
  return stacks;
}

/** What could not be read of the stacks that were asked for. Their provider may give them another name than their folder. */
function unreadOf(names: readonly string[], stacks: readonly DesiredStack[], unread: readonly Unread[]): Unread[] {
  const missing = names.filter((name) => stacks.every(({ stack }) => stack !== name));
  const named = unread.filter(({ artefact }) => missing.includes(artefact.stack));
  return missing.length === 0 ? [] : named.length > 0 ? named : [...unread];
}

/** A program may declare stacks of other providers besides ours: those are for Terraform alone. */
function passOver(stacks: readonly DesiredStack[], unread: readonly Unread[], io: Io): Unread[] {
  const ours = unread.filter(({ artefact }) => isOurs(artefact.json));
  if (ours.length > 0) return ours;
  if (stacks.every(({ directors }) => directors.length === 0)) return [...unread];
  for (const { artefact } of unread)
    io.err(`note: stack ${artefact.stack} has nothing of IPVS in it, and is passed over\n`);
  return [];
}

function isOurs(json: unknown): boolean {
  if (!isPlainObject(json)) return false;
  const names = [json['provider'], json['resource']].flat().flatMap((blocks) => Object.keys(blocks ?? {}));
  return names.some((name) => /^ipvs(?:_|$)/.test(name));
}

/** Runs the program, checks what it says of itself, and puts what it wrote into the output folder. */
export async function synthProject(options: ProjectOptions, io: Io): Promise<Artefact[]> {
  const project = readProjectFile(io.cwd);
  const app = options.app === undefined ? project.app : /\s/.test(options.app) ? options.app : `tsx ${options.app}`;
  if (app === undefined) {
    throw new UsageError('no-project', `there is no cdktf.json with an "app" in ${io.cwd}`, {
      hint: 'run `lvsform init DIR` for a new project, or say --app FILE or --from DIR',
    });
  }
  const outDir = resolve(io.cwd, project.output);
  return withRunFolder(outDir, async (folder) => {
    const { sshConfig } = options;
    await runApp(
      app,
      io.cwd,
      folder,
      sshConfig === undefined ? {} : { LVSFORM_SSH_CONFIG: resolve(io.cwd, sshConfig) },
    );
    const manifest = readManifest(folder);
    if (manifest === undefined)
      throw new UsageError('no-synth', 'the program wrote no stacks', {
        hint: 'it has to end with app.synth(), on an App without an outdir of its own',
      });
    reportAnnotations(manifest, io);
    // Read here, and not where it is put: another run may put its own there at any time.
    const written = readAll(stackFiles(folder, manifest));
    await putInPlace(folder, outDir);
    return written.map((artefact) => ({ ...artefact, file: join(outDir, relative(folder, artefact.file)) }));
  });
}

function readFolder(from: string, io: Io): Artefact[] {
  return readAll(artefactFiles(resolve(io.cwd, from)));
}

function readAll(files: ReadonlyMap<string, string>): Artefact[] {
  return [...files].map(([stack, file]) => ({ stack, file, json: parseJson(file) }));
}

function readProjectFile(cwd: string): z.output<typeof ProjectFile> {
  const file = join(cwd, 'cdktf.json');
  if (!existsSync(file)) return ProjectFile.parse({});
  const parsed = ProjectFile.safeParse(parseJson(file));
  if (!parsed.success) throw new UsageError('bad-project', `${file}: ${explain(parsed.error)}`);
  return parsed.data;
}

function reportAnnotations(manifest: Manifest, io: Io): void {
  const all = Object.values(manifest.stacks).flatMap(({ annotations }) => annotations);
  const issues = all
    .filter(({ level }) => level.endsWith('error'))
    .map(({ constructPath, message }) => ({ where: constructPath, field: '', message }));
  if (issues.length > 0) throw new ValidationError(issues);
  for (const { constructPath, level, message } of all) {
    io.err(
      `${level.endsWith('warn') ? 'warning' : 'note'}: ${formatIssue({ where: constructPath, field: '', message })}\n`,
    );
  }
}

/** Stack name to file, for an output folder, a folder of one stack, or the file itself. */
function artefactFiles(path: string): Map<string, string> {
  if (!existsSync(path))
    throw new UsageError('no-artefact', `${path} does not exist`, {
      hint: '--from takes an output folder such as cdktf.out',
    });
  if (statSync(path).isFile()) return new Map([[stackName(path), path]]);
  const manifest = readManifest(path);
  if (manifest !== undefined) return stackFiles(path, manifest);
  const files = readdirSync(path).filter((name) => name.endsWith('.tf.json'));
  if (files.length === 0)
    throw new UsageError('no-artefact', `${path} has neither a manifest.json nor a .tf.json file`, {
      hint: '--from takes an output folder such as cdktf.out',
    });
  return new Map(
    files.map((name) => [
      files.length === 1 ? stackName(join(path, name)) : basename(name, '.tf.json'),
      join(path, name),
    ]),
  );
}

function stackName(file: string): string {
  return basename(file) === 'cdk.tf.json' ? basename(dirname(file)) : basename(file, '.tf.json');
}

function stackFiles(outDir: string, manifest: Manifest): Map<string, string> {
  return new Map(
    Object.entries(manifest.stacks).map(([name, stack]) => [name, join(outDir, stack.synthesizedStackPath)]),
  );
}

function readManifest(outDir: string): Manifest | undefined {
  const file = join(outDir, 'manifest.json');
  if (!existsSync(file)) return undefined;
  const parsed = Manifest.safeParse(parseJson(file));
  if (!parsed.success) throw new UsageError('bad-artefact', `${file}: ${explain(parsed.error)}`);
  return parsed.data;
}

function explain(error: z.ZodError): string {
  return error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

function parseJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError('no-file', `${file} can't be read`, { cause: error });
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError('bad-json', `${file} is not JSON: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
