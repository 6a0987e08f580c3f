/** Puts the Terraform provider that comes with lvsform where terraform and tofu find it. */
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, homedir, platform } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { UsageError } from '../../model';
import { type AddCommand, EXIT } from '../command';
import { VERSION } from '../version';

interface InstallFlags {
  dir?: string;
  config?: 'dev_overrides' | 'filesystem_mirror';
}

/** What `lvsform/ipvs` means to terraform, and to tofu. */
const HOSTS = ['registry.terraform.io', 'registry.opentofu.org'];
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386' };

export const addProvider: AddCommand = (program, io, exit) => {
  const command = program.command('provider').description('the provider for terraform and tofu');
  command
    .command('install')
    .description('put the provider where terraform and tofu find it')
    .option(
      '--dir <folder>',
      'a filesystem mirror. Default: ~/.terraform.d/plugins, which they look into by themselves',
    )
    .option('--config <kind>', 'print the block for ~/.terraformrc or ~/.tofurc: dev_overrides or filesystem_mirror')
    .action((flags: InstallFlags) => {
      const source = join(packageFolder(), 'dist', 'terraform-provider');
      if (!existsSync(source))
        throw new UsageError('no-provider', `${source} does not exist`, { hint: 'npm run build makes it' });
      if (flags.config === 'dev_overrides') {
        io.out(devOverrides(source));
        exit(EXIT.done);
        return;
      }
      if (flags.config !== undefined && (flags.config as string) !== 'filesystem_mirror')
        throw new UsageError(
          'bad-option',
          `--config: '${flags.config as string}' is not dev_overrides or filesystem_mirror`,
        );
      const mirror =
        flags.dir === undefined
          ? join(io.env['HOME'] ?? homedir(), '.terraform.d', 'plugins')
          : resolve(io.cwd, flags.dir);
      for (const host of HOSTS) {
        const folder = join(mirror, host, 'lvsform', 'ipvs', VERSION, platformName());
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder, { recursive: true });
        cpSync(source, folder, { recursive: true });
        io.err(`${folder}\n`);
      }
      if (flags.config === 'filesystem_mirror') io.out(mirrorBlock(mirror));
      exit(EXIT.done);
    });
};

function packageFolder(): string {
  return dirname(createRequire(__filename).resolve('lvsform/package.json'));
}

function platformName(): string {
  const os = platform();
  if (os === 'win32')
    throw new UsageError('no-platform', 'the provider is a script with a #! line, which Windows does not run', {
      hint: 'run terraform in WSL',
    });
  return `${os}_${ARCHITECTURES[arch()] ?? arch()}`;
}

function devOverrides(folder: string): string {
  return `provider_installation {
  dev_overrides {
    "lvsform/ipvs" = ${JSON.stringify(folder)}
  }
  direct {}
}
`;
}

function mirrorBlock(folder: string): string {
  // A pattern for every host is allowed for every provider only.
  const ours = JSON.stringify(HOSTS.map((host) => `${host}/lvsform/ipvs`));
  return `provider_installation {
  filesystem_mirror {
    path    = ${JSON.stringify(folder)}
    include = ${ours}
  }
  direct {
    exclude = ${ours}
  }
}
`;
}
