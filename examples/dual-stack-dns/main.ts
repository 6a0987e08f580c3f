import { App } from 'cdktf';
import { Director, Fleet, Forward, IpvsStack, Listen, Scheduler } from 'lvsform';

const app = new App();
const dns = new IpvsStack(app, 'dns');

const fleet = new Fleet(dns, 'table', {
  directors: ['ns-lb1', 'ns-lb2'].map((name) => new Director(dns, name, { host: `${name}.example.net`, sudo: true })),
});

const anycast = [
  { family: 'v4', address: '192.0.2.53', servers: ['10.0.0.53', '10.0.1.53'] },
  { family: 'v6', address: '2001:db8::53', servers: ['2001:db8:1::53', '2001:db8:2::53'] },
];

for (const { family, address, servers } of anycast) {
  // A resolver sends many queries from one port: each packet is scheduled anew, so one busy client does not fill one server.
  fleet
    .addService(`udp-${family}`, {
      listen: Listen.udp(address, 53),
      scheduler: Scheduler.rr(),
      onePacket: true,
      forward: Forward.gatewaying(),
    })
    .addRealServers(servers);
  fleet
    .addService(`tcp-${family}`, { listen: Listen.tcp(address, 53), scheduler: Scheduler.wlc() })
    .addRealServers(servers);
}

app.synth();
