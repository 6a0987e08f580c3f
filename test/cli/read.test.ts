/** Every recorded listing through `lvsform read`: the kind it is recognised as, what is in it, or why it is refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectGolden } from '../support/golden';
import { typeHere } from './fake-io';
import { makeWorkbench } from './support';

const LISTINGS = join(__dirname, '../fixtures/listings');
const IS_LISTING = /^(?:S|Sn|L|Ln|Lc|Lcn|daemon|timeout|ip6?tables|proc_net)[-_.].*\.txt$/;

interface Listing {
  kind: string;
  services?: { realServers: unknown[] }[];
  [entries: string]: unknown;
}

async function read(name: string): Promise<string> {
  const { code, stdout, stderr } = await typeHere(['read', name, '--format', 'json'], { cwd: LISTINGS });
  if (code !== 0) return `exit code ${code}: ${stderr}`;
  const { kind, ...entries } = JSON.parse(stdout) as Listing;
  const servers = entries.services?.reduce((sum, { realServers }) => sum + realServers.length, 0);
  const found = Object.entries(entries).map(([field, value]) =>
    Array.isArray(value) ? `${value.length} ${field}` : `${field} ${JSON.stringify(value)}`,
  );
  return `${[kind, ...found, ...(servers === undefined ? [] : [`${servers} real servers`])].join(', ')}\n`;
}

test('every recording', async () => {
  const names = readdirSync(LISTINGS)
    .filter((name) => IS_LISTING.test(name))
    .sort();
  const lines = await Promise.all(names.map(async (name) => `${name}: ${await read(name)}`));
  expect(lines.length).toBeGreaterThanOrEqual(80);
  expectGolden('read/recordings.txt', lines.join(''));
});

test('standard input, for scripts', async () => {
  const bench = makeWorkbench();
  try {
    const stdin = readFileSync(join(LISTINGS, 'Ln-full.1.31.txt'), 'utf8');
    const { code, stdout, stderr } = await bench.run(['read', '-', '--format', 'json'], { stdin });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { kind, services } = JSON.parse(stdout) as Listing;
    expect(kind).toBe('table');
    expect(services?.flatMap(({ realServers }) => realServers)).toContainEqual({
      address: '10.1.0.2',
      port: 80,
      forwarding: 'masquerading',
      weight: 0,
      activeConnections: 0,
      inactiveConnections: 0,
    });
  } finally {
    bench.remove();
  }
});

test('for people', async () => {
  const { code, stdout } = await typeHere(['read', 'timeout.1.31.txt'], { cwd: LISTINGS });
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: 'timeouts\ntimeouts: {"tcpSeconds":900,"tcpFinSeconds":120,"udpSeconds":300}\n',
  });
});
