import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { Client, type ConnectConfig } from 'ssh2';
import { batchScript, fetchScript, parseBatch, parseFetch } from '../../lib/dialect/script';
import { scriptInput } from '../../lib/dialect/shell';
import { startSim, type Sim, type SimDirector, type SimOptions } from '../../lib/sim';

const nonce = '0badcafe';
let sim: Sim | undefined;

afterEach(async () => {
  await sim?.close();
  sim = undefined;
});

async function start(options: SimOptions = {}): Promise<SimDirector> {
  sim = await startSim(options);
  const [director] = sim.directors;
  if (director === undefined) throw new Error('no director');
  return director;
}

async function connect(director: SimDirector, override: ConnectConfig = {}): Promise<Client> {
  const client = new Client();
  const { host, port, user: username, identityFile } = director;
  client.connect({ host, port, username, privateKey: readFileSync(identityFile), ...override });
  await once(client, 'ready');
  return client;
}

interface Answer {
  code: number | null | undefined;
  stdout: string;
  stderr: string;
}

async function exec(client: Client, command: string, stdin?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, channel) => {
      if (error) {
        reject(error);
        return;
      }
      const answer: Answer = { code: undefined, stdout: '', stderr: '' };
      channel.on('data', (chunk: Buffer) => (answer.stdout += chunk.toString()));
      channel.stderr.on('data', (chunk: Buffer) => (answer.stderr += chunk.toString()));
      channel.on('exit', (code: number) => (answer.code = code));
      channel.on('close', () => {
        resolve(answer);
      });
      channel.end(stdin);
    });
  });
}

async function over<T>(director: SimDirector, use: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect(director);
  try {
    return await use(client);
  } finally {
    client.end();
  }
}

const fetch = async (client: Client, sudo = false) =>
  parseFetch((await exec(client, fetchScript({ nonce, sudo }))).stdout, nonce);

const batch = async (client: Client, lines: string[], sudo = false) => {
  const script = batchScript([{ tool: 'ipvsadm', lines: lines.length }], { nonce, sudo });
  const outcomes = parseBatch((await exec(client, script, scriptInput(lines, nonce))).stdout, nonce);
  return outcomes === 'truncated' ? outcomes : outcomes[0];
};

test('a batch is applied and read back over SSH', async () => {
  const director = await start();
  const parts = await over(director, async (client) => {
    expect(await batch(client, ['-A -t 192.0.2.1:80 -s rr', '-a -t 192.0.2.1:80 -r 10.0.0.1 -x 9 -y 3'])).toEqual({
      code: 0,
      stderr: '',
    });
    const marks = '*mangle\n:LVSFORM-edge - [0:0]\n-A LVSFORM-edge -d 192.0.2.1 -p tcp -m multiport --dports 80,443 -j MARK --set-mark 12\nCOMMIT'; // prettier-ignore
    const script = batchScript([{ tool: 'iptables-restore', lines: marks.split('\n').length }], { nonce, sudo: false });
    const answer = await exec(client, script, scriptInput(marks.split('\n'), nonce));
    expect(parseBatch(answer.stdout, nonce)).toEqual([{ code: 0, stderr: '' }]);
    return fetch(client);
  });
  expect(parts.save.stdout).toBe('-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -g -w 1\n');
  expect(parts.thresholds.stdout).toContain('10.0.0.1:80                  9          3          0          0');
  expect(parts.timeout.stdout).toBe('Timeout (tcp tcpfin udp): 900 120 300\n');
  expect(parts.daemon.stdout).toBe('');
  expect(parts.path.stdout).toBe('/usr/sbin/ipvsadm\n');
  expect(parts.version.stdout).toBe('ipvsadm v1.31 2019/12/24 (compiled with popt and IPVS v1.2.1)\n');
  expect(parts.package.stdout).toBe('1:1.31-1+b1');
  expect(parts.kernel.stdout).toBe('6.1.0-50-cloud-amd64\n');
  expect(parts.iptables.stdout).toBe('iptables v1.8.9 (nf_tables)\n');
  expect(parts.marks.stdout).toContain(
    '-A LVSFORM-edge -d 192.0.2.1/32 -p tcp -m multiport --dports 80,443 -j MARK --set-xmark 0xc/0xffffffff\n',
  );
  expect(director.rules()).toBe(parts.save.stdout);
  // Reading files that need not be there is the one part that may say so.
  const { records, ...tools } = parts;
  expect(Object.values(tools).every(({ code, stderr }) => code === 0 && stderr === '')).toBe(true);
  expect(records.stdout).toContain('/proc/sys/net/ipv4/vs/expire_nodest_conn:0');
});

test('a batch that did not arrive whole changes nothing', async () => {
  const director = await start();
  const answer = await over(director, (client) =>
    exec(client, batchScript([{ tool: 'ipvsadm', lines: 1 }], { nonce, sudo: false }), '-A -t 192.0.2.1:80\n'),
  );
  expect(answer.code).toBe(9);
  expect(parseBatch(answer.stdout, nonce)).toBe('truncated');
  expect(director.rules()).toBe('');
});

test('a batch of several parts stops after the first that is refused anything', async () => {
  const director = await start();
  const parts = [2, 1, 1].map((lines) => ({ tool: 'ipvsadm' as const, lines }));
  const lines = ['-A -f 1', '-A -f 2', '-D -f 3', '-C'];
  const answer = await over(director, (client) =>
    exec(client, batchScript(parts, { nonce, sudo: false }), scriptInput(lines, nonce)),
  );
  expect(parseBatch(answer.stdout, nonce)).toEqual([
    { code: 0, stderr: '' },
    { code: 255, stderr: 'No such service' },
  ]);
  expect(director.rules()).toBe('-A -f 1 -s wlc\n-A -f 2 -s wlc\n');
});

test('many channels at once, and commands a person types', async () => {
  const director = await start({ rules: { lb1: '-A -f 12\n' } });
  const answers = await over(director, (client) =>
    Promise.all(Array.from({ length: 8 }, (_, i) => exec(client, `ipvsadm -a -f 12 -r 10.0.0.${i + 1}`))),
  );
  expect(answers.every(({ code }) => code === 0)).toBe(true);
  expect(director.rules().trim().split('\n')).toHaveLength(9);
  const answer = await over(director, (client) => exec(client, 'sudo -n ipvsadm -R', '-D -f 12\n-D -f 13\n'));
  expect(answer).toEqual({ code: 255, stdout: '', stderr: 'No such service\n' });
});

test.each(['cat /etc/passwd', 'ipvsadm -Sn | wc -l', 'echo $HOME', 'ipvsadm -C; true', 'ipvsadm -Sn "open'])(
  '%s is not run',
  async (command) => {
    const director = await start();
    const answer = await over(director, (client) => exec(client, command));
    expect(answer).toEqual({ code: 127, stdout: '', stderr: `lvsform-sim: not a shell: ${command}\n` });
  },
);

test('another key and another user are refused, the host key is the one that is published', async () => {
  const director = await start({ directors: ['a'] });
  const other = await startSim();
  try {
    const stranger = { privateKey: readFileSync(other.directors[0]?.identityFile ?? '') };
    await expect(connect(director, stranger)).rejects.toThrow('authentication');
    await expect(connect(director, { username: 'nobody' })).rejects.toThrow('authentication');
  } finally {
    await other.close();
  }
  let seen = '';
  const client = await connect(director, {
    hostVerifier: (key: Buffer) => {
      seen = key.toString('base64');
      return true;
    },
  });
  client.end();
  expect(`ssh-ed25519 ${seen}`).toBe(director.hostKey);
  expect(readFileSync(sim?.knownHosts ?? '', 'utf8')).toBe(`[127.0.0.1]:${director.port} ${director.hostKey}\n`);
});

test('the key file is private and goes with the simulator', async () => {
  const director = await start();
  expect(statSync(director.identityFile).mode & 0o777).toBe(0o600);
  await sim?.close();
  sim = undefined;
  expect(existsSync(director.identityFile)).toBe(false);
});

describe('faults', () => {
  test('refuseNth refuses one command, the rest of the batch goes on', async () => {
    const director = await start({ refuseNth: 2 });
    const lines = ['-A -t 192.0.2.1:80', '-A -t 192.0.2.2:80', '-A -t 192.0.2.3:80'];
    expect(await over(director, (client) => batch(client, lines))).toEqual({
      code: 0,
      stderr: 'Memory allocation problem',
    });
    expect(director.rules()).toBe('-A -t 192.0.2.1:80 -s wlc\n-A -t 192.0.2.3:80 -s wlc\n');
  });

  test('dropAfter cuts the connection in the middle of a batch', async () => {
    const director = await start({ dropAfter: 1 });
    const client = await connect(director);
    const closed = once(client, 'close');
    const answer = await exec(client, batchScript([{ tool: 'ipvsadm', lines: 2 }], { nonce, sudo: false }), scriptInput(['-A -f 1', '-A -f 2'], nonce)); // prettier-ignore
    await closed;
    expect(answer.stdout).toBe('');
    expect(director.rules()).toBe('-A -f 1 -s wlc\n');
    expect(await over(director, (again) => fetch(again))).toMatchObject({ save: { stdout: '-A -f 1 -s wlc\n' } });
  });

  test('beforeCommand changes the table behind one’s back', async () => {
    const director = await start({
      beforeCommand: (changed, nth) => void changed.exec(['ipvsadm', '-A', '-f', String(nth)]),
    });
    const saves = await over(director, async (client) => [(await fetch(client)).save, (await fetch(client)).save]);
    expect(saves.map(({ stdout }) => stdout)).toEqual(['-A -f 1 -s wlc\n', '-A -f 1 -s wlc\n-A -f 2 -s wlc\n']);
  });

  test('latency delays every answer', async () => {
    const director = await start({ latencyMs: 120 });
    const startedAt = performance.now();
    await over(director, (client) => exec(client, 'true'));
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(119);
  });

  const NO_IPVS =
    "Can't initialize ipvs: Protocol not available\nAre you sure that IP Virtual Server is built in the kernel or as module?";

  test.each<[string, SimOptions, boolean, Partial<Record<'path' | 'save' | 'marks' | 'package', [number, string]>>]>([
    ['no module', { missingModule: 'ip_vs' }, false, { save: [2, NO_IPVS], marks: [0, ''] }],
    ['no ipvsadm', { ipvsadm: 'missing' }, false, { path: [127, ''], save: [127, 'sh: 2: ipvsadm: not found'], package: [1, 'dpkg-query: no packages found matching ipvsadm'] }],
    ['no ipvsadm, sudo', { ipvsadm: 'missing', permission: 'sudo' }, true, { save: [1, 'sudo: ipvsadm: command not found'] }],
    ['no iptables', { iptables: 'missing' }, false, { marks: [127, 'sh: 2: iptables-save: not found'] }],
    ['sudo', { permission: 'sudo' }, true, { save: [0, ''], marks: [0, ''] }],
    ['sudo not used', { permission: 'sudo' }, false, { path: [0, ''], save: [2, NO_IPVS.replace('Protocol not available', 'Permission denied (you must be root)')], marks: [4, 'iptables-save v1.8.9 (nf_tables): Could not fetch rule set generation id: Permission denied (you must be root)'] }],
    ['no sudo', { permission: 'none' }, true, { save: [1, 'sudo: a password is required'] }],
  ])('%s', async (_name, options, sudo, expected) => {
    const director = await start(options);
    const parts: Record<string, { code: number; stderr: string }> = await over(director, (client) => fetch(client, sudo));
    for (const [part, [code, stderr]] of Object.entries(expected))
      expect({ part, code: parts[part]?.code, stderr: parts[part]?.stderr }).toEqual({ part, code, stderr });
  }); // prettier-ignore

  test('a scheduler without its module', async () => {
    const director = await start({ missingModule: ['mh'] });
    expect(director.exec(['ipvsadm', '-A', '-f', '1', '-s', 'mh'])).toEqual({
      code: 255,
      stdout: '',
      stderr: 'Scheduler or persistence engine not found\n',
    });
  });

  test('a user’s PATH has no /sbin', async () => {
    const director = await start({ permission: 'sudo' });
    const answers = await over(director, (client) =>
      Promise.all(['ipvsadm -Ln', '/sbin/ipvsadm -Ln', 'sudo -n ipvsadm -Ln'].map((command) => exec(client, command))),
    );
    expect(answers.map(({ code }) => code)).toEqual([127, 2, 0]);
    expect(answers[0]?.stderr).toBe('bash: line 1: ipvsadm: command not found\n');
  });
});

test('a login of its own goes through sudo, and no other gets in', async () => {
  const director = await start({ user: 'lvsform' });
  expect(director.user).toBe('lvsform');
  const answers = await over(director, (client) =>
    Promise.all(['/sbin/ipvsadm -Ln', 'sudo -n ipvsadm -Ln'].map((command) => exec(client, command))),
  );
  expect(answers.map(({ code }) => code)).toEqual([2, 0]);
  await expect(over({ ...director, user: 'root' }, (client) => exec(client, 'true'))).rejects.toThrow('authentication');
});

test('initial rules that are refused say so', async () => {
  await expect(startSim({ directors: ['x'], rules: { x: '-A -f 1 -s nope' } })).rejects.toThrow(
    'the initial rules of x were refused: Scheduler or persistence engine not found',
  );
});

test('reset goes back to the initial rules', async () => {
  const director = await start({ rules: { lb1: '-A -f 12 -s rr\n' }, refuseNth: 1 });
  expect(director.exec(['ipvsadm', '-C']).code).toBe(255);
  expect(director.exec(['ipvsadm', '-C']).code).toBe(0);
  director.reset();
  expect(director.rules()).toBe('-A -f 12 -s rr\n');
});

test('an interactive session has a prompt', async () => {
  const director = await start();
  const text = await over(
    director,
    (client) =>
      new Promise<string>((resolve, reject) => {
        client.shell((error, channel) => {
          if (error) {
            reject(error);
            return;
          }
          let seen = '';
          channel.on('data', (chunk: Buffer) => (seen += chunk.toString()));
          channel.on('close', () => {
            resolve(seen);
          });
          channel.write('ipvsadm -A -f 7\ripvsadm -Sn\rexit\r');
        });
      }),
  );
  expect(text).toContain('-A -f 7 -s wlc\r\n');
});
