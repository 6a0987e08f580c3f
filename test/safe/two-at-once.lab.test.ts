/** More than one who changes a director: two applies, a person at a prompt, another controller. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApplyEvent } from '../../lib/apply';
import { Director, Forward, Listen, Scheduler } from '../../lib/constructs';
import type { VirtualService } from '../../lib/model';
import { makeWorkbench, type Typed, type Workbench } from '../cli/support';
import { synth } from '../constructs/program';
import { describeLab, type Lab, startLab } from '../lab/lab';
import { server, service, table } from '../plan/tables';
import { writeSshConfig } from '../support/lab-ssh';
import { Bench, connectSsh, foreignLines } from './bench';

jest.setTimeout(600_000);

const web = (port: number, ...weights: number[]): VirtualService =>
  service(
    { by: 'address', protocol: 'tcp', address: '192.0.2.1', port },
    weights.map((weight, at) => server(`10.0.0.${1 + at}`, { port, weight })),
  );
const only = (...services: VirtualService[]) => table({ services });

describeLab('more than one who changes a director', () => {
  let lab: Lab;
  let bench: Bench;

  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    bench = await Bench.open(lab);
    await bench.apply(only(web(80, 1, 1), web(81, 1)));
  });
  afterEach(() => bench.close());

  const ANN = only(web(80, 2, 2), web(81, 2), web(443, 1));
  const BOB = only(web(80, 5, 0), web(8080, 1));
  const as = (by: string, lockWaitSeconds: number, onEvent: (event: ApplyEvent) => void = () => undefined) => ({
    connect: connectSsh,
    settings: { author: { by }, lockWaitSeconds },
    hooks: { onEvent: (_: string, event: ApplyEvent) => { onEvent(event); } }, // prettier-ignore
  });

  test('two applies started at once: one wins, the other fails naming it', async () => {
    const [ann, bob] = await Promise.all([bench.apply(ANN, as('ann@one', 0)), bench.apply(BOB, as('bob@two', 0))]);
    const [winner, loser, name] = ann.outcome === 'applied' ? [ANN, bob, 'ann@one'] : [BOB, ann, 'bob@two'];
    expect([ann.outcome, bob.outcome].sort()).toEqual(['applied', 'failed']);
    expect(loser.error).toMatchObject({ code: 'locked' });
    expect(loser.error?.message).toContain(`locked by ${name} for stack edge since `);
    expect(await bench.apply(winner)).toMatchObject({ outcome: 'unchanged' });
  });

  test('two applies started at once: the other waits, and does not mix its table with what it finds', async () => {
    const waited: ApplyEvent[] = [];
    const note = (event: ApplyEvent): void => {
      if (event.kind === 'waiting') waited.push(event);
    };
    const [ann, bob] = await Promise.all([
      bench.apply(ANN, as('ann@one', 90, note)),
      bench.apply(BOB, as('bob@two', 90, note)),
    ]);
    const [winner, loser, name] = ann.outcome === 'applied' ? [ANN, bob, 'ann@one'] : [BOB, ann, 'bob@two'];
    expect(waited).toMatchObject([{ holder: { author: { by: name } } }]);
    expect(loser).toMatchObject({ outcome: 'failed', error: { code: 'stale' } });
    expect(await bench.apply(winner)).toMatchObject({ outcome: 'unchanged' });
  });

  test('two stacks at once: the other waits for its turn, and both are applied', async () => {
    // Timeouts are one per director, and those of the first stack.
    const dns = service({ by: 'address', protocol: 'udp', address: '192.0.2.7', port: 53 }, [server('10.0.0.9', { port: 53 })]); // prettier-ignore
    const other = { ...only(dns), timeouts: {} };
    const reports = await Promise.all([
      bench.apply(ANN, as('ann@one', 90)),
      bench.apply(other, { ...as('bob@two', 90), stack: 'dns' }),
    ]);
    expect(reports).toMatchObject([{ outcome: 'applied' }, { outcome: 'applied' }]);
    expect(await bench.apply(ANN)).toMatchObject({ outcome: 'unchanged' });
    expect(await bench.apply(other, { stack: 'dns' })).toMatchObject({ outcome: 'unchanged' });
  });

  test('another controller that reverts us is named, and the rest is put back', async () => {
    const before = await bench.list();
    await bench.shell.run(`
      mkdir -p /opt; cat > /opt/keepalived <<'END'
#!/bin/bash
while :; do ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1; sleep 0.2; done
END
      chmod 755 /opt/keepalived; setsid /opt/keepalived </dev/null >/dev/null 2>&1 & echo $! > /opt/pid`);
    const { outcome, error } = await bench.apply(ANN, { connect: connectSsh });
    await bench.shell.run('kill -- -$(cat /opt/pid)');
    await bench.atRest();
    expect(outcome).toBe('rolled-back');
    expect(error?.message).toContain('keepalived runs there');
    expect(error?.message).toContain('update lb1/tcp/192.0.2.1:80/10.0.0.1:80 (weight)');
    expect(error?.message).not.toContain('10.0.0.2:80 (weight)');
    expect(await bench.list()).toBe(before);
    expect(await bench.apply(ANN)).toMatchObject({ outcome: 'applied' });
  });

  describe('somebody edits between plan and apply', () => {
    let workbench: Workbench;
    let sshConfig: string;

    beforeEach(() => {
      workbench = makeWorkbench();
      sshConfig = writeSshConfig(workbench.path, { lb1: bench.director }, 'root');
      const artefact = synth((edge) => {
        const lb1 = new Director(edge, 'lb1', { host: 'lb1' });
        for (const [port, weight] of [
          [80, 4],
          [81, 1],
        ] as const)
          // prettier-ignore
          lb1
            .addService(`web${port}`, { listen: Listen.tcp('192.0.2.1', port), scheduler: Scheduler.wrr(), forward: Forward.gatewaying() }) // prettier-ignore
            .addRealServer('rs1', { address: '10.0.0.1', weight });
      });
      writeFileSync(join(workbench.path, 'edge.tf.json'), JSON.stringify(artefact));
    });
    afterEach(() => {
      workbench.remove();
    });

    const lvsform = (...args: string[]): Promise<Typed> => workbench.run([...args, '--ssh-config', sshConfig]);
    const plan = async (): Promise<void> => {
      const { code, stderr } = await lvsform('plan', '--from', 'edge.tf.json', '--out', 'plan.json', '--allow', 'pool-drop'); // prettier-ignore
      expect({ code, stderr }).toMatchObject({ code: 0 });
    };

    test('of what the plan touches: refused with exit code 3, and nothing is changed', async () => {
      await plan();
      await bench.director.ok(['ipvsadm', '-e', '-t', '192.0.2.1:80', '-r', '10.0.0.1:80', '-g', '-w', '9']);
      const before = await bench.list();
      const { code, stderr } = await lvsform('apply', 'plan.json');
      expect({ code, stderr }).toMatchObject({ code: 3 });
      expect(stderr).toContain('lb1: tcp/192.0.2.1:80 moved');
      expect(await bench.list()).toBe(before);
    });

    test('of what it does not touch: applied, and the edit stays', async () => {
      await plan();
      await bench.director.ok(['ipvsadm', '-e', '-t', '203.0.113.10:80', '-r', '10.1.0.12:80', '-g', '-w', '5']);
      const foreign = foreignLines(await bench.list());
      const { code, stderr } = await lvsform('apply', 'plan.json');
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const after = await bench.list();
      expect(foreignLines(after)).toBe(foreign);
      expect(after).toContain('-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 4');
    });
  });
});
