import { utils } from 'ssh2';
import { newKeyPair } from '../../lib/sim/keys';

test('every pair can be read and used', () => {
  for (let i = 0; i < 300; i++) {
    const pair = newKeyPair();
    const [secret, open] = [utils.parseKey(pair.private), utils.parseKey(pair.public)];
    if (secret instanceof Error) throw secret;
    if (open instanceof Error) throw open;
    expect(open.verify('text', secret.sign('text'))).toBe(true);
  }
});
