/** The bindings by themselves, without the constructs above. */
import { TerraformStack } from 'cdktf';
import * as ipvs from '../../providers/ipvs';
import { newApp } from '../constructs/program';

interface Artefact {
  provider: { ipvs: Record<string, unknown>[] };
  resource: Record<string, Record<string, Record<string, unknown>>>;
}
const only = (json: Artefact, type: string) => Object.values(json.resource[type] ?? {})[0]!;

test('bindings work in a plain TerraformStack, one provider block per alias', () => {
  const stack = new TerraformStack(newApp(), 'plain');
  new ipvs.IpvsProvider(stack, 'ipvs', {
    owns: 'table',
    directors: { lbOne: { host: 'lb1', hostKey: 'ssh-ed25519 AAAA' } },
  });
  const other = new ipvs.IpvsProvider(stack, 'other', { alias: 'other', directors: { lb2: { host: 'lb2' } } });
  const service = new ipvs.VirtualService(stack, 'web', {
    provider: other,
    director: 'lb2',
    protocol: 'tcp',
    address: '192.0.2.1',
    port: 80,
  });
  new ipvs.SyncDaemon(stack, 'sync', { director: 'lbOne', role: 'master', interface: 'eth0', dependsOn: [service] });
  stack.prepareStack();
  const json = stack.toTerraform() as Artefact;
  expect(json.provider.ipvs).toEqual([
    { owns: 'table', directors: { lbOne: { host: 'lb1', host_key: 'ssh-ed25519 AAAA' } } },
    { alias: 'other', directors: { lb2: { host: 'lb2' } } },
  ]);
  expect(only(json, 'ipvs_virtual_service')['provider']).toBe('ipvs.other');
  expect(only(json, 'ipvs_sync_daemon')['depends_on']).toEqual([expect.stringMatching(/^ipvs_virtual_service\.web/)]);
  expect(service.id).toMatch(/^\$\{TfToken/);
});

test('the type of each resource is known without an instance', () => {
  const types = [ipvs.VirtualService, ipvs.MarkRule, ipvs.Timeouts, ipvs.SyncDaemon, ipvs.IpvsProvider];
  expect(types.map(({ tfResourceType }) => tfResourceType)).toEqual([
    'ipvs_virtual_service',
    'ipvs_mark_rule',
    'ipvs_timeouts',
    'ipvs_sync_daemon',
    'ipvs',
  ]);
});

test('a trace names the caller’s line, not the library’s', () => {
  expect(ipvs.Trace.here().line).toMatch(/^test\/providers\/ipvs\.test\.ts:\d+:\d+$/);
});

test('what is wrong with a director of the provider is told at the provider', () => {
  const stack = new TerraformStack(newApp(), 'plain');
  const directors = { lb1: { host: '-x' }, 'b d': { host: 'b' } };
  const provider = new ipvs.IpvsProvider(stack, 'ipvs', { directors });
  const messages = provider.node.metadata
    .filter(({ type }) => type === '@cdktf/error')
    .map(({ data }) => String(data).replace(/ \([^()]+\)$/, ''));
  expect(messages).toEqual([
    "host: '-x' is not a host name or address",
    "'b d' is not a director name: letters, digits, . _ -",
  ]);
  expect(provider.directors).toEqual(['lb1', 'b d']);
});
