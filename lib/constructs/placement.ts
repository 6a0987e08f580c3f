import type { IConstruct } from 'constructs';
import { ValidationError } from '../model';
import { type ITerraformIterator, TerraformStack } from '../terraform';
import { Trace } from '../../providers/ipvs';

const PLACEMENT = Symbol.for('lvsform/placement');

/** Where the entries of a table go: as arguments of each of its resources. */
export interface Placement {
  director: string;
  forEach?: ITerraformIterator;
}

/** Makes a construct one that holds a table. */
export function placeTable(construct: IConstruct, placement: Placement): void {
  Object.defineProperty(construct, PLACEMENT, { value: placement });
}

/** Placement of the nearest Fleet or Director around a construct. @throws ValidationError when there is none */
export function placementOf(construct: IConstruct): Placement {
  for (const scope of [...construct.node.scopes].reverse()) {
    if (PLACEMENT in scope) return scope[PLACEMENT] as Placement;
    if (TerraformStack.isStack(scope)) break;
  }
  const at = Trace.here().line;
  throw new ValidationError([
    {
      where: construct.node.path,
      field: '',
      message: 'is in no Fleet and on no Director',
      hint: 'give a Fleet or a Director as the scope',
      ...(at === undefined ? {} : { at }),
    },
  ]);
}
