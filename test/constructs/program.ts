import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'cdktf';
import { loadStack } from '../../lib/artefact';
import { Director, Fleet, IpvsStack } from '../../lib/constructs';
import type { DesiredStack } from '../../lib/model';

const outdir = mkdtempSync(join(tmpdir(), 'lvsform-program-'));
afterAll(() => {
  rmSync(outdir, { recursive: true, force: true });
});

/** An app whose output goes away with the test. */
export function newApp(): App {
  return new App({ outdir });
}

/** What a program writes for its stack `edge`. @throws when it is wrong */
export function synth(build: (edge: IpvsStack, app: App) => void): unknown {
  const app = newApp();
  build(new IpvsStack(app, 'edge'), app);
  app.synth();
  return JSON.parse(readFileSync(join(outdir, 'stacks', 'edge', 'cdk.tf.json'), 'utf8'));
}

/** A program's stack `edge` as the engine reads it. */
export function load(build: (edge: IpvsStack, app: App) => void): DesiredStack {
  return loadStack('edge', synth(build));
}

/** What is wrong with a program: construct path, message and hint, without the lines of this file's callers. */
export function complaints(build: (edge: IpvsStack, app: App) => void): string[] {
  try {
    synth(build);
  } catch (error) {
    const [, text = ''] = /level "ERROR":\n([\s\S]*?)\n\nEither fix/.exec(String(error)) ?? [];
    return (text || (error as Error).message).replace(/ \([^()\s]+\.ts:\d+:\d+\)/g, '').split(/\n(?=\[)/);
  }
  return [];
}

/** A fleet of two directors, `lb1` and `lb2`. */
export function twoDirectors(edge: IpvsStack): Fleet {
  const directors = ['lb1', 'lb2'].map((name) => new Director(edge, name, { host: `${name}.example.net` }));
  return new Fleet(edge, 'table', { directors });
}
