import { App } from 'cdktf';
import { Director, Duration, Fleet, Forward, IpvsStack, Listen, Scheduler } from 'lvsform';

const app = new App();
const edge = new IpvsStack(app, 'edge');

const lb1 = new Director(edge, 'lb1', { host: 'lb1.example.net', user: 'lvsform', sudo: true });
const lb2 = new Director(edge, 'lb2', { host: 'lb2.example.net', user: 'lvsform', sudo: true });
const fleet = new Fleet(edge, 'table', { directors: [lb1, lb2] });

// Both ports carry mark 12 and are one service: a client that starts on port 80 stays with its server on port 443.
fleet
  .addService('web', {
    listen: Listen.tcp('192.168.74.88', 80, 443).marked(12),
    scheduler: Scheduler.wrr(),
    persistence: Duration.minutes(6),
    forward: Forward.gatewaying(),
    drain: { timeout: Duration.minutes(5) },
  })
  .addRealServer('rs1', { address: '192.168.74.129', weight: 3 })
  .addRealServer('rs2', { address: '192.168.74.133' });

app.synth();
