import type { Construct } from 'constructs';
import { type RealServerResource, toAbsentService, toVirtualService, VirtualServiceResource } from '../../lib/model';
import type { Reporter } from './kit/reporter';
import { type Config, type Definition, IpvsResource } from './kit/resource';
import { holdsUnresolved } from './kit/unresolved';

const definition: Definition<typeof VirtualServiceResource> = {
  type: 'ipvs_virtual_service',
  schema: VirtualServiceResource,
  convert(value) {
    if (value.absent === true) {
      const { value: key, issues } = toAbsentService(value);
      return { entries: [{ on: 'absent', key }], issues };
    }
    const { value: service, issues } = toVirtualService(value);
    return { entries: [{ on: 'service', service }], issues };
  },
};

export type VirtualServiceConfig = Config<typeof VirtualServiceResource>;

/** `ipvs_virtual_service`: a virtual service with its real servers. */
export class VirtualService extends IpvsResource<typeof VirtualServiceResource> {
  static readonly tfResourceType = definition.type;

  constructor(scope: Construct, id: string, config: VirtualServiceConfig, reporter?: Reporter) {
    super(scope, id, definition, config, reporter);
    this.node.addValidation({
      validate: () => {
        const { absent, realServers } = this.config;
        if (absent !== true && Object.keys(realServers).length === 0) this.reporter.warning('has no real servers');
        return [];
      },
    });
  }

  /** Adds a real server whose fields have been read already. */
  addRealServer(name: string, server: RealServerResource): void {
    this.config.realServers[name] = server;
  }

  /** One real server that is not known yet does not keep the others from being judged. */
  protected override known(): VirtualServiceResource | undefined {
    const { director: _director, realServers, ...rest } = this.config;
    if (holdsUnresolved(rest)) return undefined;
    const servers = Object.entries(realServers).filter(([, server]) => !holdsUnresolved(server));
    return { ...this.config, realServers: Object.fromEntries(servers) };
  }
}
