import { App } from 'cdktf';
import { Director, Duration, IpvsStack, Listen, Scheduler } from 'lvsform';

/** Servers to take out of service: `MAINTENANCE=web2 npx lvsform apply`. */
const resting = new Set(process.env.MAINTENANCE?.split(','));

const app = new App();
const shop = new IpvsStack(app, 'shop', {
  // keepalived has this network for itself, on the same directors.
  ignore: [{ address: '203.0.113.0/24' }],
});

const lb1 = new Director(shop, 'lb1', { host: 'lb1.example.net', sudo: true });

const web = lb1.addService('web', {
  listen: Listen.tcp('192.0.2.80', 443),
  scheduler: Scheduler.wlc(),
  // A server that is taken out gets no new connections and keeps the ones it has, for up to ten minutes.
  drain: { timeout: Duration.minutes(10), connections: 5 },
  // A health checker on the director turns weights up and down: they are its business.
  keepLiveWeights: true,
});

const servers = { web1: '10.0.0.11', web2: '10.0.0.12', web3: '10.0.0.13' };
for (const [name, address] of Object.entries(servers)) {
  if (!resting.has(name)) web.addRealServer(name, { address, weight: 10 });
}

// What the old load balancer left behind must not come back.
lb1.absent(Listen.tcp('192.0.2.80', 80));

app.synth();
