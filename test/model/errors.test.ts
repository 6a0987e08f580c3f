import { TransportError } from '../../lib/model';

test('what a director said does not drive the terminal: control characters are spelled out, lines stay lines', () => {
  const said = 'sudo:\r\n\tno\u001b[2J\u0007\u009b1m\u0000';
  const error = new TransportError('command-failed', 'lb1', said, { hint: '\u001b]0;title\u0007' });
  expect(error.message).toBe('lb1: sudo:\n\tno\\x1b[2J\\x07\\x9b1m\\x00');
  expect(error.hint).toBe('\\x1b]0;title\\x07');
});
