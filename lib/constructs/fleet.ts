import type { Construct } from 'constructs';
import { TerraformStack } from '../terraform';
import { EachDirector, Reporter } from '../../providers/ipvs';
import { Director } from './director';
import { IpvsStack } from './ipvs-stack';
import { checkProps, checkValue } from './props';
import { Rollout } from './rollout';
import { Table, type TableProps } from './table';

export interface FleetProps extends TableProps {
  /** The directors that hold this table, all in the fleet's stack. */
  directors: readonly Director[];
  /** In which waves a change reaches them. Default: one director after the other, and the first failure stops. */
  rollout?: Rollout;
  /**
   * Whether Terraform itself shall keep to the waves of the rollout: one block per service and director then, and a
   * `null_resource` between waves. Default: one block per service, and only lvsform keeps to the waves. Before leaving out
   * a `true`, apply with `false` once: that tells Terraform how what it has gets back into the shared blocks.
   */
  gates?: boolean;
}

const KNOWN = ['directors', 'rollout', 'gates', 'timeouts', 'syncDaemons'] as const;

/**
 * One table for several directors. The artefact has one block per service whatever the number of directors:
 * `for_each` expands it. Only with `gates: true` it has one for each director.
 */
export class Fleet extends Table {
  readonly directors: readonly Director[];

  constructor(scope: Construct, id: string, props: FleetProps) {
    super(scope, id);
    const reporter = new Reporter(this);
    const given = checkProps(reporter, props, KNOWN);
    this.directors = checkDirectors(reporter, given.directors, TerraformStack.of(this));
    const isRollout = (value: unknown): value is Rollout => value instanceof Rollout;
    const example = "a Rollout such as Rollout.batches('25%')";
    const rollout = checkValue(reporter, ['rollout'], given.rollout, isRollout, example);
    const names = this.directors.map(({ name }) => name);
    const gates = checkValue(reporter, ['gates'], given.gates, (given) => typeof given === 'boolean', 'true or false');
    const stack = IpvsStack.around(this);
    const waves = rollout && stack.addRollout(this.pathInStack(), names, rollout.toSettings(reporter), reporter);
    const forEach = new EachDirector(names, {
      blocks: gates === true ? 'apart' : 'together',
      moved: gates !== undefined,
    });
    if (gates === true && waves !== undefined) stack.addGates(this, forEach, waves);
    if (gates === true && given.rollout === undefined)
      reporter.error({ path: ['gates'], message: 'stand between the waves of a rollout, and there is none', hint: "add one, e.g. rollout: Rollout.batches('25%')" }); // prettier-ignore
    this.place({ director: '${each.key}', forEach }, given);
  }

  /** Construct path below the stack: the name of its rollout. */
  private pathInStack(): string {
    const { scopes } = this.node;
    return scopes
      .slice(scopes.indexOf(IpvsStack.around(this)) + 1)
      .map(({ node }) => node.id)
      .join('/');
  }
}

function checkDirectors(reporter: Reporter, given: unknown, stack: TerraformStack): Director[] {
  const path = ['directors'];
  if (!Array.isArray(given) || given.length === 0) {
    reporter.error({ path, message: 'a fleet needs at least one director' });
    return [];
  }
  const directors = new Set<Director>();
  for (const director of given as unknown[]) {
    if (!(director instanceof Director)) reporter.error({ path, message: 'expected Director constructs' });
    else if (directors.has(director)) reporter.error({ path, message: `'${director.name}' is listed twice` });
    else if (TerraformStack.of(director) !== stack) {
      const message = `'${director.name}' belongs to stack '${TerraformStack.of(director).node.id}'`;
      reporter.error({ path, message, hint: 'a fleet and its directors are in one stack' });
    } else directors.add(director);
  }
  return [...directors];
}
