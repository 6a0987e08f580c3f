/** Who else may be changing a director's table: programs that are known for it, by the name of their processes. */
import { script, type ScriptOptions } from './shell';

const CONTROLLERS = ['keepalived', 'kube-proxy', 'kube-router', 'ldirectord', 'cilium-agent', 'surealived', 'gorb'] as const; // prettier-ignore

/** Lists the names of all processes, each once. */
export function controllersScript(options: ScriptOptions): string {
  return script([`cat /proc/[0-9]*/comm 2>/dev/null | sort -u`, `printf "%s\n" "@@${options.nonce} end"`]);
}

/** Those of them that are known to write IPVS tables. */
export function parseControllers(stdout: string): string[] {
  const names = new Set(stdout.split('\n'));
  return CONTROLLERS.filter((name) => names.has(name));
}
