import type { Construct } from 'constructs';
import { TimeoutsResource, toTimeouts } from '../../lib/model';
import type { Reporter } from './kit/reporter';
import { type Config, type Definition, IpvsResource } from './kit/resource';

const definition: Definition<typeof TimeoutsResource> = {
  type: 'ipvs_timeouts',
  schema: TimeoutsResource,
  convert: (resource) => ({ entries: [{ on: 'timeouts' }], issues: toTimeouts(resource).issues }),
};

export type TimeoutsConfig = Config<typeof TimeoutsResource>;

/** `ipvs_timeouts`: a director's connection timeouts. */
export class Timeouts extends IpvsResource<typeof TimeoutsResource> {
  static readonly tfResourceType = definition.type;

  constructor(scope: Construct, id: string, config: TimeoutsConfig, reporter?: Reporter) {
    super(scope, id, definition, config, reporter);
  }
}
