import { ignoredBy, IgnorePattern, type ServiceKey } from '../../lib/model';

const v4: ServiceKey = { by: 'address', protocol: 'tcp', address: '192.0.2.10', port: 80 };
const v6: ServiceKey = { by: 'address', protocol: 'udp', address: '2001:db8::10', port: 53 };
const mark: ServiceKey = { by: 'fwmark', family: 'inet6', mark: 12 };

test.each<[IgnorePattern, ServiceKey[]]>([
  [{ address: '192.0.2.10' }, [v4]],
  [{ address: '192.0.2.10/24' }, [v4]],
  [{ address: '192.0.2.0/255.255.255.0' }, [v4]],
  [{ address: '192.0.2.0/29' }, []],
  [{ address: '0.0.0.0/0' }, [v4]],
  [{ address: '::/0' }, [v6]],
  [{ address: '2001:DB8::/64' }, [v6]],
  [{ port: 80 }, [v4]],
  [{ port: 12 }, []],
  [{ protocol: 'udp' }, [v6]],
  [{ protocol: 'tcp', port: 53 }, []],
  [{ mark: 12 }, [mark]],
  [{ mark: 80 }, []],
])('%j matches', (pattern, matched) => {
  expect([v4, v6, mark].filter((key) => ignoredBy([{ mark: 99 }, pattern], key) === pattern)).toEqual(matched);
});

test('an address that is none is told', () => {
  expect(IgnorePattern.safeParse({ address: '192.0.2.0/33' }).error?.issues[0]?.message).toBe(
    "'192.0.2.0/33' is not an address or network such as 192.0.2.0/24",
  );
});
