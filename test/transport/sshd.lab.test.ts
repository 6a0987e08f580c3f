/** Against OpenSSH's own server, with Debian's sudo and ipvsadm behind it: every way in, and every way to be refused. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchLive } from '../../lib/apply';
import { type Director, LvsformError, type LiveDirector, TransportError } from '../../lib/model';
import { connectSsh, newNonce, type SshOptions } from '../../lib/transport';
import { describeLab, type Lab, type LabDirector, startLab } from '../lab/lab';
import { newKey } from '../support/ssh-server';

const TIMEOUTS = { tcpSeconds: 900, tcpFinSeconds: 120, udpSeconds: 300 };

jest.setTimeout(600_000);

describeLab('a real sshd', () => {
  let lab: Lab;
  let folder: string;
  let lb1: LabDirector;
  let bastion: LabDirector;
  let bare: LabDirector;

  beforeAll(async () => {
    lab = await startLab();
    folder = mkdtempSync(join(tmpdir(), 'lvsform-sshd-'));
    [lb1, bastion, bare] = await Promise.all([
      lab.director(),
      lab.director(),
      lab.director({ ipvsadm: 'missing', iptables: 'missing' }),
    ]);
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await lab.close();
  });

  /** Nobody's own keys, agent and configuration: only what a test gives. */
  function options(more: SshOptions = {}): SshOptions {
    return { env: { HOME: folder }, sshConfigFile: file('no-config', ''), knownHostsFiles: [], ...more };
  }

  function file(name: string, text: string): string {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  async function read(director: Director, more?: SshOptions): Promise<LiveDirector> {
    const runner = await connectSsh(director, options(more));
    try {
      return await fetchLive(
        { name: director.name, sudo: director.sudo ?? false, runner, nonce: newNonce },
        'LVSFORM-edge',
      );
    } finally {
      await runner.close();
    }
  }

  function known(director: LabDirector, fields: Partial<Director> = {}): Director {
    return { ...unknown(director, fields), hostKey: fields.hostKey ?? director.hostKey };
  }

  function unknown({ host, port, identityFile }: LabDirector, fields: Partial<Director> = {}): Director {
    return { name: 'lb1', host, port, user: 'root', identityFile, ...fields };
  }

  async function refusal(attempt: Promise<unknown>): Promise<LvsformError> {
    const error: unknown = await attempt.then(
      () => 'it was let in',
      (reason: unknown) => reason,
    );
    if (error instanceof LvsformError) return error;
    throw new Error(`expected one of our errors, got ${String(error)}`);
  }

  test('root is let in', async () => {
    expect((await read(known(lb1))).table).toEqual({ services: [], marks: [], timeouts: TIMEOUTS, daemons: [] });
  });

  test('an ordinary user with sudo is let in', async () => {
    const { capabilities } = await read(known(lb1, { user: 'lvsform', sudo: true }));
    expect(capabilities).toMatchObject({ ipvsadm: '1.31', iptables: { inet: 'nft', inet6: 'nft' } });
  });

  test.each([
    ['without asking for sudo', { user: 'lvsform' }],
    ['with no right to sudo', { user: 'nosudo', sudo: true }],
    ['with no right at all', { user: 'nosudo' }],
  ])('an ordinary user %s has no permission', async (_, fields) => {
    const error = await refusal(read(known(lb1, fields)));
    expect(error).toBeInstanceOf(TransportError);
    expect(error.code).toBe('no-permission');
  });

  test.each([{ user: 'root' }, { user: 'lvsform', sudo: true }])('without ipvsadm: %o', async (fields) => {
    expect((await refusal(read(known(bare, fields)))).code).toBe('no-ipvsadm');
  });

  test('another host key than the one given is a mismatch, and nothing is sent', async () => {
    const error = await refusal(read(known(lb1, { hostKey: bastion.hostKey })));
    expect(error).toMatchObject({ code: 'host-key', message: expect.stringContaining('MISMATCH') as unknown });
  });

  test('an unknown host key is refused with its fingerprint and the line to add, and that line makes it known', async () => {
    const knownHosts = file('known_hosts', '');
    const error = await refusal(read(unknown(lb1), { knownHostsFiles: [knownHosts] }));
    expect(error.code).toBe('host-key');
    expect(error.message).toMatch(/not known: ecdsa-sha2-nistp256 SHA256:[A-Za-z0-9+/]{43}$/);
    const line = error.hint?.split('\n').find((candidate) => candidate.startsWith('['));
    expect(line).toBe(lb1.knownHosts);

    const added = file('known_hosts_added', `${line ?? ''}\n`);
    expect((await read(unknown(lb1), { knownHostsFiles: [added] })).table.services).toEqual([]);
  });

  test('a known_hosts entry with another key is a mismatch that names its line', async () => {
    const changed = file('known_hosts_changed', `# a comment\n[127.0.0.1]:${lb1.port} ${bastion.hostKey}\n`);
    const error = await refusal(read(unknown(lb1), { knownHostsFiles: [changed] }));
    expect(error).toMatchObject({ code: 'host-key', message: expect.stringContaining(`${changed}:2`) as unknown });
  });

  test('a key nobody let in', async () => {
    const identityFile = file('stranger', newKey().private);
    const error = await refusal(read(known(lb1, { identityFile })));
    expect(error).toMatchObject({ code: 'auth', message: expect.stringContaining('stranger') as unknown });
  });

  test('a login name that does not exist', async () => {
    expect((await refusal(read(known(lb1, { user: 'nobody-here' })))).code).toBe('auth');
  });

  test('a port where nobody listens', async () => {
    expect((await refusal(read(known(lb1, { port: 1 })))).code).toBe('unreachable');
  });

  test('through another director as a jump host', async () => {
    await lb1.ok(['ipvsadm', '-A', '-f', '77', '-s', 'rr']);
    const knownHosts = file('known_hosts_jump', `${bastion.knownHosts}\n`);
    // What the machine's directors call the host they run on, and with it every forwarded port.
    const inside: Director = known(lb1, { host: '10.0.2.2', jump: `root@127.0.0.1:${bastion.port}` });
    const { table } = await read(inside, { knownHostsFiles: [knownHosts] });
    expect(table.services).toMatchObject([{ key: { by: 'fwmark', mark: 77 } }]);

    const stranger = await refusal(read(inside, { knownHostsFiles: [file('known_hosts_empty', '')] }));
    expect(stranger).toMatchObject({ code: 'host-key', message: expect.stringContaining('jump host') as unknown });
  });
});
