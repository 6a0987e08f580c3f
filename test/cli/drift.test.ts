/** What differs from the program, and why. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeSshConfig } from '../../lib/cli/ssh-config';
import { Director, Duration, Listen } from '../../lib/constructs';
import { type Sim, startSim } from '../../lib/sim';
import { synth } from '../constructs/program';
import { typeHere } from './fake-io';
import { makeWorkbench, type Typed, type Workbench } from './support';

let bench: Workbench;
let sim: Sim;

beforeAll(async () => {
  bench = makeWorkbench();
  const rules = '-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n';
  const names = ['lb1', 'lb2', 'lb3', 'lb4'];
  sim = await startSim({
    directors: names,
    rules: Object.fromEntries(names.map((name) => [name, rules])),
    processes: [],
  });
  const json = synth((edge) => {
    for (const name of names)
      new Director(edge, name, { host: name })
        .addService('web', { listen: Listen.tcp('192.0.2.1', 80) })
        .addRealServer('rs1', { address: '10.0.0.1' });
  });
  writeFileSync(join(bench.path, 'edge.tf.json'), JSON.stringify(json));
});

afterAll(async () => {
  await sim.close();
  bench.remove();
});

const drift = (...args: string[]): Promise<Typed> =>
  typeHere(['drift', '--from', 'edge.tf.json', ...args], {
    cwd: bench.path,
    sshConfig: writeSshConfig(join(bench.path, 'ssh'), sim),
  });

const edit = (at: number, weight: number): void => {
  sim.directors[at]!.exec(`ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w ${weight}`.split(' '));
};

test('nothing differs, then a weight, a drain, and a service that is gone', async () => {
  expect(await drift()).toEqual({ code: 0, stdout: 'No drift on 4 directors.\n', stderr: '' });
  edit(0, 5);
  edit(1, 0);
  sim.directors[1]!.setConnections('10.0.0.1:80', { active: 3 });
  sim.directors[2]!.exec(['ipvsadm', '-D', '-t', '192.0.2.1:80']);
  const before = sim.directors.map((director) => director.rules());
  const { code, stdout } = await drift();
  expect(code).toBe(2);
  expect(stdout).toBe(
    "lb1  tcp/192.0.2.1:80/10.0.0.1:80: weight 5, declared 1  (an operator's weight)\n" +
      'lb2  tcp/192.0.2.1:80/10.0.0.1:80: weight 0, declared 1  (draining, 3 connections left)\n' +
      'lb3  tcp/192.0.2.1:80: is missing\n' +
      'lb3  tcp/192.0.2.1:80/10.0.0.1:80: is missing\n' +
      'Drift on 3 of 4 directors.\n',
  );
  expect(sim.directors.map((director) => director.rules())).toEqual(before);
  const markdown = await drift('--format', 'markdown', '--director', 'lb2');
  expect(markdown.stdout).toContain('| lb2 | `tcp/192.0.2.1:80/10.0.0.1:80` | weight 0, declared 1 | draining, 3 connections left |');
  const json = JSON.parse((await drift('--format', 'json')).stdout) as object;
  expect(json).toMatchObject({ format: 1, asked: 4, directors: [{ director: 'lb1', drift: [{ cause: { kind: 'operator-weight' } }] }, {}, {}] });
}); // prettier-ignore

test('another controller is named', async () => {
  const other = await startSim({ directors: ['lb1'], processes: ['keepalived'] });
  try {
    const sshConfig = writeSshConfig(join(bench.path, 'other'), other);
    const args = ['drift', '--from', 'edge.tf.json', '--director', 'lb1'];
    const { code, stdout } = await typeHere(args, { cwd: bench.path, sshConfig });
    expect([code, stdout.split('\n')[0]]).toEqual([2, 'lb1  tcp/192.0.2.1:80: is missing  (keepalived runs there)']);
  } finally {
    await other.close();
  }
});

test('a ledger that says something else is no drift; adopt writes it as an apply would', async () => {
  const rules = '-A -t 192.0.2.1:80 -s wlc\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n';
  const other = await startSim({ directors: ['lb1'], rules: { lb1: rules }, processes: [] });
  try {
    const sshConfig = writeSshConfig(join(bench.path, 'ledger'), other);
    const write = (drainSeconds: number, tcp: number): void => {
      const json = synth((edge) => {
        new Director(edge, 'lb1', { host: 'lb1', timeouts: { tcp: Duration.seconds(tcp) } })
          .addService('web', {
            listen: Listen.tcp('192.0.2.1', 80),
            drain: { timeout: Duration.seconds(drainSeconds) },
          })
          .addRealServer('rs1', { address: '10.0.0.1' });
      });
      writeFileSync(join(bench.path, 'ledger.tf.json'), JSON.stringify(json));
    };
    const type = (...args: string[]): Promise<Typed> =>
      typeHere([...args, '--from', 'ledger.tf.json'], { cwd: bench.path, sshConfig });
    write(60, 900);
    expect((await type('adopt')).stdout).toBe('lb1: stack edge owns tcp/192.0.2.1:80, timeouts\n');
    expect((await type('plan')).stdout).not.toContain('the ledger is brought up to date');
    write(30, 900);
    expect((await type('plan')).stdout).toContain('the ledger is brought up to date');
    expect(await type('drift')).toMatchObject({ code: 0, stdout: 'No drift on 1 director.\n' });
  } finally {
    await other.close();
  }
});
