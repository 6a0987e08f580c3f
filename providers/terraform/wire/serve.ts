/** The plugin's side of go-plugin: one line on stdout, then gRPC over a socket that only core can use. */
import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  Server,
  ServerCredentials,
  status,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificate';
import { GRPCBrokerService, GRPCControllerService, GRPCStdioService } from './generated/goplugin';
import { HealthService } from './generated/health';
import { ProviderService } from './generated/tfplugin6';
import { type Trace, tracer } from './trace';

const CORE_VERSION = 1;
const PROTOCOL_VERSION = 6;
const SERVING = 1;
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;

export const MAGIC_COOKIE = 'd602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2';

type Method = (request: never) => unknown;

export interface ServeOptions {
  env: NodeJS.ProcessEnv;
  /** Answers by method of the service, e.g. `readResource`; an async generator for a stream. */
  methods: Readonly<Record<string, Method>>;
  /** Called once when core is done. */
  onShutdown: () => void;
  /** Takes lines for core's log. */
  log?: (line: string) => void;
}

export interface Served {
  /** What core expects as the first line on stdout. */
  handshake: string;
  /** Path of the socket. */
  path: string;
  /** Removes the socket and drops every connection. */
  close(): void;
}

/**
 * Listens on a unix socket. With PLUGIN_CLIENT_CERT in the environment only the holder of that certificate may connect,
 * and trusts only ours.
 */
export async function serve({ env, methods, onShutdown, log = () => undefined }: ServeOptions): Promise<Served> {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
    // Statistics that nobody asks for.
    'grpc.enable_channelz': 0,
  });
  const trace = tracer(env, log);
  server.addService(ProviderService, implementation(methods, trace));
  server.addService(HealthService, implementation({ check: () => ({ status: SERVING }) }, trace));
  server.addService(GRPCControllerService, {
    shutdown: ((_call, answer) => {
      answer(null, {});
      onShutdown();
    }) satisfies handleUnaryCall<object, object>,
  });
  // Opened by core and kept; nothing is ever said on it.
  server.addService(GRPCStdioService, { streamStdio: () => undefined });
  server.addService(GRPCBrokerService, { startStream: () => undefined });

  const clientCert = env['PLUGIN_CLIENT_CERT'];
  const certificate = clientCert === undefined || clientCert === '' ? undefined : await makeCertificate();
  const credentials =
    certificate === undefined
      ? ServerCredentials.createInsecure()
      : ServerCredentials.createSsl(
          Buffer.from(clientCert ?? ''),
          [{ cert_chain: Buffer.from(certificate.certPem), private_key: Buffer.from(certificate.keyPem) }],
          true,
        );
  const folder = mkdtempSync(join(env['PLUGIN_UNIX_SOCKET_DIR'] ?? tmpdir(), 'plugin'));
  const path = join(folder, 's');
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${path}`, credentials, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  const cert = certificate?.der.toString('base64').replace(/=+$/, '') ?? '';
  return {
    handshake: [CORE_VERSION, PROTOCOL_VERSION, 'unix', path, 'grpc', cert].join('|'),
    path,
    close: () => {
      server.forceShutdown();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Methods as grpc-js wants them. A problem of the user's is a diagnostic; what is thrown here is a fault of ours. */
function implementation(methods: Readonly<Record<string, Method>>, trace: Trace): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(methods).map(([name, method]) => [
      name,
      name === 'listResource'
        ? streaming(method)
        : unary((request) =>
            trace(
              name,
              Promise.resolve().then(() => method(request)),
            ),
          ),
    ]),
  );
}

function unary(method: Method): UntypedServiceImplementation[string] {
  const handle: handleUnaryCall<unknown, unknown> = (call, answer) => {
    Promise.resolve()
      .then(() => method(call.request as never))
      .then(
        (response) => {
          answer(null, response);
        },
        (error: unknown) => {
          answer({ code: status.INTERNAL, details: error instanceof Error ? (error.stack ?? '') : String(error) });
        },
      );
  };
  return handle;
}

function streaming(method: Method): UntypedServiceImplementation[string] {
  const handle: handleServerStreamingCall<unknown, unknown> = (call) => {
    const send = async (): Promise<void> => {
      for await (const event of method(call.request as never) as AsyncIterable<unknown>) call.write(event);
    };
    send().then(
      () => {
        call.end();
      },
      (error: unknown) => {
        call.destroy(error instanceof Error ? error : new Error(String(error)));
      },
    );
  };
  return handle;
}
