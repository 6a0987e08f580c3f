import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** The version in package.json, wherever this file runs from: sources or build. */
export const VERSION: string = (
  JSON.parse(readFileSync(createRequire(__filename).resolve('lvsform/package.json'), 'utf8')) as { version: string }
).version;
