import { Command } from 'commander';
import { withConnection } from '../../lib/cli/options';

function parse(...args: string[]): { options: Record<string, unknown>; said: string } {
  let said = '';
  const command = withConnection(new Command())
    .exitOverride()
    .configureOutput({ writeErr: (text) => (said += text) });
  try {
    command.parse(args, { from: 'user' });
  } catch {
    return { options: {}, said };
  }
  return { options: command.opts(), said };
}

test('--connect-timeout left out leaves it to the SSH configuration', () => {
  expect(parse().options).toEqual({});
  expect(parse('--connect-timeout', '3').options).toEqual({ connectTimeout: 3 });
});

test('more seconds than a timer can count are refused', () => {
  expect(parse('--connect-timeout', '86400').options).toEqual({ connectTimeout: 86400 });
  for (const value of ['86401', '3000000', '0', '1.5', 'x'])
    expect(parse('--connect-timeout', value).said).toContain('Expected a whole number of seconds, 1 to 86400.');
});
