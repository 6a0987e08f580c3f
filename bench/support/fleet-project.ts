/** A project folder whose program declares one table on a whole fleet. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSave } from '../../lib/dialect';
import type { SchedulerFlag } from '../../lib/model';

/** What fleet-program.ts reads. */
export interface FleetFile {
  directors: readonly string[];
  services: {
    protocol: 'tcp' | 'udp';
    address: string;
    port: number;
    scheduler: string;
    flags: readonly SchedulerFlag[];
    tunnelled: boolean;
    servers: { address: string; weight: number }[];
  }[];
}

/** @param rules what `ipvsadm -Sn` prints: TCP and UDP services, gatewaying or ipip */
export function writeFleetProject(folder: string, directors: readonly string[], rules: string): void {
  const services = parseSave(rules).map(({ key, scheduler, schedulerFlags, realServers }) => {
    if (key.by !== 'address' || key.protocol === 'sctp') throw new Error('only TCP and UDP services are expected');
    return {
      protocol: key.protocol,
      address: key.address,
      port: key.port,
      scheduler,
      flags: schedulerFlags,
      tunnelled: realServers[0]?.forwarding === 'ipip',
      servers: realServers.map(({ address, weight }) => ({ address, weight })),
    };
  });
  const file: FleetFile = { directors, services };
  writeFileSync(join(folder, 'fleet.json'), JSON.stringify(file));
  const app = `npx tsx ${join(__dirname, 'fleet-program.ts')}`;
  writeFileSync(join(folder, 'cdktf.json'), JSON.stringify({ language: 'typescript', app }));
}
