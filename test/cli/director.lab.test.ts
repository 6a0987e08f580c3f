/** The built command against a real director, from end to end, and beside what others keep there. */
import { makeWorkbench, type Typed, type Workbench } from './support';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { settled } from '../lab/listing';
import { writeSshConfig } from '../support/lab-ssh';

jest.setTimeout(600_000);

/** As keepalived or a colleague might have left it. */
const FOREIGN_SERVICES = `-A -t 192.168.74.90:443 -s wlc -p 600 -M 255.255.255.0
-a -t 192.168.74.90:443 -r 192.168.74.134:443 -g -w 7 -x 100 -y 50
-a -t 192.168.74.90:443 -r 192.168.74.135:443 -g -w 0
`;
const FOREIGN_RULES = `*mangle
:KUBE-PROXY-CANARY - [0:0]
-A PREROUTING -i eth1 -p udp -m udp --dport 514 -m comment --comment "logs, not ours" -j MARK --set-xmark 0x4000/0x4000
-A PREROUTING -s 10.0.0.0/8 -j MARK --set-xmark 0x99/0xffffffff
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j ACCEPT
COMMIT
*filter
-A FORWARD -s 172.16.0.0/12 -o eth0 -j DROP
COMMIT
`;

const PROGRAM = `import { App } from 'cdktf';
import { Director, Forward, IpvsStack, Listen, Scheduler } from 'lvsform';
const app = new App();
const edge = new IpvsStack(app, 'edge');
const lb1 = new Director(edge, 'lb1', { host: 'lb1', sudo: true });
lb1.addService('web', { listen: Listen.tcp('192.168.74.88', 80), scheduler: Scheduler.wrr(), forward: Forward.masquerading() })
  .addRealServer('rs1', { address: '192.168.74.129', port: 8080, weight: 3, upperThreshold: 1000, lowerThreshold: 900 })
  .addRealServer('rs2', { address: '192.168.74.133' });
lb1.addService('both', { listen: Listen.tcp('192.168.74.89', 80, 443).marked(12), scheduler: Scheduler.rr() })
  .addRealServer('rs1', { address: '192.168.74.129' });
app.synth();
`;

describeLab('bin/lvsform and a director', () => {
  let lab: Lab;
  let director: LabDirector;
  let workbench: Workbench;
  let sshConfig: string;

  beforeEach(async () => {
    lab = await startLab();
    director = await lab.director();
    workbench = makeWorkbench();
    sshConfig = writeSshConfig(workbench.path, { lb1: director });
  });

  afterEach(async () => {
    workbench.remove();
    await lab.close();
  });

  function lvsform(...args: string[]): Promise<Typed> {
    // An emulated machine that is busy takes its time.
    const patience = ['apply', 'destroy'].includes(args[0] ?? '') ? ['--confirm-within', '10m'] : [];
    return workbench.run([...args, ...patience, '--ssh-config', sshConfig], { cwd: 'project' });
  }

  async function succeeds(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await lvsform(...args);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    return stdout;
  }

  const listRules = async (): Promise<string> =>
    (await director.ok(['sh', '-c', 'iptables-save; ip6tables-save']))
      .replace(/^#.*\n/gm, '')
      .replace(/\[\d+:\d+\]/g, '');

  test('plan, apply, show, edit, destroy; foreign services and rules come through untouched', async () => {
    await director.ok(['ipvsadm', '-R'], { stdin: FOREIGN_SERVICES });
    await director.ok(['iptables-restore', '--noflush'], { stdin: FOREIGN_RULES });
    const [table, rules] = [await director.listing('-Ln', '--thresholds'), await listRules()];
    workbench.project('project', PROGRAM);

    expect(await lvsform('plan', '--detailed-exitcode')).toMatchObject({ code: 2 });
    const applied = await succeeds('apply', '--auto-approve');
    expect(applied).toContain('Applied to 1 director, read back and verified.');
    expect((await director.listing('-Sn')).split('\n')).toEqual([
      '-A -t 192.168.74.88:80 -s wrr',
      '-a -t 192.168.74.88:80 -r 192.168.74.129:8080 -m -w 3',
      '-a -t 192.168.74.88:80 -r 192.168.74.133:80 -m -w 1',
      ...FOREIGN_SERVICES.trimEnd()
        .replace(/ -x 100 -y 50/, '')
        .split('\n'),
      '-A -f 12 -s rr',
      '-a -f 12 -r 192.168.74.129:0 -g -w 1',
      '',
    ]);
    expect(await director.client.get('http://192.168.74.88/', 8)).toMatchObject({ servers: { rs1: 6, rs2: 2 } });
    expect(await lvsform('plan', '--detailed-exitcode')).toMatchObject({ code: 0 });

    const shown = JSON.parse(await succeeds('show', '--format', 'json')) as { directors: { services: unknown[] }[] };
    expect(shown.directors[0]?.services).toHaveLength(3);

    workbench.project('project', PROGRAM.replace('weight: 3', 'weight: 0'));
    const plan = JSON.parse(await succeeds('plan', '--format', 'json')) as unknown;
    expect(plan).toMatchObject({
      summary: { create: 0, update: 1, delete: 0 },
      directors: [{ changes: [{ fields: ['weight'], before: { weight: 3 }, after: { weight: 0 } }], foreign: 2 }],
    });
    expect((await lvsform('apply', '--auto-approve')).stderr).toContain('[weight-floor]');
    await succeeds('apply', '--auto-approve', '--allow', 'weight-floor');
    expect(await director.listing('-Ln', '--thresholds')).toMatch(/192\.168\.74\.129:8080\s+1000\s+900/);

    await succeeds('destroy', '--auto-approve');
    expect(await director.listing('-Ln', '--thresholds')).toBe(table);
    expect(await listRules()).toBe(rules);
  });

  test('import of what was made by hand: the program plans to nothing', async () => {
    await director.ok(['ipvsadm', '-R'], {
      stdin: `${FOREIGN_SERVICES}-A -f 12 -s sh -b sh-fallback,sh-port
-a -f 12 -r 192.168.74.129 -g -w 3
-A -f 12 -6 -s wrr -p 300 -M 64
-a -f 12 -6 -r [2001:db8:74::129]:0 -g -w 1
-A -u 192.168.74.91:53 -s rr -o
-a -u 192.168.74.91:53 -r 192.168.74.129:53 -i --tun-type gue --tun-port 6080
--set 1000 60 30
--start-daemon master --mcast-interface lo --syncid 7
`,
    });
    for (const [tool, address] of [
      ['iptables', '192.168.74.92'],
      ['ip6tables', '2001:db8:74::92'],
    ] as const)
      await director.ok([`${tool}-restore`, '--noflush'], {
        stdin: `*mangle\n-A PREROUTING -d ${address} -p tcp -m multiport --dports 80,443,8000:8010 -j MARK --set-mark 12\nCOMMIT\n`,
      });
    await director.ok(['iptables', '-t', 'mangle', '-A', 'PREROUTING', '-d', '192.168.74.93', '-p', 'tcp', '--dport', '21', '-j', 'MARK', '--set-mark', '12']); // prettier-ignore
    const listing = 'ipvsadm -Sn; ipvsadm -Ln --thresholds; ipvsadm -L --timeout; ipvsadm -L --daemon';
    const before = [await settled(() => director.ok(['sh', '-c', listing])), await listRules()];

    workbench.project('project', '');
    const program = await succeeds('import', 'lvsform@lb1', '--sudo');
    workbench.project('project', program);
    expect(await lvsform('plan', '--detailed-exitcode')).toMatchObject({ code: 0 });
    expect(await succeeds('apply', '--auto-approve')).not.toContain('Applied');
    expect([await settled(() => director.ok(['sh', '-c', listing])), await listRules()]).toEqual(before);

    // The director loses its table; the program has all of it.
    await director.ok(['sh', '-c', 'ipvsadm -C; ipvsadm --set 900 120 300; ipvsadm --stop-daemon master']);
    await succeeds('apply', '--auto-approve');
    expect([await settled(() => director.ok(['sh', '-c', listing])), await listRules()]).toEqual(before);
  });

  test('a scheduler whose module is missing: the apply stops, says how far it came, and puts the director back', async () => {
    workbench.project('project', PROGRAM.replace('Scheduler.wrr()', 'Scheduler.twos()'));
    const { code, stdout, stderr } = await lvsform('apply', '--auto-approve');
    expect(code).toBe(6);
    expect(stdout).toContain('Failed and put back: lb1.');
    expect(stderr).toContain('ipvsadm said: Scheduler or persistence engine not found');
    const listed = (title: string): string[] =>
      (new RegExp(`^ {2}${title}[^\\n]*:\\n((?: {4}.*\\n)*)`, 'm').exec(stderr)?.[1] ?? '')
        .split('\n')
        .map((line) => line.trim())
        .filter((line) => line !== '');
    expect(listed('without effect')).toEqual([
      'ipvsadm -A -t 192.168.74.88:80 -s twos',
      'ipvsadm -a -t 192.168.74.88:80 -r 192.168.74.129:8080 -m -w 3 -x 1000 -y 900',
      'ipvsadm -a -t 192.168.74.88:80 -r 192.168.74.133:80 -m -w 1 -x 0 -y 0',
    ]);
    expect(listed('had taken effect')).toEqual([
      'ipvsadm -A -f 12 -s rr',
      'ipvsadm -a -f 12 -r 192.168.74.129:0 -g -w 1 -x 0 -y 0',
    ]);
    expect(listed('never sent')).toEqual(['iptables-restore --noflush']);
    expect(stderr).toContain('the director is as it was before');
    expect(await director.listing('-Sn')).toBe('');
    expect(await director.ok(['iptables-save', '-t', 'mangle'])).not.toContain('LVSFORM');

    // Mended, the next apply does all of it.
    workbench.project('project', PROGRAM);
    await succeeds('apply', '--auto-approve');
    expect(await lvsform('plan', '--detailed-exitcode')).toMatchObject({ code: 0 });
  });
});
