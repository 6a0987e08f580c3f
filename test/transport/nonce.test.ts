import { newNonce } from '../../lib/transport';

test('nonces are hex and differ', () => {
  expect(newNonce()).toMatch(/^[0-9a-f]{16}$/);
  expect(newNonce()).not.toBe(newNonce());
});
