/** Proves the lab itself: whatever a test of the product may lean on works here on its own. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describeLab, type Lab, type LabDirector, startLab } from './lab';
import { settled } from './listing';
import { isAlive } from './vm';

const run = promisify(execFile);
const VIP = '192.168.74.88';
const VIP6 = '2001:db8:74::88';

jest.setTimeout(300_000);

describeLab('lab', () => {
  let lab: Lab;
  let director: LabDirector;

  beforeAll(async () => {
    lab = await startLab();
  });
  afterAll(() => lab.close());
  beforeEach(async () => {
    director = await lab.director();
  });
  afterEach(() => director.release());

  /** Many ipvsadm commands, each of which has to succeed. */
  async function ipvsadm(...commands: string[]): Promise<void> {
    const shell = await director.shell();
    for (const command of commands) {
      expect({ command, ...(await shell.run(`ipvsadm ${command}`)) }).toEqual({
        command,
        code: 0,
        stdout: '',
        stderr: '',
      });
    }
    shell.close();
  }
  const table = (): Promise<string> => director.listing('-Sn');

  describe('directors', () => {
    test('are reached by the ssh of this machine, with the host key the lab tells', async () => {
      const knownHosts = join(lab.state.runDir, `known-hosts-${director.name}`);
      writeFileSync(knownHosts, `${director.knownHosts}\n`);
      for (const user of ['root', 'lvsform', 'nosudo']) {
        const { stdout, stderr } = await run('ssh', [
          ...['-F', 'none', '-p', String(director.port), '-i', director.identityFile, '-l', user],
          ...['-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes'],
          ...[director.host, 'id -un; hostname'],
        ]);
        expect({ stdout, stderr }).toEqual({ stdout: `${user}\n${director.name}\n`, stderr: '' });
      }
    });

    test('are apart from each other, several at a time', async () => {
      const others = await lab.directors(3);
      const all = [director, ...others];
      expect(new Set(all.map(({ name }) => name)).size).toBe(4);
      expect(new Set(all.map(({ hostKey }) => hostKey)).size).toBe(4);
      await Promise.all(all.map((one, index) => one.ok(['ipvsadm', '-A', '-f', String(index + 1), '-s', 'rr'])));
      for (const [index, one] of all.entries()) {
        expect(await one.listing('-Sn')).toBe(`-A -f ${index + 1} -s rr\n`);
        await one.ok([
          'sh',
          '-c',
          `echo ${one.name} >/etc/mine; mkdir /var/lib/lvsform/mine; ls /proc | grep -c '^[0-9]' >/tmp/mine`,
        ]);
      }
      for (const one of all) expect(await one.ok(['cat', '/etc/mine'])).toBe(`${one.name}\n`);
      await Promise.all(others.map((one) => one.release()));
    });

    test('are fresh, whatever was done to them before', async () => {
      const expected = await freshState(director);
      await director.ok([
        'sh',
        '-ec',
        `ipvsadm -A -t ${VIP}:80; ipvsadm --set 1 2 3; ipvsadm --start-daemon master --mcast-interface eth1
         iptables -t mangle -A PREROUTING -j MARK --set-mark 1; ip6tables-legacy -t mangle -N MINE
         sysctl -qw net.ipv4.vs.conntrack=1 net.ipv4.ip_forward=0
         touch /etc/ipvsadm.rules /var/lib/lvsform/mine; rm /usr/sbin/ipvsadm
         sleep 1000 </dev/null >/dev/null 2>&1 &`,
      ]);
      const { name } = director;
      await director.release();
      director = await lab.director({ name });
      expect(await freshState(director)).toEqual(expected);
    });

    test('keep their files over a reboot, and nothing else', async () => {
      await director.ok([
        'sh',
        '-c',
        `ipvsadm -A -f 1; touch /etc/ipvsadm.rules /var/lib/lvsform/kept /run/lost /tmp/lost`,
      ]);
      await director.reboot();
      expect(
        await director.ok([
          'sh',
          '-c',
          'ipvsadm -Sn; ls -d /etc/ipvsadm.rules /var/lib/lvsform/* /run/lost /tmp/lost 2>/dev/null; true',
        ]),
      ).toBe('/etc/ipvsadm.rules\n/var/lib/lvsform/kept\n');
    });

    test('give exit codes, both outputs and standard input unharmed', async () => {
      const argv = [
        'sh',
        '-c',
        'cat; printf "%s|" "$@"; echo oops >&2; exit 7',
        'sh',
        'a b',
        "it's",
        '$HOME',
        '',
        'ü\n',
      ];
      const expected = { code: 7, stdout: "in\na b|it's|$HOME||ü\n|", stderr: 'oops\n' };
      expect(await director.exec(argv, { stdin: 'in\n' })).toEqual(expected);
      const shell = await director.shell();
      expect(await shell.run(`cat; printf '%s|' 'a b' "it's" '$HOME' '' 'ü\n'; echo oops >&2; exit 7`, 'in\n')).toEqual(
        expected,
      );
      expect(await shell.run('printf nothing; cd /; X=1')).toEqual({ code: 0, stdout: 'nothing', stderr: '' });
      expect(await shell.run('pwd; echo $X')).toEqual({ code: 0, stdout: '/root\n\n', stderr: '' });
    });
  });

  describe('users', () => {
    test('lvsform may use the tools through sudo, and nothing else', async () => {
      const as = 'lvsform';
      expect(await director.exec(['ipvsadm', '-Sn'], { as })).toMatchObject({ code: 127 });
      expect(await director.exec(['/usr/sbin/ipvsadm', '-Sn'], { as })).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Permission denied') as unknown,
      });
      await director.ok(['sudo', '-n', 'ipvsadm', '-A', '-f', '1', '-s', 'rr'], { as });
      expect(await settled(() => director.ok(['sudo', '-n', 'ipvsadm', '-Sn'], { as }))).toBe('-A -f 1 -s rr\n');
      for (const tool of ['iptables', 'ip6tables'])
        await director.ok(['sudo', '-n', `${tool}-save`, '-t', 'mangle'], { as });
      await director.ok(['sudo', '-n', 'ipvsadm', '-R'], { as, stdin: '-A -f 2 -s rr\n' });
      await director.ok(['touch', '/var/lib/lvsform/ledger'], { as });
      expect(await director.exec(['sudo', '-n', 'id'], { as })).toEqual({
        code: 1,
        stdout: '',
        stderr: 'sudo: a password is required\n',
      });
    });

    test('nosudo may do nothing', async () => {
      expect(await director.exec(['sudo', '-n', 'ipvsadm', '-Sn'], { as: 'nosudo' })).toEqual({
        code: 1,
        stdout: '',
        stderr: 'sudo: a password is required\n',
      });
    });
  });

  describe('kernel', () => {
    const always = 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh'.split(' ');

    test('has every scheduler', async () => {
      const twos = (await lab.exec(['modprobe', '-n', 'ip_vs_twos'])).code === 0;
      await ipvsadm(
        ...[...always, ...(twos ? ['twos'] : [])].map((scheduler, index) => `-A -f ${index + 1} -s ${scheduler}`),
      );
      expect((await table()).trim().split('\n')).toHaveLength(always.length + (twos ? 1 : 0));
      if (!twos) {
        // So a director whose scheduler's module is missing needs no preparation.
        expect(await director.exec(['ipvsadm', '-A', '-f', '99', '-s', 'twos'])).toMatchObject({
          code: 255,
          stderr: expect.stringContaining('Scheduler or persistence engine not found') as unknown,
        });
      }
    });

    test('has services of all kinds', async () => {
      const rules = [
        `-A -t ${VIP}:80 -s sh -b sh-fallback,sh-port`,
        `-a -t ${VIP}:80 -r 192.168.74.129:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-nocsum`,
        `-a -t ${VIP}:80 -r 192.168.74.133:8080 -m -w 65535`,
        `-A -t [${VIP6}]:443 -s mh -p 60 -M 64 -b mh-port`,
        `-A -u ${VIP}:53 -s rr -o`,
        `-A -u ${VIP}:5060 -s rr -p 60 --pe sip`,
        `-A --sctp-service ${VIP}:9999 -s sed`,
        `-A -f 12 -6 -s wlc`,
      ];
      await ipvsadm(...rules);
      expect((await table()).trim().split('\n').sort()).toEqual(rules.sort());
    });

    test('runs sync daemons', async () => {
      await ipvsadm(
        '--start-daemon master --mcast-interface eth1 --syncid 7',
        '--start-daemon backup --mcast-interface eth1 --syncid 8',
      );
      expect(await director.ok(['ipvsadm', '-L', '--daemon'])).toMatch(
        /^master sync daemon \(mcast=eth1, syncid=7,.*\nbackup sync daemon \(mcast=eth1, syncid=8,/,
      );
    });
  });

  describe('variants', () => {
    test.each(['nft', 'legacy'] as const)('iptables is %s, with marks for both families', async (iptables) => {
      const one = await lab.director({ iptables });
      for (const [tool, address] of [
        ['iptables', `${VIP}/32`],
        ['ip6tables', `${VIP6}/128`],
      ] as const) {
        expect(await one.ok([tool, '--version'])).toContain(iptables === 'nft' ? '(nf_tables)' : '(legacy)');
        const rule = `-A PREROUTING -d ${address} -p tcp -m multiport --dports 80,443 -m comment --comment "a b" -j MARK --set-xmark 0xc/0xffffffff`;
        await one.ok([`${tool}-restore`, '--noflush'], { stdin: `*mangle\n${rule}\nCOMMIT\n` });
        expect((await one.ok([`${tool}-save`, '-t', 'mangle'])).split('\n')).toContain(rule);
        expect(
          await one.exec([`${tool}-${iptables === 'nft' ? 'legacy' : 'nft'}`, '-t', 'mangle', '-S', 'PREROUTING']),
        ).toMatchObject({
          stdout: '-P PREROUTING ACCEPT\n',
        });
      }
      await one.release();
    });

    test('without ipvsadm, without iptables', async () => {
      const one = await lab.director({ ipvsadm: 'missing', iptables: 'missing' });
      for (const tool of ['ipvsadm', 'iptables', 'ip6tables-save'])
        expect(await one.exec([tool])).toMatchObject({ code: 127 });
      // What is not there matches no rule of sudoers, and that is all sudo says.
      expect(await one.exec(['sudo', '-n', 'ipvsadm', '-Sn'], { as: 'lvsform' })).toMatchObject({
        code: 1,
        stderr: 'sudo: a password is required\n',
      });
      await one.release();
    });
  });

  describe('traffic', () => {
    const [first, second] = ['129', '133'];

    test.each([
      ['IPv4', `-t ${VIP}:80`, `http://${VIP}/`, '192.168.74.'],
      ['IPv6', `-t [${VIP6}]:80`, `http://[${VIP6}]/`, '2001:db8:74::'],
    ])('masquerading, gatewaying and tunnels over %s', async (_, service, url, net) => {
      const server = (host: string | undefined, port: number): string =>
        net.includes(':') ? `[${net}${host}]:${port}` : `${net}${host}:${port}`;
      await ipvsadm(`-A ${service} -s rr`);
      for (const [how, port] of [
        ['-m', 8080],
        ['-g', 80],
        ['-i', 80],
      ] as const) {
        await ipvsadm(
          `-a ${service} -r ${server(first, port)} ${how}`,
          `-a ${service} -r ${server(second, port)} ${how}`,
        );
        expect(await director.client.get(url, 10)).toMatchObject({
          answered: 10,
          failed: 0,
          failures: [],
          servers: { rs1: 5, rs2: 5 },
        });
        await ipvsadm(`-d ${service} -r ${server(first, port)}`, `-d ${service} -r ${server(second, port)}`);
      }
    });

    test.each(['--tun-type gue --tun-port 6080', '--tun-type gre'])('tunnel %s', async (tunnel) => {
      await ipvsadm(`-A -t ${VIP}:80 -s rr`, `-a -t ${VIP}:80 -r 192.168.74.${first} -i ${tunnel}`);
      expect(await director.client.get(`http://${VIP}/`, 3)).toMatchObject({ failed: 0, servers: { rs1: 3 } });
    });

    test.each(['nft', 'legacy'] as const)(
      'the fwmark lesson, with %s: ports 80 and 443 of one VIP as one service, weights 3 to 1',
      async (iptables) => {
        const one = await lab.director({ iptables });
        await one.ok([
          'sh',
          '-ec',
          `
        for tool in "iptables ${VIP}" "ip6tables ${VIP6}"; do set -- $tool
          $1 -t mangle -A PREROUTING -d $2 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 12
        done
        ipvsadm -A -f 12 -s wrr
        ipvsadm -a -f 12 -r 192.168.74.129 -g -w 3
        ipvsadm -a -f 12 -r 192.168.74.133 -g -w 1
        ipvsadm -A -f 12 -6 -s wrr
        ipvsadm -a -f 12 -6 -r [2001:db8:74::129]:0 -g -w 3
        ipvsadm -a -f 12 -6 -r [2001:db8:74::133]:0 -g -w 1`,
        ]);
        for (const host of [VIP, `[${VIP6}]`]) {
          for (const port of [80, 443]) {
            expect(await one.client.get(`http://${host}:${port}/`, 20)).toMatchObject({
              failed: 0,
              servers: { rs1: 15, rs2: 5 },
            });
          }
          expect(await one.client.get(`http://${host}:8080/`)).toMatchObject({
            answered: 0,
            failures: [{ error: 'Connection refused' }],
          });
        }
        await one.release();
      },
    );

    test('UDP, also packet by packet', async () => {
      for (const [service, url, server] of [
        [`-u ${VIP}:53`, `udp://${VIP}:53`, '192.168.74.'],
        [`-u [${VIP6}]:53`, `udp://[${VIP6}]:53`, '2001:db8:74::'],
      ] as const) {
        const address = (host: string | undefined): string =>
          server.includes(':') ? `[${server}${host}]:53` : `${server}${host}:53`;
        await ipvsadm(
          `-A ${service} -s rr -o`,
          `-a ${service} -r ${address(first)} -g`,
          `-a ${service} -r ${address(second)} -g`,
        );
        // Nobody sends a datagram again: an answer may take its time on a busy machine.
        const answered = await director.client.get(url, 10, { timeoutMs: 20_000 });
        expect(answered).toMatchObject({ failed: 0, servers: { rs1: 5, rs2: 5 } });
      }
      expect(await director.ok(['ipvsadm', '-Lcn'])).not.toContain('UDP');
    });

    test('persistence tells clients apart', async () => {
      await ipvsadm(
        `-A -t ${VIP}:80 -s rr -p 60`,
        ...[first, second].map((host) => `-a -t ${VIP}:80 -r 192.168.74.${host} -m`),
      );
      const servers = [];
      for (const from of ['192.168.74.10', '192.168.74.11']) {
        const { failed, servers: counts } = await director.client.get(`http://${VIP}/`, 5, { from });
        expect({ failed, servers: Object.values(counts) }).toEqual({ failed: 0, servers: [5] });
        servers.push(...Object.keys(counts));
      }
      expect(servers.sort()).toEqual(['rs1', 'rs2']);
    });

    test('a probe sees what happens meanwhile, and when', async () => {
      await ipvsadm(`-A -t ${VIP}:80 -s rr`, `-a -t ${VIP}:80 -r 192.168.74.${first} -m`);
      const probe = await director.client.probe({ url: `http://${VIP}/`, everyMs: 10 });
      await ipvsadm(`-a -t ${VIP}:80 -r 192.168.74.${second} -m`);
      await ipvsadm(`-e -t ${VIP}:80 -r 192.168.74.${first} -m -w 0`);
      await director.client.get(`http://${VIP}/`, 5);
      const calm = await probe.stop();
      expect(calm).toMatchObject({
        failed: 0,
        failures: [],
        servers: { rs1: expect.any(Number) as unknown, rs2: expect.any(Number) as unknown },
      });
      expect(calm.attempts).toBeGreaterThan(10);

      const watch = await director.client.probe({ url: `http://${VIP}/`, everyMs: 10 });
      await ipvsadm(`-d -t ${VIP}:80 -r 192.168.74.${second}`);
      await ipvsadm(`-e -t ${VIP}:80 -r 192.168.74.${first} -m -w 1`);
      await director.client.get(`http://${VIP}/`, 5);
      const dark = await watch.stop();
      expect(dark.failed).toBeGreaterThan(0);
      expect(dark.failures[0]).toMatchObject({ error: 'Connection refused' });
      expect(dark.failures[0]?.atMs).toBeGreaterThan(0);
      expect(dark.failures[0]?.atMs).toBeLessThan(dark.durationMs);
    });

    test('held connections stay where they are', async () => {
      await ipvsadm(`-A -t ${VIP}:7 -s rr`, `-a -t ${VIP}:7 -r 192.168.74.${first} -m`);
      const held = await director.client.hold(VIP);
      expect(await held.say('hello')).toBe('rs1-hello');
      await ipvsadm(`-a -t ${VIP}:7 -r 192.168.74.${second} -m`, `-e -t ${VIP}:7 -r 192.168.74.${first} -m -w 0`);
      expect(await held.say('again')).toBe('rs1-again');
      const later = await director.client.hold(VIP);
      expect(await later.say('hello')).toBe('rs2-hello');
      expect(await director.ok(['ipvsadm', '-Ln', '-t', `${VIP}:7`])).toMatch(/192\.168\.74\.129:7\s+Masq\s+0\s+1\s+0/);
      await Promise.all([held.close(), later.close()]);
    });

    test('real servers can be changed', async () => {
      const [rs1] = director.realServers;
      expect(rs1).toMatchObject({ name: 'rs1', address: '192.168.74.129', address6: '2001:db8:74::129' });
      expect(await rs1?.exec(['ip', '-br', 'addr', 'show', 'dev', 'eth0'])).toMatchObject({
        code: 0,
        stdout: expect.stringContaining('192.168.74.129/24') as unknown,
      });
      expect(await director.client.get('http://192.168.74.129:9090/')).toMatchObject({ servers: { rs1: 1 } });
      await rs1?.exec(['ip', 'link', 'set', 'eth0', 'down']);
      expect(await director.client.get('http://192.168.74.129:9090/', 1, { timeoutMs: 200 })).toMatchObject({
        failures: [{ error: 'timeout' }],
      });
    });
  });

  test('hundreds of tables go through a few shells', async () => {
    const shells = await Promise.all([director, ...(await lab.directors(3))].map((one) => one.shell()));
    await Promise.all(
      shells.map(async (shell) => {
        for (let n = 1; n <= 25; n++) {
          const rules = `-A -f ${n} -s rr\n-a -f ${n} -r 10.0.0.1:0 -m -w ${n}\n`;
          expect(await shell.run('ipvsadm -C; ipvsadm -R', rules)).toEqual({ code: 0, stdout: '', stderr: '' });
          expect(await settled(async () => (await shell.run('ipvsadm -Sn')).stdout)).toBe(rules);
        }
      }),
    );
  });
});

/** All a test could have left behind. */
async function freshState(director: LabDirector): Promise<string> {
  const state = await director.ok([
    'sh',
    '-c',
    `
    ipvsadm -Sn; ipvsadm -L --timeout; ipvsadm -L --daemon; sysctl net.ipv4.vs net.ipv4.ip_forward
    iptables-save; ip6tables-save; cat /proc/net/ip_tables_names /proc/net/ip6_tables_names
    find /etc /root /home /var /tmp /run -newer /lab/boot -type f; ps -e -o args=; ip -br link | cut -d@ -f1`,
  ]);
  return state.replaceAll(director.name, 'NAME').replaceAll(/# (Generated|Completed).*/g, '');
}

describeLab('a lab', () => {
  test('dies with the process that booted it, however that dies', async () => {
    const script = join(tmpdir(), `lvsform-lab-${process.pid}.ts`);
    writeFileSync(
      script,
      `require(${JSON.stringify(join(__dirname, 'vm.ts'))}).bootVm(1).then((vm) => { console.log(vm.state.pid); setInterval(() => 0, 1000); });`,
    );
    const tsx = join(__dirname, '../../node_modules/tsx/dist/cli.mjs');
    // tsx runs the script in a child of its own, so it is the script's process that has to be asked for and killed.
    const child = spawn(process.execPath, ['--require', join(tsx, '../preflight.cjs'), '--import', 'tsx', script], {
      cwd: __dirname,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const machine = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (data: Buffer) => {
        resolve(Number(data.toString()));
      });
      child.once('exit', () => {
        reject(new Error('no machine'));
      });
    });
    expect(isAlive(machine)).toBe(true);
    child.removeAllListeners('exit');
    child.kill('SIGKILL');
    const end = Date.now() + 5000;
    while (existsSync(`/proc/${machine}/cmdline`) && isAlive(machine) && Date.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isAlive(machine)).toBe(false);
  });
});
