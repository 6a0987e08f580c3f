/** What is persisted is there after a reboot: on a real Debian with systemd, and with the unit of the RHEL family. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DirectorAccess, executeCommands, fetchLive, persistTable, readBoot } from '../../lib/apply';
import { BOOT_UNIT, type BootRequest, renderBoot, renderTable, renderUnboot } from '../../lib/dialect';
import { chainName, type DesiredDirector, type DirectorTable, sortTable } from '../../lib/model';
import { type BootDrift, bootDrift, bootFindings, tableAtBoot } from '../../lib/plan/boot';
import { connectSsh, newNonce } from '../../lib/transport';
import { describeLab } from '../lab/lab';
import { startSystemdDirector, type SystemdDirector } from '../lab/systemd';

const STACK = 'edge';
const CHAIN = chainName(STACK);
const RULES = '/etc/ipvsadm.rules';
const SETTINGS = '/etc/default/ipvsadm';
const FOREIGN = 'tcp/192.0.2.99:99';

const server = { port: 80, forwarding: 'masquerading', tunnel: null } as const;
const service = { scheduler: 'wrr', schedulerFlags: [], persistence: null, persistenceEngine: null, onePacket: false };
const mark = { protocol: 'tcp', source: null, inputInterface: null, ports: ['80', '443'], mark: 12 } as const;

/** Everything `ipvsadm-save` loses, and mark rules of both families. */
const TABLE: DirectorTable = sortTable({
  services: [
    {
      ...service,
      key: { by: 'address', protocol: 'tcp', address: '192.168.74.88', port: 80 },
      persistence: { timeoutSeconds: 300, netmask: '255.255.255.0' },
      realServers: [
        { ...server, address: '10.0.0.11', weight: 3, upperThreshold: 100, lowerThreshold: 50 },
        { ...server, address: '10.0.0.12', weight: 0, upperThreshold: 0, lowerThreshold: 0 },
      ],
    },
    {
      ...service,
      key: { by: 'fwmark', family: 'inet', mark: 12 },
      realServers: [{ ...server, port: 0, address: '10.0.0.13', weight: 1, upperThreshold: 7, lowerThreshold: 0 }],
    },
    {
      ...service,
      scheduler: 'mh',
      schedulerFlags: ['mh-port'],
      key: { by: 'address', protocol: 'udp', address: '2001:db8:74::88', port: 53 },
      realServers: [{ ...server, port: 53, address: '2001:db8::11', weight: 2, upperThreshold: 0, lowerThreshold: 0 }],
    },
  ],
  marks: [
    { ...mark, ports: [...mark.ports], family: 'inet', destination: '192.168.74.89/32' },
    { ...mark, ports: [...mark.ports], family: 'inet6', destination: '2001:db8:74::89/128' },
  ],
  timeouts: { tcpSeconds: 700, tcpFinSeconds: 70, udpSeconds: 77 },
  daemons: [
    {
      role: 'master',
      interface: 'eth1',
      syncId: 9,
      maxLength: 1400,
      group: '224.0.0.99',
      port: 9999,
      ttl: 3,
    },
  ],
});

function wishOf(owns: 'declared' | 'table'): DesiredDirector {
  return { director: { name: 'lb1', host: 'lb1', owns, persist: true }, table: TABLE, policies: {}, sources: {} };
}

/** The lines of a documented sudoers file. */
function documentedSudoers(name: string): string {
  const text = readFileSync(join(__dirname, '../../docs', name), 'utf8');
  return [...text.matchAll(/```sudoers\n([^]*?)```/g)].map(([, block]) => block).join('\n');
}

describeLab('boot persistence', () => {
  let director: SystemdDirector;

  beforeAll(async () => {
    director = await startSystemdDirector();
    await director.write(
      '/etc/sudoers.d/lvsform',
      documentedSudoers('directors.md') + documentedSudoers('boot.md'),
      '440',
    );
    await director.ok(['visudo', '-c']);
  }, 900_000);

  afterAll(() => director.close());

  async function as<T>(user: 'root' | 'lvsform', use: (access: DirectorAccess) => Promise<T>): Promise<T> {
    const { port, identityFile, hostKey } = director;
    const runner = await connectSsh({ name: 'lb1', host: '127.0.0.1', port, user, identityFile, hostKey });
    try {
      return await use({ name: 'lb1', sudo: user !== 'root', runner, nonce: newNonce });
    } finally {
      await runner.close();
    }
  }

  async function persist(access: DirectorAccess, owns: 'declared' | 'table', foreign: string[]): Promise<BootRequest> {
    const { table } = await fetchLive(access, CHAIN);
    const request = renderBoot(STACK, await readBoot(access, STACK), tableAtBoot(wishOf(owns), table, foreign), owns);
    await persistTable(access, request);
    return request;
  }

  async function driftOf(access: DirectorAccess, owns: 'declared' | 'table' = 'declared'): Promise<BootDrift> {
    const wanted = tableAtBoot(wishOf(owns), TABLE, []);
    return bootDrift('lb1', await readBoot(access, STACK), wanted, owns);
  }

  /** systemctl waits for the unit it was asked for, not for those that follow it. */
  const settled = (): Promise<string> =>
    director.ok(['sh', '-c', 'until [ "$(systemctl list-jobs --no-legend | wc -l)" = 0 ]; do sleep 0.2; done; systemctl is-active lvsform-boot.service']); // prettier-ignore

  const jumps = async (program: string): Promise<number> =>
    (await director.ok([program, '-t', 'mangle', '-S', 'PREROUTING'])).split(`-j ${CHAIN}`).length - 1;

  test('a login without root: everything is back after a reboot, and what is foreign stays out of it', async () => {
    await as('root', async (access) => {
      expect(await executeCommands(renderTable(TABLE, CHAIN), access)).toBeUndefined();
    });
    await director.ok(['ipvsadm', '-A', '-t', '192.0.2.99:99', '-s', 'rr']);
    await as('lvsform', async (access) => {
      // The unit is root's to set up; until then nothing is written.
      await expect(persist(access, 'declared', [FOREIGN])).rejects.toMatchObject({
        code: 'no-permission',
        hint: expect.stringContaining('docs/boot.md') as string,
      });
      expect((await readBoot(access, STACK)).ownText).toBeNull();
      expect(await director.ok(['find', '/etc', '/var/lib/lvsform', '-name', '*.lvsform'])).toBe('');
      await director.write('/etc/systemd/system/lvsform-boot.service', BOOT_UNIT);
      await director.ok(['systemctl', 'daemon-reload']);
      await director.ok(['systemctl', '-q', 'enable', 'lvsform-boot.service']);
      const first = await driftOf(access);
      expect(first.changes.length).toBeGreaterThan(8);
      expect(await persist(access, 'declared', [FOREIGN])).not.toHaveProperty('rules');
      expect(await driftOf(access)).toEqual({ changes: [], foreign: [] });
      expect(await persist(access, 'declared', [FOREIGN])).toEqual({ record: STACK });
    });
    await director.reboot();
    await as('lvsform', async (access) => {
      expect((await fetchLive(access, CHAIN)).table).toEqual(TABLE);
    });
    expect([await jumps('iptables'), await jumps('ip6tables')]).toEqual([1, 1]);
    expect(await director.ok(['systemctl', 'is-active', 'lvsform-boot.service'])).toBe('active\n');
    // Once more, on a table that has it all.
    await director.ok(['systemctl', 'restart', 'lvsform-boot.service']);
    expect([await jumps('iptables'), await jumps('ip6tables')]).toEqual([1, 1]);
    await as('root', async (access) => {
      expect((await fetchLive(access, CHAIN)).table).toEqual(TABLE);
    });
  }, 900_000);

  test('files made by hand and by ipvsadm-save are read, compared and reported, and foreign lines stay', async () => {
    const byHand =
      '# made by ada\n-A -t 192.0.2.99:99 -s rr\n-a -t 192.0.2.99:99 -r 10.0.0.99 -g -w 1\n-A -t 192.168.74.88:80 -s rr\n-a -t 192.168.74.88:80 -r 10.0.0.77:80 -m -w 1\n';
    await director.write(RULES, byHand, '640');
    await as('root', async (access) => {
      const off = await readBoot(access, STACK);
      expect(off.rules).toMatchObject({ loaded: false });
      expect(await driftOf(access)).toEqual({ changes: [], foreign: [] });
      expect(bootFindings('lb1', off, await driftOf(access)).map(({ message }) => message)).toEqual([
        'lb1: /etc/ipvsadm.rules sets up 2 services, but is not loaded at boot',
      ]);

      await director.ok(['sed', '-i', 's/^AUTO=.*/AUTO="true"/', SETTINGS]);
      const drift = await driftOf(access);
      expect(drift).toMatchObject({
        changes: [{ action: 'delete', id: 'lb1/tcp/192.168.74.88:80/10.0.0.77:80' }],
        foreign: [FOREIGN],
      });
    });
    // A file only root may read is not guessed at.
    await as('lvsform', async (access) => {
      const closed = await readBoot(access, STACK);
      expect(bootFindings('lb1', closed, bootDrift('lb1', closed, tableAtBoot(wishOf('declared'), TABLE, [])))).toEqual(
        [expect.objectContaining({ code: 'boot-file', message: expect.stringContaining('may not read') as string })],
      );
      expect(await persist(access, 'declared', [FOREIGN])).toEqual({ record: STACK });
      await director.ok(['chmod', '644', RULES]);
      expect(await persist(access, 'declared', [FOREIGN])).toHaveProperty('rules');
      expect((await driftOf(access)).changes).toEqual([]);
    });
    const [, ...lines] = (await director.ok(['cat', RULES])).split('\n');
    expect(lines.slice(0, 2)).toEqual(byHand.split('\n').slice(1, 3));
    expect(lines.join('\n')).not.toContain('10.0.0.77');
    expect(lines.join('\n')).toContain('-x 100 -y 50');

    await director.reboot();
    await as('lvsform', async (access) => {
      const { table } = await fetchLive(access, CHAIN);
      expect({ ...table, services: table.services.filter(({ key }) => !('port' in key && key.port === 99)) }).toEqual(
        TABLE,
      );
      expect(table.services).toHaveLength(TABLE.services.length + 1);
    });

    // A restart of the distribution's service clears the table, and so does a reload, which Debian 12's script is not
    // asked for by systemd. Here it clears and loads nothing.
    const dropIn = '/etc/systemd/system/ipvsadm.service.d/reload.conf';
    await director.ok(['mkdir', '-p', '/etc/systemd/system/ipvsadm.service.d']);
    await director.write(dropIn, '[Service]\nExecReload=/sbin/ipvsadm -C\n');
    await director.ok(['systemctl', 'daemon-reload']);
    await director.ok(['systemctl', 'reload', 'ipvsadm.service']);
    await settled();
    await as('root', async (access) => {
      expect((await fetchLive(access, CHAIN)).table).toEqual(TABLE);
    });
    await director.ok(['systemctl', 'restart', 'ipvsadm.service']);
    await settled();
    await as('root', async (access) => {
      expect((await fetchLive(access, CHAIN)).table.services).toHaveLength(TABLE.services.length + 1);
    });
    await director.ok(['sh', '-c', `rm ${dropIn} && systemctl daemon-reload`]);

    // By ipvsadm-save: without thresholds. Our unit has them.
    await director.ok(['sh', '-c', `ipvsadm-save -n > ${RULES}`]);
    await as('root', async (access) => {
      expect(await driftOf(access)).toEqual({ changes: [], foreign: [FOREIGN] });
    });
  }, 900_000);

  test('what is gone from the stack is gone after a reboot; destroyed, nothing of it is left', async () => {
    await as('root', async (access) => {
      await director.ok(['ipvsadm', '-d', '-t', '192.168.74.88:80', '-r', '10.0.0.12:80']);
      await persist(access, 'declared', [FOREIGN]);
      expect(await director.ok(['cat', RULES, `/var/lib/lvsform/${STACK}.boot`])).not.toContain('10.0.0.12');

      await director.write('/var/lib/lvsform/other.boot', '# another stack\n');
      expect(await persistTable(access, renderUnboot(STACK, await readBoot(access, STACK)))).toBe(true);
      const kept = await readBoot(access, STACK);
      expect(kept).toMatchObject({ own: null, unit: 'enabled', others: ['other'] });
      expect(kept.rules?.table?.services.map(({ key }) => 'port' in key && key.port)).toEqual([99]);
      await director.ok(['rm', '/var/lib/lvsform/other.boot']);
      await persist(access, 'table', []);
      expect(await readBoot(access, STACK)).toMatchObject({ unit: 'enabled', rules: { loaded: true } });
      expect(await persistTable(access, renderUnboot(STACK, await readBoot(access, STACK)))).toBe(true);
      expect(await readBoot(access, STACK)).toMatchObject({ own: null, unit: 'missing', others: [] });
    });
    await director.reboot();
    expect(await director.ok(['ipvsadm', '-Sn'])).toBe('');
    expect([await jumps('iptables'), await jumps('ip6tables')]).toEqual([0, 0]);
  }, 900_000);

  test('the RHEL family: its unit overwrites the file at every stop, and still everything is back', async () => {
    const unit = readFileSync(join(__dirname, 'rhel-family-ipvsadm.service'), 'utf8');
    await director.ok([
      'sh',
      '-c',
      'systemctl -q disable ipvsadm.service; rm -f /etc/debian_version /etc/default/ipvsadm /etc/ipvsadm.rules /etc/init.d/ipvsadm /etc/rc*.d/*ipvsadm; mkdir -p /etc/sysconfig',
    ]);
    await director.write('/etc/systemd/system/ipvsadm.service', unit);
    await director.ok(['systemctl', 'daemon-reload']);
    await as('root', async (access) => {
      expect(await readBoot(access, STACK)).toMatchObject({ layout: 'rhel', rules: { loaded: false, text: null } });
      expect(await executeCommands(renderTable(TABLE, CHAIN), access)).toBeUndefined();
      await persist(access, 'table', []);
      expect(await driftOf(access, 'table')).toEqual({ changes: [], foreign: [] });
    });
    await director.ok(['systemctl', 'start', 'ipvsadm.service', 'lvsform-boot.service']);
    await director.reboot();
    await as('root', async (access) => {
      expect((await fetchLive(access, CHAIN)).table).toEqual(TABLE);
      const boot = await readBoot(access, STACK);
      expect(boot.rules?.text).not.toContain('-x 100');
      const drift = await driftOf(access, 'table');
      expect(drift).toEqual({ changes: [], foreign: [] });
      expect(bootFindings('lb1', boot, drift, 'table')).toEqual([
        expect.objectContaining({ severity: 'info', message: expect.stringContaining('at every stop') as string }),
      ]);
      // What its stop wrote is as good as ours: not written again and again.
      expect(await persist(access, 'table', [])).toEqual({ record: STACK });
      expect(await persistTable(access, renderUnboot(STACK, boot))).toBe(true);
      expect(await readBoot(access, STACK)).toMatchObject({ own: null, unit: 'missing', rules: { loaded: false } });
    });
  }, 900_000);
});
