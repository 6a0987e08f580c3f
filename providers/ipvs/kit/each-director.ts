import { MapTerraformIterator } from '../../../lib/terraform';

/**
 * How the directors of a fleet share blocks. `together`: one block with `for_each`; `apart`: one block for each, so that
 * each can wait for its own wave. With `moved`, the artefact says how what is in the state gets here from the other form.
 */
export interface FleetForm {
  blocks: 'together' | 'apart';
  moved: boolean;
}

/** The directors of a fleet, for `forEach`; goes with `director: '${each.key}'`. */
export class EachDirector extends MapTerraformIterator {
  constructor(
    readonly names: readonly string[],
    readonly form: FleetForm = { blocks: 'together', moved: false },
  ) {
    super(Object.fromEntries(names.map((name) => [name, name])));
  }
}
