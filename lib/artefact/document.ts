/** The blocks of a Terraform JSON document, before anything is evaluated. */
import { isPlainObject, nearest, type ProgramIssue } from '../model';
import type { Problem } from './evaluate';

/** One `resource` block. */
export interface Block {
  type: string;
  name: string;
  /** `ipvs_virtual_service.web`. */
  address: string;
  /** Construct path where the artefact has one, else the address. */
  where: string;
  body: Readonly<Record<string, unknown>>;
}

export interface Document {
  resources: Block[];
  /** `provider "ipvs"` blocks, aliases included. */
  providers: Readonly<Record<string, unknown>>[];
  variables: ReadonlyMap<string, unknown>;
  locals: ReadonlyMap<string, unknown>;
}

/** What to do about a stack that needs more than this engine evaluates. */
export const RUN_ELSEWHERE =
  'run this stack under terraform or tofu: lvsform evaluates literals, each.key, each.value and references to literals of the same file';

/** Blocks that say nothing about directors' tables. */
const IGNORED = ['//', 'terraform', 'output', 'moved', 'import'];
const REFUSED = ['data', 'module', 'check', 'removed', 'ephemeral'];
const READ = ['provider', 'resource', 'variable', 'locals'];

export function readDocument(json: unknown, issues: ProgramIssue[]): Document {
  const document: Document = { resources: [], providers: [], variables: new Map(), locals: new Map() };
  if (!isPlainObject(json)) {
    issues.push({ where: 'artefact', field: '', message: 'is not a Terraform JSON document' });
    return document;
  }
  for (const key of Object.keys(json)) {
    if (READ.includes(key) || IGNORED.includes(key)) continue;
    if (REFUSED.includes(key)) refuse(key, json[key], issues);
    else issues.push({ where: key, field: '', message: 'is not a block of Terraform', ...guess(key) });
  }
  checkMoved(json['moved'], issues);
  const resources = merged(json['resource']).flatMap(([type, blocks]) =>
    merged(blocks).map(([name, body]) => toBlock(type, name, body, issues)),
  );
  return {
    resources: resources.filter((block) => block !== undefined),
    providers: merged(json['provider'])
      .filter(([name]) => name === 'ipvs')
      .flatMap(([, blocks]): unknown[] => (Array.isArray(blocks) ? blocks : [blocks]))
      .filter(isPlainObject),
    variables: new Map(merged(json['variable'])),
    locals: new Map(merged(json['locals'])),
  };
}

/** `ipvs_virtual_service.web["lb1"]`, in a module or not. */
const ADDRESS = /^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*|\[(?:\d+|"[^"]*")\])+$/;

/** What is called how in a state is for Terraform to know; but what it would not take is told here as well. */
function checkMoved(moved: unknown, issues: ProgramIssue[]): void {
  const blocks: unknown[] = moved === undefined ? [] : Array.isArray(moved) ? moved : [moved];
  for (const [at, block] of blocks.entries()) {
    const given = isPlainObject(block) ? Object.entries(block).filter(([name]) => name !== '//') : [];
    const names = given.map(([name]) => name).sort();
    const isAddressed = given.every(([, address]) => typeof address === 'string' && ADDRESS.test(address));
    if (names.join() !== 'from,to' || !isAddressed)
      issues.push({ where: `moved.${at}`, field: '', message: "expected two addresses, 'from' and 'to'" });
  }
}

/** Terraform reads an object and a list of objects alike wherever blocks may stand. */
function merged(value: unknown): [string, unknown][] {
  const objects: unknown[] = Array.isArray(value) ? value : [value];
  return objects
    .filter(isPlainObject)
    .flatMap((object) => Object.entries(object))
    .filter(([key]) => key !== '//');
}

function toBlock(type: string, name: string, body: unknown, issues: ProgramIssue[]): Block | undefined {
  const address = `${type}.${name}`;
  const only: unknown = Array.isArray(body) && body.length === 1 ? body[0] : body;
  if (!isPlainObject(only)) {
    issues.push({ where: address, field: '', message: 'expected one object with the resource’s arguments' });
    return undefined;
  }
  return { type, name, address, where: constructPath(only) ?? address, body: only };
}

/** What the user wrote as a construct: without the resource that stands for it. */
export function constructPath(body: unknown): string | undefined {
  const comment = isPlainObject(body) ? body['//'] : undefined;
  const metadata = isPlainObject(comment) ? comment['metadata'] : undefined;
  const path = isPlainObject(metadata) ? metadata['path'] : undefined;
  return typeof path === 'string' ? path.replace(/\/(?:Default\/[^/]+|Resource)$/, '') : undefined;
}

function refuse(key: string, value: unknown, issues: ProgramIssue[]): void {
  const nested = key === 'data' || key === 'ephemeral';
  for (const [name, body] of merged(value)) {
    const blocks = nested ? merged(body) : [[name, body] as const];
    for (const [inner, block] of blocks) {
      const address = nested ? `${key}.${name}.${inner}` : `${key}.${name}`;
      const where = constructPath(block) ?? address;
      issues.push({ where, field: '', message: `${address}: '${key}' blocks need Terraform`, hint: RUN_ELSEWHERE });
    }
  }
}

function guess(key: string): { hint?: string } {
  const near = nearest(key, [...READ, ...IGNORED, ...REFUSED]);
  return near === undefined ? {} : { hint: `did you mean '${near}'?` };
}

/** A value this engine does not evaluate, as an issue with advice. */
export function unresolved(where: string, { path, message }: Problem): ProgramIssue {
  return { where, field: path.join('.'), message, hint: RUN_ELSEWHERE };
}
