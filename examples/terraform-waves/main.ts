import { App } from 'cdktf';
import { Director, Duration, Fleet, IpvsStack, Listen, Rollout, Scheduler } from 'lvsform';

const app = new App();
const edge = new IpvsStack(app, 'edge');
const [lb1, lb2] = ['lb1', 'lb2'].map(
  (name) => new Director(edge, name, { host: `${name}.example.net`, user: 'lvsform', sudo: true }),
) as [Director, Director];

// With `gates`, terraform has a block for each director, and a null_resource that it has to pass between lb2 and lb1.
const fleet = new Fleet(edge, 'table', {
  directors: [lb1, lb2],
  rollout: Rollout.canary(lb2)
    .then(lb1)
    .check({ url: 'http://192.0.2.10/health', timeout: Duration.seconds(5) }),
  gates: true,
});

fleet
  .addService('web', { listen: Listen.tcp('192.0.2.10', 80), scheduler: Scheduler.wrr() })
  .addRealServers(['10.0.0.11', '10.0.0.12'], { port: 80 });

app.synth();
