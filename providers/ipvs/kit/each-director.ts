import { MapTerraformIterator } from '../../../lib/terraform';

/** `for_each` over the names of directors; goes with `director: '${each.key}'`. */
export class EachDirector extends MapTerraformIterator {
  constructor(readonly names: readonly string[]) {
    super(Object.fromEntries(names.map((name) => [name, name])));
  }
}
