/** How many connections a few services still have, by the cheapest listing there is. */
import { type ConnectionCount, serverKey, serviceId, type ServiceKey } from '../model';
import { serviceArgs } from './render-entry';
import { readInput } from './script';
import { asRoot, script, scriptInput, type ScriptOptions } from './shell';
import { parseTable } from './table';

/** Lists the services it is fed by {@link drainInput}. One that is gone is no error: its listing is left out. */
export function drainScript(options: ScriptOptions): string {
  return script([
    ...readInput(options),
    // One process each: a listing of a service that is gone ends ipvsadm, and those after it would look idle.
    `printf "%s\n" "$input" | sed "\\$d" | while read -r line; do printf "%s\n" "$line" | ${asRoot(options)}ipvsadm -R 2>/dev/null; done`,
    `printf "%s\n" "@@${options.nonce} end"`,
  ]);
}

/** What {@link drainScript} is fed. */
export function drainInput(services: readonly ServiceKey[], nonce: string): string {
  const lines = services.map((key) => ['-L', '-n', '--persistent-conn', ...serviceArgs(key)].join(' '));
  return scriptInput(lines, nonce);
}

/** Connections by service id and server key. A service that is gone has none. */
export function parseDrain(stdout: string): Record<string, Record<string, ConnectionCount>> {
  // Every service comes with a header of its own.
  const listings = stdout.replace(/^@@.*$/m, '').split(/^(?=Prot )/m);
  const services = listings
    .filter((text) => text.trim() !== '')
    .flatMap((text) => parseTable(text, 'persistent-connections').services);
  return Object.fromEntries(
    services.map((service) => [
      serviceId(service.key),
      Object.fromEntries(
        service.realServers.map((server) => [
          serverKey(server),
          { active: server.activeConnections ?? 0, inactive: server.inactiveConnections ?? 0 },
        ]),
      ),
    ]),
  );
}
