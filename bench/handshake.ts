/**
 * From starting the provider's executable to its handshake line, as terraform waits for it three to five times per
 * command. Baseline: a bare `node -e 0`.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { makeCertificate } from '../providers/terraform/wire/certificate';
import { MAGIC_COOKIE } from '../providers/terraform/wire/serve';
import { compare, printComparison, wallMs } from './support/compare';

const ROUNDS = Number(process.argv[2] ?? 40);
/** A bundled script with generated message code took 87 ms where bare node took 45; half as much again is allowed. */
const GOAL = (1.5 * 87) / 45;

const root = join(__dirname, '..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
const executable = join(root, 'dist', 'terraform-provider', `terraform-provider-ipvs_v${version}`);
const sockets = mkdtempSync(join(tmpdir(), 'lvsform-bench-'));
process.once('exit', () => {
  rmSync(sockets, { recursive: true, force: true });
});

async function handshake(clientCert: string): Promise<number> {
  const env = {
    ...process.env,
    TF_PLUGIN_MAGIC_COOKIE: MAGIC_COOKIE,
    PLUGIN_CLIENT_CERT: clientCert,
    PLUGIN_UNIX_SOCKET_DIR: sockets,
  };
  const before = performance.now();
  const child = spawn(executable, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const ms = performance.now() - before;
  if (!line.startsWith('1|6|unix|')) throw new Error(`not a handshake: ${line}`);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return ms;
}

async function main(): Promise<void> {
  const { certPem } = await makeCertificate();
  const comparison = await compare(
    { name: 'provider: start to handshake line', run: () => handshake(certPem) },
    { name: 'node -e 0', run: () => wallMs(() => execFileSync(process.execPath, ['-e', '0'])) },
    { rounds: ROUNDS, warmUps: 3 },
  );
  printComparison('Handshake of the bundled provider', comparison, Number(GOAL.toFixed(2)));
}

void main();
