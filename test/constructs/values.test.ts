/** Value factories refuse a bad value where it is made, with the user's line. */
import { TerraformVariable } from 'cdktf';
import { Duration, Forward, IpvsStack, Listen, Scheduler } from '../../lib/constructs';
import { ValidationError } from '../../lib/model';
import { newApp } from './program';

const refused = (make: () => unknown): string => {
  try {
    make();
  } catch (error) {
    expect(error).toBeInstanceOf(ValidationError);
    return (error as Error).message;
  }
  return 'was accepted';
};
const plain = (make: () => unknown): string => refused(make).replace(/ \([^()]+\.ts:\d+:\d+\)/g, '');

test.each<[() => unknown, string]>([
  [() => Listen.tcp('web.example.net', 80), "[Listen.tcp] address: 'web.example.net' is not an IPv4 or IPv6 address"],
  [() => Listen.tcp('192.0.2.1', 70000), "[Listen.tcp] port: '70000' is not a port or a range such as '8000:8010'"],
  [() => Listen.udp('192.0.2.1', '90:80'), "[Listen.udp] port: '90:80' is not a port or a range such as '8000:8010'"],
  [() => Listen.sctp('192.0.2.1', 80, 80), '[Listen.sctp] port: 80 is listed twice'],
  [() => Listen.tcp('192.0.2.1', 80, '080'), '[Listen.tcp] port: 80 is listed twice'],
  [() => Listen.tcp('192.0.2.1', [80] as never), "[Listen.tcp] port: expected a port or a range such as '8000:8010'"],
  [() => Scheduler.of('constructor', 'sh-port'), '[Scheduler.of] scheduler constructor has no flag sh-port'],
  [() => Listen.mark(0), '[Listen.mark] mark: 0 is not a firewall mark (1..4294967295)'],
  [() => Listen.mark(1, 'ipv6' as never), "[Listen.mark] family: expected 'inet' or 'inet6'"],
  [() => Listen.tcp('192.0.2.1', 80).marked(-1), '[Listen.marked] mark: -1 is not a firewall mark (1..4294967295)'],
  [
    () => Listen.tcp('192.0.2.1', 0).marked(1),
    '[Listen.marked] port: port 0 can not be marked\n  hint: leave the ports out to mark every port',
  ],
  [
    () => Listen.tcp('192.0.2.1', 80).marked(1, 'inet6'),
    '[Listen.marked] family: 192.0.2.1 is of family inet, not inet6',
  ],
  [() => Listen.mark(1).marked(2), '[Listen.marked] there is no address to mark: use Listen.mark(n) alone'],
  [() => Scheduler.of('WRR'), "[Scheduler.of] 'WRR' is not a scheduler name: 1 to 15 of a-z 0-9 _ -"],
  [() => Scheduler.of('rr', 'sh-port'), '[Scheduler.of] scheduler rr has no flag sh-port'],
  [
    () => Scheduler.of('rr', 'flag-9' as never),
    "[Scheduler.of] 'flag-9' is not a scheduler flag (sh-fallback, sh-port, mh-fallback, mh-port, flag-1, flag-2, flag-3)",
  ],
  [() => Duration.minutes(-1), '[Duration.minutes] -1 minutes is not a whole number of seconds from 0'],
  [() => Duration.seconds(0.5), '[Duration.seconds] 0.5 seconds is not a whole number of seconds from 0'],
  [
    () => Forward.ipip({ type: 'gue' }),
    '[Forward.ipip] port: is required for tunnel type gue\n  hint: the usual port is 6080',
  ],
  [() => Forward.ipip({ type: 'gre', port: 1 }), '[Forward.ipip] port: does not go with tunnel type gre'],
  [() => Forward.ipip({ checksum: 'csum' }), '[Forward.ipip] checksum: does not go with tunnel type ipip'],
  [
    () => Forward.ipip({ type: 'vxlan' as never }),
    "[Forward.ipip] type: 'vxlan' is not a tunnel type (ipip, gue, gre)",
  ],
  [() => Forward.ipip({ typ: 'gue' } as never), "[Forward.ipip] typ: is not known here\n  hint: did you mean 'type'?"],
])('%s', (make, message) => {
  expect(plain(make)).toBe(message);
});

test('the message names the line of the caller', () => {
  expect(refused(() => Listen.mark(0))).toMatch(/ \(test\/constructs\/values\.test\.ts:\d+:\d+\)$/);
});

test('durations are counted in seconds', () => {
  const durations = [Duration.seconds(5), Duration.minutes(1.5), Duration.hours(2), Duration.days(1)];
  expect(durations.map((duration) => duration.toSeconds())).toEqual([5, 90, 7200, 86400]);
  expect(String(Duration.minutes(1))).toBe('60s');
});

test('scheduler flags are in kernel order under the names of their scheduler', () => {
  expect(Scheduler.sh({ port: true, fallback: true }).flags).toEqual(['sh-fallback', 'sh-port']);
  expect(Scheduler.mh({ port: true }).flags).toEqual(['mh-port']);
  expect(Scheduler.of('sh', 'flag-1').flags).toEqual(['sh-fallback']);
  expect(Scheduler.sh().flags).toEqual([]);
});

test('each scheduler has a factory of its own', () => {
  const made = [
    Scheduler.rr(), Scheduler.wrr(), Scheduler.lc(), Scheduler.wlc(), Scheduler.lblc(), Scheduler.lblcr(), Scheduler.dh(),
    Scheduler.sh(), Scheduler.sed(), Scheduler.nq(), Scheduler.fo(), Scheduler.ovf(), Scheduler.mh(), Scheduler.twos(),
  ]; // prettier-ignore
  expect(made.map(({ name }) => name)).toEqual([
    'rr', 'wrr', 'lc', 'wlc', 'lblc', 'lblcr', 'dh', 'sh', 'sed', 'nq', 'fo', 'ovf', 'mh', 'twos',
  ]); // prettier-ignore
});

test('the family of a mark is the address’s', () => {
  expect(Listen.tcp('192.0.2.1', 80).marked(1).mark).toEqual({ mark: 1, family: 'inet' });
  expect(Listen.tcp('2001:DB8::1', 80).marked(1).mark).toEqual({ mark: 1, family: 'inet6' });
  expect(Listen.tcp('2001:DB8::1', 80).target?.address).toBe('2001:db8::1');
});

test('references pass the factories, but nothing is derived from them', () => {
  const variable = new TerraformVariable(new IpvsStack(newApp(), 'edge'), 'v', { default: 1 });
  const number = variable.numberValue;
  expect(Duration.seconds(number).toSeconds()).toBe(number);
  expect(plain(() => Duration.minutes(number))).toBe(
    '[Duration.minutes] the number is not known yet, so it can not be converted\n  hint: use Duration.seconds with a number of seconds',
  );
  const listen = Listen.tcp(variable.stringValue, 80);
  expect(plain(() => listen.marked(5))).toBe(
    "[Listen.marked] family: the address is not known yet\n  hint: say which: .marked(5, 'inet6')",
  );
  expect(listen.marked(5, 'inet6').mark).toEqual({ mark: 5, family: 'inet6' });
});
