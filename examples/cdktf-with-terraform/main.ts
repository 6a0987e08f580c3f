import { App } from 'cdktf';
import { Director, Duration, Fleet, Forward, IpvsStack, Listen, Scheduler } from 'lvsform';

const app = new App();
const edge = new IpvsStack(app, 'edge');
const lb1 = new Director(edge, 'lb1', { host: 'lb1.example.net', user: 'lvsform', sudo: true });
const lb2 = new Director(edge, 'lb2', { host: 'lb2.example.net', user: 'lvsform', sudo: true });
const fleet = new Fleet(edge, 'table', { directors: [lb1, lb2] });

fleet
  .addService('web', {
    listen: Listen.tcp('192.0.2.10', 80, 443).marked(12),
    scheduler: Scheduler.wrr(),
    persistence: Duration.minutes(6),
    forward: Forward.gatewaying(),
    drain: { timeout: Duration.minutes(5) },
  })
  .addRealServer('rs1', { address: '10.0.0.11', weight: 3 })
  .addRealServer('rs2', { address: '10.0.0.12' });

fleet
  .addService('dns', { listen: Listen.udp('192.0.2.10', 53), onePacket: true, forward: Forward.masquerading() })
  .addRealServer('ns1', { address: '10.0.0.53' });

app.synth();
