import { z } from 'zod';
import { nearest, readFields, snakeCase, spellFields, spellPath, unknownField } from '../../lib/model';

const schema = z.object({
  hostName: z.string({ error: 'expected a host' }),
  maxCount: z.int({ error: 'expected a count' }).default(3),
  sshOptions: z.object({ useAgent: z.boolean().optional() }).optional(),
  namedParts: z.record(z.string(), z.object({ partSize: z.int() })).default({}),
  openPorts: z.array(z.int({ error: 'expected a port' })).default([]),
});

test('defaults are applied, and no two reads share one', () => {
  const [first, second] = [readFields(schema, { hostName: 'a' }), readFields(schema, { hostName: 'a' })];
  expect(first).toEqual({ value: { hostName: 'a', maxCount: 3, namedParts: {}, openPorts: [] }, issues: [] });
  first.value.namedParts['x'] = { partSize: 1 };
  expect(second.value.namedParts).toEqual({});
});

test('everything wrong is told, each at its place', () => {
  const input = {
    maxCount: 'x',
    sshOptions: { useAgnet: true },
    namedParts: { p: 5 },
    openPorts: [1, 'b'],
    hostNmae: 'a',
  };
  expect(readFields(schema, input).issues).toEqual([
    { path: ['hostNmae'], message: 'is not known here', hint: "did you mean 'hostName'?" },
    { path: ['hostName'], message: 'is required' },
    { path: ['maxCount'], message: 'expected a count' },
    { path: ['sshOptions', 'useAgnet'], message: 'is not known here', hint: "did you mean 'useAgent'?" },
    { path: ['namedParts', 'p'], message: 'expected an object' },
    { path: ['openPorts', 1], message: 'expected a port' },
  ]);
  expect(readFields(schema, { hostName: 'a', namedParts: [], openPorts: 5 }).issues).toEqual([
    { path: ['namedParts'], message: 'expected a map of names to values' },
    { path: ['openPorts'], message: 'expected a list' },
  ]);
  expect(readFields(schema, 5).issues).toEqual([{ path: [], message: 'expected an object' }]);
});

test('unresolved values are kept as they are, at any depth', () => {
  const later = Symbol('later');
  const input = { hostName: later, namedParts: { p: { partSize: later } }, openPorts: [later, 5] };
  const { value, issues } = readFields(schema, input, { isUnresolved: (each) => each === later });
  expect(issues).toEqual([]);
  expect(value).toEqual({ ...input, maxCount: 3 });
});

test('snake_case in, camelCase out; keys of maps are left alone', () => {
  const input = { host_name: 'a', named_parts: { partOne: { part_size: 1 } } };
  const { value, issues } = readFields(schema, input, { spelling: 'snake_case' });
  expect(issues).toEqual([]);
  expect(value.namedParts).toEqual({ partOne: { partSize: 1 } });
  expect(spellFields(schema, value)).toEqual({ ...input, max_count: 3, open_ports: [] });
  expect(spellPath(schema, ['namedParts', 'partOne', 'partSize'])).toEqual(['named_parts', 'partOne', 'part_size']);
  expect(spellPath(schema, ['openPorts', 0])).toEqual(['open_ports', 0]);
});

test('conversion is Terraform’s, and only when asked for', () => {
  const input = { hostName: 5, maxCount: '7', sshOptions: { useAgent: 'true' }, openPorts: ['80'] };
  expect(readFields(schema, input).issues).toHaveLength(4);
  expect(readFields(schema, input, { convert: true })).toEqual({
    value: { hostName: '5', maxCount: 7, sshOptions: { useAgent: true }, openPorts: [80], namedParts: {} },
    issues: [],
  });
});

test('the nearest known name is offered, a far one is not', () => {
  expect(nearest('wieght', ['address', 'weight'])).toBe('weight');
  expect(nearest('lower_treshold', ['upperThreshold', 'lowerThreshold'])).toBe('lowerThreshold');
  expect(nearest('colour', ['address', 'weight'])).toBeUndefined();
  expect(unknownField('colour', ['address', 'weight']).hint).toBe('known here: address, weight');
});

test('snake_case', () => {
  expect(['tcpFinSeconds', 'port', 'a1B2'].map(snakeCase)).toEqual(['tcp_fin_seconds', 'port', 'a1_b2']);
});
