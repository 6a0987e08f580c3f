import { type Issue, ValidationError } from '../model';
import { Trace } from '../../providers/ipvs/kit/trace';

/** Refuses a value where it is made, naming the factory and the user's line. @throws ValidationError */
export function refuseValue(factory: string, issues: readonly Issue[]): void {
  if (issues.length === 0) return;
  const at = Trace.here().line;
  throw new ValidationError(
    issues.map(({ path, ...issue }) => ({
      where: factory,
      field: path.join('.'),
      ...issue,
      ...(at === undefined ? {} : { at }),
    })),
  );
}
