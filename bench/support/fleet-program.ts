/** What a user's program does for a fleet that shares one table: fleet.json of the folder it is run in says which. */
import { readFileSync } from 'node:fs';
import { App } from 'cdktf';
import { Director, Fleet, Forward, IpvsStack, Listen, Scheduler } from 'lvsform';
import type { FleetFile } from './fleet-project';

const { directors, services } = JSON.parse(readFileSync('fleet.json', 'utf8')) as FleetFile;

const app = new App();
const edge = new IpvsStack(app, 'edge');
const fleet = new Fleet(edge, 'table', {
  directors: directors.map((name) => new Director(edge, name, { host: name })),
});
for (const { protocol, address, port, scheduler, flags, tunnelled, servers } of services) {
  const service = fleet.addService(`${protocol}-${port}`, {
    listen: Listen[protocol](address, port),
    scheduler: Scheduler.of(scheduler, ...flags),
    forward: tunnelled ? Forward.ipip() : Forward.gatewaying(),
  });
  for (const [at, server] of servers.entries()) service.addRealServer(`rs${at + 1}`, server);
}
app.synth();
