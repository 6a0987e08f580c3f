import type { Construct } from 'constructs';
import { MarkRuleResource, toMarkRules } from '../../lib/model';
import type { Reporter } from './kit/reporter';
import { type Config, type Definition, IpvsResource } from './kit/resource';

const definition: Definition<typeof MarkRuleResource> = {
  type: 'ipvs_mark_rule',
  schema: MarkRuleResource,
  convert(resource) {
    const { value, issues } = toMarkRules(resource);
    return { entries: value.map((rule) => ({ on: 'mark', rule })), issues };
  },
};

export type MarkRuleConfig = Config<typeof MarkRuleResource>;

/** `ipvs_mark_rule`: iptables rules that mark packets on their way into IPVS. */
export class MarkRule extends IpvsResource<typeof MarkRuleResource> {
  static readonly tfResourceType = definition.type;

  constructor(scope: Construct, id: string, config: MarkRuleConfig, reporter?: Reporter) {
    super(scope, id, definition, config, reporter);
  }
}
