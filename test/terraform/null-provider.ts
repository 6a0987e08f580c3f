/** As much of hashicorp/null as gates need, since a closed network can't download it: on our own plugin server. */
import { randomUUID } from 'node:crypto';
import type { Attribute } from '../../providers/terraform/schema/attribute';
import { schemaMessage } from '../../providers/terraform/schema/encode';
import type * as wire from '../../providers/terraform/wire/generated/tfplugin6';
import { serve } from '../../providers/terraform/wire/serve';
import { decodeObject, encodeObject, fromJson, Unknown, type Values } from '../../providers/terraform/wire/value';

const ATTRIBUTES: readonly Attribute[] = [
  { name: 'id', type: { kind: 'leaf', leaf: 'string' }, mode: 'computed', description: '' },
  { name: 'triggers', type: { kind: 'map', leaf: 'string' }, mode: 'optional', description: '' },
];
const out = (value: Values | null): { msgpack: Buffer } => ({ msgpack: encodeObject(value, ATTRIBUTES) });

void serve({
  env: process.env,
  onShutdown: () => setTimeout(() => process.exit(0), 5),
  methods: {
    getProviderSchema: () => ({
      provider: schemaMessage([], ''),
      resourceSchemas: { null_resource: schemaMessage(ATTRIBUTES, '') },
    }),
    getResourceIdentitySchemas: () => ({}),
    validateProviderConfig: () => ({}),
    validateResourceConfig: () => ({}),
    configureProvider: () => ({}),
    stopProvider: () => ({}),
    upgradeResourceState: ({ rawState }: wire.UpgradeResourceState_Request) => ({
      upgradedState: out(fromJson(String(rawState?.json ?? 'null'), ATTRIBUTES)),
    }),
    readResource: ({ currentState }: wire.ReadResource_Request) => ({ newState: currentState }),
    planResourceChange: ({ proposedNewState, priorState }: wire.PlanResourceChange_Request) => {
      const planned = decodeObject(proposedNewState?.msgpack, ATTRIBUTES);
      if (planned !== null) planned['id'] ??= Unknown.value;
      const prior = decodeObject(priorState?.msgpack, ATTRIBUTES);
      return {
        plannedState: out(planned),
        requiresReplace: prior === null ? [] : [{ steps: [{ attributeName: 'triggers' }] }],
      };
    },
    applyResourceChange: ({ plannedState }: wire.ApplyResourceChange_Request) => {
      const planned = decodeObject(plannedState?.msgpack, ATTRIBUTES);
      return { newState: out(planned === null ? null : { ...planned, id: randomUUID() }) };
    },
  },
}).then(({ handshake }) => process.stdout.write(`${handshake}\n`));
process.on('SIGINT', () => undefined);
