/** The distribution's own file, where the stack owns the table: whatever has to be switched so that a boot loads it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { persistTable } from '../../lib/apply';
import { type BootJob, type BootRequest, bootWriteScript, parseBootOutcome, parseBootState, renderBoot, renderUnboot } from '../../lib/dialect'; // prettier-ignore
import type { BootState, DesiredStack } from '../../lib/model';
import { applyPlan, planStacks } from '../../lib/pipeline';
import { type Sim, startSim } from '../../lib/sim';
import { createSshConnector } from '../../lib/transport';
import { server, service, WEB } from '../plan/tables';

const NONCE = '0123456789abcdef';
const SETTINGS = '/etc/default/ipvsadm';
const STARTED = '/etc/systemd/system/multi-user.target.wants/ipvsadm.service';
const NO_TABLE = { services: [], marks: [], timeouts: {}, daemons: [] };

const textPart = (path: string, text: string): string => `\n@@${NONCE} text ${path}\n${text}`;
const therePart = (path: string): string => `\n@@${NONCE} there ${path}\n`;

function listing(settings: string | undefined, there: readonly string[], own?: string): string {
  return [
    ...(settings === undefined ? [] : [textPart(SETTINGS, settings)]),
    ...(own === undefined ? [] : [textPart('/var/lib/lvsform/edge.boot', own)]),
    ...['/etc/debian_version', ...there].map(therePart),
    `\n@@${NONCE} end\n`,
  ].join('');
}

const debian = (settings: string | undefined, there: readonly string[], own?: string): BootState =>
  parseBootState(listing(settings, there, own), NONCE, 'edge');

const SYSTEMD = '/run/systemd/system';

describe('what is asked for', () => {
  const switches = ({ rulesSwitch, startRules }: BootRequest): unknown => [rulesSwitch?.on, startRules];
  const asked = (state: BootState): unknown => switches(renderBoot('edge', state, NO_TABLE, 'table'));

  test.each<[string, BootState, unknown]>([
    ['neither setting nor unit', debian('AUTO="false"\n', [SYSTEMD]), [true, true]],
    ['the setting alone', debian('AUTO=true\n', [SYSTEMD]), [undefined, true]],
    ['the unit alone', debian('# AUTO=true\n', [SYSTEMD, STARTED]), [true, undefined]],
    ['an init script', debian('AUTO=false\n', [SYSTEMD, '/etc/rc2.d/S01ipvsadm']), [true, undefined]],
    ['both', debian(' AUTO=true\n', [SYSTEMD, STARTED]), [undefined, undefined]],
    ['no systemd to ask', debian('AUTO="false"\n', []), [true, undefined]],
  ])('where there is %s', (_, state, wanted) => {
    expect(asked(state)).toEqual(wanted);
    expect(switches(renderBoot('edge', state, NO_TABLE, 'declared'))).toEqual([undefined, undefined]);
  });

  test.each<[string, BootState, unknown]>([
    ['both', debian('AUTO="false"\n', [SYSTEMD]), [false, false]],
    ['the unit', debian('AUTO=true\n', [SYSTEMD]), [undefined, false]],
    ['the setting', debian('AUTO=false\n', [SYSTEMD, STARTED]), [false, undefined]],
  ])('%s, switched on by us, is switched off again', (_, before, wanted) => {
    const { own } = renderBoot('edge', before, NO_TABLE, 'table');
    const after = debian('AUTO=true\n', [SYSTEMD, STARTED], own ?? '');
    expect(after.own).toEqual(NO_TABLE);
    expect(asked(after)).toEqual([undefined, undefined]);
    // An apply in between keeps what is to be taken back.
    expect(renderBoot('edge', after, NO_TABLE, 'table')).not.toHaveProperty('own');
    expect(switches(renderUnboot('edge', after))).toEqual(wanted);
  });
});

describe('the script, run by a shell', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lvsform-switch-'));
    // Remembers what it is asked, and says of each unit what `enabled` holds.
    writeFileSync(join(folder, 'systemctl'), `#!/bin/sh\ncase "$*" in *is-enabled*) [ -e ${folder}/enabled ]; exit;; esac\necho "$*" >> ${folder}/asked\n`, { mode: 0o755 }); // prettier-ignore
  });
  afterEach(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const settings = (): string => join(folder, 'settings');
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

  function run(job: Partial<BootJob>): void {
    const script = bootWriteScript({ record: 'edge', ...job }, { nonce: NONCE, sudo: false });
    const shell = spawnSync('sh', ['-c', script.replaceAll(SETTINGS, settings())], {
      input: `@@${NONCE} end\n`,
      encoding: 'utf8',
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}` },
    });
    expect([parseBootOutcome(shell.stdout, NONCE), shell.stderr]).toEqual(['done', '']);
  }

  test.each([
    ['is there', '# auto\nAUTO="false"\n\tAUTO=\'false\' # later\nDAEMON="none"\n', '# auto\nAUTO=true\nAUTO=true\nDAEMON="none"\n'], // prettier-ignore
    ['is commented out', '# AUTO="true"\nDAEMON="none"\n', '# AUTO="true"\nDAEMON="none"\n\nAUTO=true\n'],
    ['is missing, as is the end of the last line', 'DAEMON="none"', 'DAEMON="none"\nAUTO=true\n'],
    ['has no file', undefined, '\nAUTO=true\n'],
  ])('the setting %s', (_, before, after) => {
    if (before !== undefined) writeFileSync(settings(), before);
    run({ rulesSwitch: { layout: 'debian', on: true } });
    expect(read('settings')).toBe(after);
    run({ rulesSwitch: { layout: 'debian', on: false } });
    expect(read('settings')).toBe(after.replaceAll('AUTO=true', 'AUTO=false'));
  });

  test('what is off already is not asked for', () => {
    run({ rulesSwitch: { layout: 'debian', on: false }, startRules: false });
    expect(() => read('settings')).toThrow('ENOENT');
    expect(() => read('asked')).toThrow('ENOENT');
    writeFileSync(join(folder, 'enabled'), '');
    run({ startRules: false });
    run({ startRules: true });
    run({ rulesSwitch: { layout: 'rhel', on: true } });
    expect(read('asked')).toBe('-q disable ipvsadm.service\n-q enable ipvsadm.service\n-q enable ipvsadm.service\n');
  });
});

describe('whether it took effect', () => {
  /** A director where every switch is accepted, and which is then as given. */
  const persist = (after: string, request: Partial<BootRequest>): Promise<boolean> =>
    persistTable(
      {
        name: 'lb1',
        sudo: true,
        nonce: () => NONCE,
        runner: {
          run: (script: string) => Promise.resolve({ code: 0, stdout: script.includes('# boot files:') ? `@@${NONCE} done\n@@${NONCE} end\n` : after, stderr: '' }), // prettier-ignore
          close: () => Promise.resolve(),
        } as never,
      },
      { record: 'edge', ...request },
    );
  const on = { rulesSwitch: { layout: 'debian', on: true }, startRules: true } as const;

  test('is looked at', async () => {
    expect(await persist(listing('AUTO=true\n', [SYSTEMD, STARTED]), on)).toBe(true);
    await expect(persist(listing('AUTO=true\n', [SYSTEMD]), on)).rejects.toMatchObject({
      code: 'command-failed',
      message:
        'lb1: /etc/ipvsadm.rules is still not loaded at boot, though that was switched on: nothing starts ipvsadm.service',
      hint: expect.stringContaining('docs/boot.md') as string,
    });
    await expect(persist(listing(undefined, [SYSTEMD, STARTED]), on)).rejects.toThrow('does not say AUTO=true');
    await expect(
      persist(listing('AUTO=true\n', [SYSTEMD, STARTED]), { rulesSwitch: { layout: 'debian', on: false } }),
    ).rejects.toThrow('/etc/ipvsadm.rules is still loaded at boot, though that was switched off');
  });
});

describe('a simulated director, where nothing starts the unit', () => {
  let sim: Sim;
  beforeEach(async () => {
    sim = await startSim();
  });
  afterEach(() => sim.close());

  const connect = createSshConnector({ env: { HOME: '/nonexistent' } });

  async function apply(destroy = false) {
    const { name, host, port, user, identityFile, hostKey } = sim.directors[0]!;
    const stack: DesiredStack = {
      stack: 'edge',
      directors: [
        {
          director: { name, host, port, user, identityFile, hostKey, agent: false, persist: true, owns: 'table' },
          table: { services: [service(WEB, [server('10.0.0.1')])], marks: [], timeouts: {}, daemons: [] },
          policies: {},
          sources: {},
        },
      ],
      gates: [],
    };
    const open = await planStacks([stack], { connect, destroy });
    try {
      return (await applyPlan(open, { tool: '0.1.0', author: { by: 'ada@test' } }))[0];
    } finally {
      await open.close();
    }
  }

  test('one apply is enough, and destroy takes all of it back', async () => {
    expect(await apply()).toMatchObject({ outcome: 'applied' });
    const files = () => sim.directors[0]!.files();
    expect(files()[SETTINGS]).toContain('AUTO=true\n');
    expect(Object.keys(files())).toContain(STARTED);
    expect(await apply()).toMatchObject({ outcome: 'unchanged' });
    expect(await apply(true)).toMatchObject({ outcome: 'applied' });
    expect(files()[SETTINGS]).toContain('AUTO=false\n');
    expect(Object.keys(files())).not.toContain(STARTED);
  });
});
