import { addressWords, inetAton, inetPton6, isMulticastGroup, isUnicast } from '../../lib/sim/address';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2', '192.0.0.2'],
  ['10.258', '10.0.1.2'],
  ['0x7f000001', '127.0.0.1'],
  ['010.1.1.1', '8.1.1.1'],
  ['24', '0.0.0.24'],
  ['192.0.2.1 trailing', '192.0.2.1'],
  ['4294967295', '255.255.255.255'],
])('inet_aton reads %s as %s', (text, address) => {
  expect(inetAton(text)).toBe(address);
});

test.each(['', '192.0.2.999', '1.2.3.4.5', '1..2', '09.1.1.1', '4294967296', '256.1.1.1', 'a.b.c.d', '-1'])(
  'inet_aton refuses %j',
  (text) => {
    expect(inetAton(text)).toBeUndefined();
  },
);

test('IPv6 in the spelling of inet_ntop', () => {
  expect(inetPton6('2001:DB8:0:0:0:0:0:10')).toBe('2001:db8::10');
  expect(inetPton6('fe80::1%eth0')).toBeUndefined();
  expect(inetPton6('192.0.2.1')).toBeUndefined();
});

test.each<[string, [number, number, number, number]]>([
  ['192.0.2.1', [0xc0000201, 0, 0, 0]],
  ['2001:db8::10', [0x20010db8, 0, 0, 0x10]],
  ['::ffff:192.0.2.1', [0, 0, 0xffff, 0xc0000201]],
  ['1:2:3:4:5:6:7:8', [0x10002, 0x30004, 0x50006, 0x70008]],
])('words of %s', (address, words) => {
  expect(addressWords(address)).toEqual(words);
});

test.each(['10.0.0.1', '0.1.2.3', '127.0.0.1', '240.0.0.1', '::1', '2001:db8::1', 'fec0::1', '::192.0.2.1'])(
  '%s may be a real server',
  (address) => {
    expect(isUnicast(address)).toBe(true);
  },
);
test.each(['0.0.0.0', '224.0.0.5', '255.255.255.255', '::', 'fe80::5', 'ff02::5', '::ffff:192.0.2.1'])(
  '%s may not',
  (address) => {
    expect(isUnicast(address)).toBe(false);
  },
);

test('multicast groups', () => {
  expect(['224.0.0.81', 'ff02::81', '10.0.0.1', '2001:db8::1'].map(isMulticastGroup)).toEqual([true, true, false, false]);
}); // prettier-ignore
