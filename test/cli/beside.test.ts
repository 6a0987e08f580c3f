/** A program that lies beside the built command, as in a checkout with both, is told from the command itself. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');

test('its errors name its file and line', () => {
  mkdirSync(join(ROOT, 'dist', 'test'), { recursive: true });
  const folder = mkdtempSync(join(ROOT, 'dist', 'test', 'program-'));
  try {
    writeFileSync(
      join(folder, 'main.ts'),
      [
        "import { App } from 'cdktf';",
        "import { Director, IpvsStack, Listen } from 'lvsform';",
        'const app = new App();',
        "const lb1 = new Director(new IpvsStack(app, 'edge'), 'lb1', { host: 'lb1' });",
        "lb1.addService('web', { listen: Listen.tcp('192.0.2.1', 80) }).addRealServer('a', { address: '10.0.0.300' });",
        'app.synth();',
      ].join('\n'),
    );
    const { stderr } = spawnSync(process.execPath, [join(ROOT, 'bin', 'lvsform'), 'synth', '--app', 'main.ts'], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(stderr).toContain("'10.0.0.300' is not an IPv4 or IPv6 address (main.ts:5:");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
