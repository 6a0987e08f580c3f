/** The part of /etc/services (Debian's netbase) that people meet on a director. */
const SERVICES: readonly (readonly [string, number, string])[] = [
  ['ftp-data', 20, 'tcp'],
  ['ftp', 21, 'tcp'],
  ['ssh', 22, 'tcp'],
  ['telnet', 23, 'tcp'],
  ['smtp', 25, 'tcp'],
  ['domain', 53, 'tcp udp'],
  ['tftp', 69, 'udp'],
  ['http', 80, 'tcp'],
  ['pop3', 110, 'tcp'],
  ['ntp', 123, 'udp'],
  ['imap2', 143, 'tcp'],
  ['snmp', 161, 'tcp udp'],
  ['ldap', 389, 'tcp udp'],
  ['https', 443, 'tcp udp'],
  ['submissions', 465, 'tcp'],
  ['syslog', 514, 'udp'],
  ['submission', 587, 'tcp'],
  ['ldaps', 636, 'tcp udp'],
  ['imaps', 993, 'tcp'],
  ['pop3s', 995, 'tcp'],
  ['mysql', 3306, 'tcp'],
  ['sip', 5060, 'tcp udp'],
  ['sip-tls', 5061, 'tcp udp'],
  ['postgresql', 5432, 'tcp'],
  ['http-alt', 8080, 'tcp udp'],
];

const byName = new Map<string, number>();
const byPort = new Map<string, string>();
for (const [name, port, protocols] of SERVICES) {
  for (const protocol of protocols.split(' ')) {
    byName.set(`${name}/${protocol}`, port);
    byPort.set(`${port}/${protocol}`, name);
  }
}

/** `getservbyname(3)`. */
export function portOf(name: string, protocol: string): number | undefined {
  return byName.get(`${name}/${protocol}`);
}

/** `getservbyport(3)`. */
export function serviceName(port: number, protocol: string): string | undefined {
  return byPort.get(`${port}/${protocol}`);
}
