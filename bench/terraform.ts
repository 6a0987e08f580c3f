/**
 * 1,000 virtual services on one director in one `terraform apply`, with this provider, against the way without one:
 * `null_resource` with a `remote-exec` provisioner that runs ipvsadm. Of that way 20 are run and their time per service
 * is taken, at terraform's own parallelism: it is no quicker per service with more of them.
 *
 * Our director is simulated, behind real SSH, in a process of its own. remote-exec uploads a script, which the simulator
 * refuses, so that contestant gets OpenSSH's sshd on loopback with an `ipvsadm` that does nothing: in its favour, as it
 * neither reads, verifies nor can undo. hashicorp/null is stood in for by the tests' own.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { providerBlock, Workspace } from '../test/terraform/support';
import { wallMs } from './support/compare';
import { startFleet } from './support/sim-process';

const SERVICES = Number(process.argv[2] ?? 1000);
const BASELINE = 20;
const PARALLELISM = [256, 10];
const GOAL = 20;

interface Run {
  ms: number;
  /** Time during which at least one call was with the provider, and what the calls took by name. */
  busyMs: number;
  calls: Map<string, { count: number; ms: number }>;
}

const services = (count: number): object => ({
  resource: {
    ipvs_virtual_service: Object.fromEntries(
      Array.from({ length: count }, (_, at) => [
        `s${at}`,
        {
          director: 'lb1',
          protocol: 'tcp',
          address: `192.0.${2 + (at >> 8)}.${at & 255}`,
          port: 80,
          real_servers: { a: { address: '10.0.0.1' }, b: { address: '10.0.0.2', weight: 3 } },
        },
      ]),
    ),
  },
});

async function withProvider(parallelism: number): Promise<Run> {
  const fleet = await startFleet(1, '');
  const workspace = new Workspace({
    'provider.tf.json': providerBlock(fleet.directors),
    'main.tf.json': services(SERVICES),
  });
  try {
    await workspace.init();
    const log = workspace.file('provider.log');
    const ms = await wallMs(() =>
      workspace.run(['apply', '-auto-approve', '-input=false', '-no-color', `-parallelism=${parallelism}`], undefined, {
        TF_LOG_PROVIDER: 'TRACE',
        TF_LOG_PATH: log,
      }),
    );
    const made = JSON.parse(await workspace.ok('show', '-json')) as {
      values?: { root_module: { resources: unknown[] } };
    };
    if (made.values?.root_module.resources.length !== SERVICES) throw new Error('not every service was made');
    return { ms, ...timeInside(readFileSync(log, 'utf8')) };
  } finally {
    workspace.remove();
    await fleet.close();
  }
}

/** From the lines the provider writes about each call. */
function timeInside(log: string): Omit<Run, 'ms'> {
  const calls: Run['calls'] = new Map();
  const spans: [number, number][] = [];
  for (const [, method = '', began = '', took = ''] of log.matchAll(/rpc (\w+) began_ms=([\d.]+) took_ms=([\d.]+)/g)) {
    const call = calls.get(method) ?? { count: 0, ms: 0 };
    calls.set(method, { count: call.count + 1, ms: call.ms + Number(took) });
    spans.push([Number(began), Number(began) + Number(took)]);
  }
  let [busyMs, until] = [0, 0];
  for (const [from, to] of spans.sort(([a], [b]) => a - b)) {
    busyMs += Math.max(0, to - Math.max(from, until));
    until = Math.max(until, to);
  }
  return { busyMs, calls };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves once something listens there. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const [event] = (await Promise.race([
      once(socket, 'connect').then(() => ['up']),
      once(socket, 'error').then(() => ['down']),
    ])) as [string];
    socket.destroy();
    if (event === 'up') return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function withRemoteExec(): Promise<number> {
  const port = await freePort();
  const workspace = new Workspace();
  const tool = workspace.file('bin', 'ipvsadm');
  mkdirSync(workspace.file('bin'));
  writeFileSync(tool, '#!/bin/sh\nexit 0\n');
  chmodSync(tool, 0o755);
  for (const key of ['host', 'client'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', workspace.file(key)]);
  workspace.write('authorized_keys', readFileSync(workspace.file('client.pub'), 'utf8'));
  workspace.write(
    'sshd_config',
    [
      ...[`Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${workspace.file('host')}`, 'PidFile none'],
      ...[`AuthorizedKeysFile ${workspace.file('authorized_keys')}`, 'StrictModes no', 'PermitRootLogin yes'],
      ...['UsePAM no', 'MaxStartups 100', 'Subsystem sftp internal-sftp', ''],
    ].join('\n'),
  );
  mkdirSync('/run/sshd', { recursive: true });
  const sshd = spawn('/usr/sbin/sshd', ['-D', '-f', workspace.file('sshd_config')], { stdio: 'ignore' });
  workspace.install('hashicorp', 'null', '3.2.4', (file) => {
    buildSync({
      entryPoints: [join(__dirname, '..', 'test', 'terraform', 'null-provider.ts')],
      outfile: file,
      bundle: true,
      platform: 'node',
      banner: { js: '#!/usr/bin/env node' },
      external: ['@grpc/proto-loader'],
    });
  });
  workspace.write('main.tf', remoteExec(tool, port, workspace.file('client')));
  try {
    await listening(port);
    await workspace.init();
    return await wallMs(() => workspace.apply());
  } finally {
    sshd.kill();
    await once(sshd, 'exit');
    workspace.remove();
  }
}

const remoteExec = (tool: string, port: number, key: string): string => `
resource "null_resource" "s" {
  count    = ${BASELINE}
  triggers = { address = "192.0.2.\${count.index}" }
  connection {
    host        = "127.0.0.1"
    port        = ${port}
    user        = "${process.env['USER'] ?? 'root'}"
    private_key = file("${key}")
  }
  provisioner "remote-exec" {
    inline = [
      "${tool} -A -t \${self.triggers.address}:80 -s wlc",
      "${tool} -a -t \${self.triggers.address}:80 -r 10.0.0.1:80 -g -w 1",
      "${tool} -a -t \${self.triggers.address}:80 -r 10.0.0.2:80 -g -w 3",
    ]
  }
}
`;

async function main(): Promise<void> {
  const baselineMs = (await withRemoteExec()) / BASELINE;
  console.log(
    [
      `One terraform apply of ${SERVICES} virtual services with two real servers each, time on the wall, all of terraform included`,
      `  null_resource + remote-exec  ${(baselineMs * BASELINE).toFixed(0).padStart(8)} ms for ${BASELINE}, ${baselineMs.toFixed(1)} ms per service`,
      `    (-parallelism=10, terraform's default; a real sshd on loopback and an ipvsadm that does nothing, which favours it)`,
    ].join('\n'),
  );
  for (const parallelism of PARALLELISM) {
    const { ms, busyMs, calls } = await withProvider(parallelism);
    const slowest = [...calls].sort(([, a], [, b]) => b.ms - a.ms).slice(0, 4);
    console.log(
      [
        `  lvsform, -parallelism=${parallelism}`.padEnd(31) +
          `${ms.toFixed(0).padStart(8)} ms for ${SERVICES}, ${(ms / SERVICES).toFixed(1)} ms per service`,
        `    a call was with the provider for ${busyMs.toFixed(0)} ms, ${((100 * busyMs) / ms).toFixed(0)} % of the run`,
        ...slowest.map(
          ([name, call]) => `    ${name}: ${call.count} calls, ${(call.ms / call.count).toFixed(1)} ms each`,
        ),
        `  RATIO ${(baselineMs / (ms / SERVICES)).toFixed(1)} times as fast per service, goal at least ${GOAL}`,
      ].join('\n'),
    );
  }
}

void main();
