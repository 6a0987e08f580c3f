import type { Construct } from 'constructs';
import type { z } from 'zod';
import { readInventory, sshHosts } from '../inventory';
import { DirectorSettings } from '../model';
import { Reporter } from '../../providers/ipvs';
import { IpvsStack } from './ipvs-stack';
import { checkProps } from './props';
import { Table, type TableProps } from './table';

/** How a director is reached, and what the stack owns on it. Fields left out follow `~/.ssh/config`, then the defaults. */
export type DirectorProps = z.input<typeof DirectorSettings> & TableProps;

/**
 * A Linux machine that runs IPVS, reached over SSH. Its id is its name in plans, errors and `--director`.
 *
 * What several directors share is declared on a {@link Fleet}; what belongs to one alone can be declared right here,
 * with the same methods.
 */
export class Director extends Table {
  constructor(scope: Construct, id: string, props: DirectorProps) {
    super(scope, id);
    const reporter = new Reporter(this);
    const known = [...Object.keys(DirectorSettings.shape), 'timeouts', 'syncDaemons'];
    const { timeouts, syncDaemons, ...settings } = checkProps(reporter, props, known);
    const unknown = Object.keys(settings).filter((name) => !known.includes(name));
    IpvsStack.around(this).addDirector(this, withoutKeys(settings, unknown), reporter);
    this.place({ director: this.name }, { ...(timeouts && { timeouts }), ...(syncDaemons && { syncDaemons }) });
  }

  /**
   * One director for each host that an SSH configuration names and that matches; how it is reached stays there.
   *
   * @param pattern `*` and `?` as in ssh_config(5), e.g. `edge-*`
   * @param props what they have in common
   * @param file default: LVSFORM_SSH_CONFIG, else `~/.ssh/config`
   * @throws UsageError when it can't be read, or when no host matches
   */
  static fromSshConfig(
    scope: Construct,
    pattern: string,
    props: Omit<DirectorProps, 'host'> = {},
    file?: string,
  ): Director[] {
    return sshHosts(pattern, file).map((host) => new Director(scope, host, { ...props, host }));
  }

  /**
   * The directors of a JSON or YAML file: `directors`, settings by name, and `defaults` for all of them.
   *
   * @param file relative to the working directory
   * @throws UsageError when it can't be read, ValidationError with everything that is wrong in it
   */
  static fromInventory(scope: Construct, file: string): Director[] {
    return Object.entries(readInventory(file)).map(([name, settings]) => new Director(scope, name, settings));
  }

  /** What plans, errors and `--director` call it. */
  get name(): string {
    return this.node.id;
  }
}

function withoutKeys<T extends object>(value: T, keys: readonly string[]): T {
  const copy = { ...value };
  for (const key of keys) Reflect.deleteProperty(copy, key);
  return copy;
}
