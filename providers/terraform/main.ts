/**
 * The plugin's process. It is started several times per command, so everything but the handshake is loaded with the
 * first call, while core is still reading the line.
 */
import { setImmediate as checkPhase, setTimeout as wait } from 'node:timers/promises';
import { MAGIC_COOKIE, serve } from './wire/serve';
import type { IpvsProvider } from './provider';

/** Filled in by the bundler. */
const VERSION = process.env['LVSFORM_PROVIDER_VERSION'] ?? '0.0.0-dev';
/** The source address, for reattach mode. */
export const ADDRESS = 'registry.terraform.io/lvsform/ipvs';
const PARENT_POLL_MS = 2000;

/** Runs until core, or whoever started it, is gone. @returns exit code, when there is nothing to run for */
export async function main(args: readonly string[], stdio: Stdio): Promise<number | undefined> {
  const debug = args.includes('-debug');
  if (!debug && process.env['TF_PLUGIN_MAGIC_COOKIE'] !== MAGIC_COOKIE) {
    stdio.err(
      'This binary is a plugin of Terraform and OpenTofu: they start it.\n' +
        '`terraform init` finds it in a filesystem mirror; -debug starts it to be attached to.\n',
    );
    return 1;
  }
  // Ctrl-C reaches the whole process group; core says what shall become of us.
  process.on('SIGINT', () => undefined);
  const served = await serve({
    env: debug ? { ...process.env, PLUGIN_CLIENT_CERT: undefined } : process.env,
    methods: methods(),
    log: stdio.err,
    onShutdown: () => void end(),
  });
  const end = async (): Promise<void> => {
    // The answer to Shutdown has to leave first: what is to be written goes out in the loop's check phase, which a timer
    // of a busy process may well come before.
    await wait(5);
    await checkPhase();
    await checkPhase();
    served.close();
    process.exit(0);
  };
  if (debug) {
    process.on('SIGTERM', () => void end());
    stdio.out(`TF_REATTACH_PROVIDERS='${reattach(served.path)}'\n`);
  } else {
    endWithParent(() => void end());
    stdio.out(`${served.handshake}\n`);
  }
  return undefined;
}

interface Stdio {
  out: (text: string) => void;
  err: (text: string) => void;
}

function reattach(path: string): string {
  const Addr = { Network: 'unix', String: path };
  return JSON.stringify({ [ADDRESS]: { Protocol: 'grpc', ProtocolVersion: 6, Pid: process.pid, Test: true, Addr } });
}

/** Nothing tells a plugin that core was killed. */
function endWithParent(end: () => void): void {
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) end();
  }, PARENT_POLL_MS).unref();
}

/** Everything core may call, on a provider that is loaded with the first call. */
function methods(): Record<string, (request: never) => unknown> {
  let loaded: Promise<IpvsProvider> | undefined;
  const provider = (): Promise<IpvsProvider> =>
    (loaded ??= import('./provider.js').then(
      (module) => new module.IpvsProvider({ cwd: process.cwd(), env: process.env, version: VERSION }),
    ));
  const later =
    <Request>(call: (provider: IpvsProvider, request: Request) => unknown) =>
    async (request: Request): Promise<unknown> =>
      call(await provider(), request);
  return {
    getProviderSchema: later((ipvs) => ipvs.schema()),
    getResourceIdentitySchemas: later((ipvs) => ipvs.identitySchemas()),
    upgradeResourceIdentity: later((ipvs, request: Parameters<IpvsProvider['upgradeIdentity']>[0]) =>
      ipvs.upgradeIdentity(request),
    ),
    validateProviderConfig: later((ipvs, request: Parameters<IpvsProvider['validateProvider']>[0]) =>
      ipvs.validateProvider(request),
    ),
    validateResourceConfig: later((ipvs, request: Parameters<IpvsProvider['validateResource']>[0]) =>
      ipvs.validateResource(request),
    ),
    validateDataResourceConfig: () => ({}),
    validateListResourceConfig: () => ({}),
    upgradeResourceState: later((ipvs, request: Parameters<IpvsProvider['upgrade']>[0]) => ipvs.upgrade(request)),
    configureProvider: later((ipvs, request: Parameters<IpvsProvider['configure']>[0]) => ipvs.configure(request)),
    readResource: later((ipvs, request: Parameters<IpvsProvider['read']>[0]) => ipvs.read(request)),
    planResourceChange: later((ipvs, request: Parameters<IpvsProvider['plan']>[0]) => ipvs.plan(request)),
    applyResourceChange: later((ipvs, request: Parameters<IpvsProvider['apply']>[0]) => ipvs.apply(request)),
    importResourceState: later((ipvs, request: Parameters<IpvsProvider['importResource']>[0]) =>
      ipvs.importResource(request),
    ),
    readDataSource: later((ipvs, request: Parameters<IpvsProvider['readData']>[0]) => ipvs.readData(request)),
    listResource: async function* (request: Parameters<IpvsProvider['list']>[0]) {
      yield* (await provider()).list(request);
    },
    stopProvider: later((ipvs) => ipvs.stop()),
  };
}
