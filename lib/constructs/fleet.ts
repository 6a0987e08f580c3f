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
}

const KNOWN = ['directors', 'rollout', 'timeouts', 'syncDaemons'] as const;

/**
 * One table for several directors. The artefact has one block per service whatever the number of directors:
 * `for_each` expands it.
 */
export class Fleet extends Table {
  readonly directors: readonly Director[];

  constructor(scope: Construct, id: string, props: FleetProps) {
    super(scope, id);
    const reporter = new Reporter(this);
    checkProps(reporter, props, KNOWN);
    this.directors = checkDirectors(reporter, props.directors, TerraformStack.of(this));
    const isRollout = (value: unknown): value is Rollout => value instanceof Rollout;
    const example = "a Rollout such as Rollout.batches('25%')";
    const rollout = checkValue(reporter, ['rollout'], props.rollout, isRollout, example);
    const names = this.directors.map(({ name }) => name);
    if (rollout !== undefined)
      IpvsStack.around(this).addRollout(this.pathInStack(), names, rollout.toSettings(reporter), reporter);
    const forEach = new EachDirector(names);
    this.place({ director: '${each.key}', forEach }, props);
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
