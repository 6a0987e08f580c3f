/**
 * Runs every listing of a folder through the readers and compares with the folder's expected.json:
 * `npx tsx test/corpus/check.ts FOLDER`. One line per file; exit code 1 when one is not as expected.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type Listing, parseSave, readListing } from '../../lib/dialect';
import { ParseError } from '../../lib/model';

const Expected = z.array(
  z.object({
    file: z.string(),
    services: z.number().nullable(),
    dests: z.number().nullable(),
    expect: z.enum(['parse', 'refuse', 'refuse-names', 'refuse-or-preserve', 'see-kind']),
  }),
);
type Expected = z.output<typeof Expected>[number];

/** What became of a file: a listing, or the refusal of a reader. Anything else a reader throws is a crash. */
type Outcome = { listing: Listing } | { refusal: string };

/** `-S` output goes through the live reader too; the first line says where the text is from. */
function readFile(folder: string, file: string): Outcome {
  const text = readFileSync(join(folder, file), 'utf8').replace(/^# source: .*\n/, '');
  try {
    if (file.startsWith('sn-')) parseSave(text);
    return { listing: readListing(text) };
  } catch (error) {
    if (error instanceof ParseError) return { refusal: error.message };
    throw error;
  }
}

/** What the outcome has that was not expected; undefined when it is right. */
function mismatch(expected: Expected, outcome: Outcome): string | undefined {
  if (expected.expect === 'see-kind') return undefined;
  if (expected.expect === 'parse') {
    if ('refusal' in outcome) return outcome.refusal;
    const found = count(outcome.listing);
    const right = found.services === expected.services && found.dests === expected.dests;
    return right ? undefined : `expected ${expected.services} services and ${expected.dests} real servers`;
  }
  if (!('refusal' in outcome)) return 'expected a refusal';
  const names = expected.expect === 'refuse-names' && !outcome.refusal.includes('names instead of numbers');
  return names ? `expected a refusal of names, got: ${outcome.refusal}` : undefined;
}

function count(listing: Listing): { services: number; dests: number } {
  const services: readonly { realServers: readonly unknown[] }[] = 'services' in listing ? listing.services : [];
  return { services: services.length, dests: services.reduce((sum, service) => sum + service.realServers.length, 0) };
}

function describe(outcome: Outcome): string {
  if ('refusal' in outcome) return `refused: ${outcome.refusal}`;
  const { services, dests } = count(outcome.listing);
  return `${outcome.listing.kind}: ${services} services, ${dests} real servers`;
}

function main(folder: string): number {
  const files = Expected.parse(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')));
  const results = files.map((expected) => {
    const outcome = readFile(folder, expected.file);
    return { file: expected.file, outcome, wrong: mismatch(expected, outcome) };
  });
  for (const { file, outcome, wrong } of results)
    console.log(
      `${wrong === undefined ? 'ok  ' : 'FAIL'} ${file}: ${describe(outcome)}${wrong === undefined ? '' : `\n     ${wrong}`}`,
    );
  const failed = results.filter((result) => result.wrong !== undefined).length;
  console.log(`${results.length - failed} of ${results.length} as expected`);
  return failed === 0 && results.length > 0 ? 0 : 1;
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: npx tsx test/corpus/check.ts FOLDER');
  process.exitCode = 2;
} else {
  process.exitCode = main(folder);
}
