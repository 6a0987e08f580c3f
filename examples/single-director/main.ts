import { App } from 'cdktf';
import { Director, Forward, IpvsStack, Listen, Scheduler } from 'lvsform';

const app = new App();
const stack = new IpvsStack(app, 'single');

const director = new Director(stack, 'lb1', { host: 'lb1.example.net', user: 'lvsform', sudo: true });

director
  .addService('web', {
    listen: Listen.tcp('192.0.2.10', 80),
    scheduler: Scheduler.wrr(),
    forward: Forward.masquerading(),
  })
  .addRealServer('rs1', { address: '10.0.0.11', port: 8080, weight: 2 })
  .addRealServer('rs2', { address: '10.0.0.12', port: 8080 });

app.synth();
