/** Lists that every call looks into are gone through once, however many calls there are. */
import type { VirtualService } from '../../lib/model';
import { idsIn, servicesById } from '../../providers/terraform/directors/by-id';

test('services are named once for all who look one up', () => {
  let named = 0;
  const services = Array.from({ length: 100 }, (_, port): VirtualService => {
    const service = { scheduler: 'wrr', schedulerFlags: [], persistence: null, persistenceEngine: null, onePacket: false, realServers: [] }; // prettier-ignore
    const key = { by: 'address', protocol: 'tcp', address: '192.0.2.1', port } as const;
    return Object.defineProperty({ ...service, key }, 'key', { get: () => ((named += 1), key) });
  });
  for (let port = 0; port < 100; port++)
    expect(servicesById(services).get(`tcp/192.0.2.1:${port}`)).toBe(services[port]);
  expect(named).toBe(100);
  expect(servicesById(services.slice(1)).has('tcp/192.0.2.1:0')).toBe(false);
});

test('an entry of one ledger is not looked for in another', () => {
  expect(idsIn(['fwm/1']).has('fwm/1')).toBe(true);
  expect(idsIn(['fwm/2']).has('fwm/1')).toBe(false);
});
