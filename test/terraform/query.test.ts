/** What newer cores ask and the one on PATH may not: identities, and lists for `terraform query`. */
import { type Sim, startSim } from '../../lib/sim';
import { IpvsProvider, PROVIDER_ATTRIBUTES } from '../../providers/terraform/provider';
import { KINDS } from '../../providers/terraform/resources';
import type { Attribute } from '../../providers/terraform/schema/attribute';
import { decodeObject, encodeObject, type Values } from '../../providers/terraform/wire/value';
import { connections } from './support';

const IDENTITY: Attribute[] = [
  { name: 'id', type: { kind: 'leaf', leaf: 'string' }, mode: 'required', description: '' },
];
const TYPE = 'ipvs_virtual_service';
const { attributes } = KINDS.get(TYPE)!;

let sim: Sim;
let provider: IpvsProvider;

beforeAll(async () => {
  sim = await startSim({ directors: 2, rules: { lb1: '-A -t 192.0.2.1:80 -s rr\n-A -f 12\n', lb2: '-A -f 13 -6\n' } });
  provider = new IpvsProvider({ cwd: process.cwd(), env: process.env, version: 'test' });
  const config = { stack: 'edge', directors: connections(sim.directors) } as unknown as Values;
  const { diagnostics } = await provider.configure({ config: { msgpack: encodeObject(config, PROVIDER_ATTRIBUTES) } });
  expect(diagnostics).toEqual([]);
});

afterAll(async () => {
  await provider.configure({ config: { msgpack: encodeObject({}, PROVIDER_ATTRIBUTES) } });
  await sim.close();
});

test('every entry of every director is listed, with the identity that imports it', async () => {
  const ids: unknown[] = [];
  for await (const event of provider.list({ typeName: TYPE, includeResourceObject: true })) {
    expect(event.diagnostic ?? []).toEqual([]);
    const id = decodeObject(event.identity?.identityData?.msgpack, IDENTITY)?.['id'];
    expect(decodeObject(event.resourceObject?.msgpack, attributes)?.['id']).toBe(id);
    const { importedResources = [], diagnostics = [] } = await provider.importResource({
      typeName: TYPE,
      id: '',
      ...(event.identity === undefined ? {} : { identity: event.identity }),
    });
    expect(diagnostics).toEqual([]);
    expect(importedResources[0]?.identity).toEqual(event.identity);
    ids.push(id);
  }
  expect(ids).toEqual(['lb1/tcp/192.0.2.1:80', 'lb1/fwm/12', 'lb2/fwm6/13']);
});

test('an id that is not there is an error that says what is', async () => {
  const { diagnostics = [] } = await provider.importResource({ typeName: TYPE, id: 'lb1/fwm/99' });
  expect(diagnostics[0]?.summary).toBe('lb1: there is no fwm/99');
  expect(diagnostics[0]?.detail).toContain('there are: tcp/192.0.2.1:80, fwm/12');
});
