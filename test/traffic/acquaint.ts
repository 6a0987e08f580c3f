/** A network in which nobody has to ask for a neighbour. */
import type { LabDirector } from '../lab/lab';
import type { Exec } from '../lab/traffic';

/**
 * Tells the director, its client and its real servers each other's hardware addresses, for good. What looks for a
 * neighbour three seconds in vain, as an overloaded emulator may, gives up packets with "No route to host": nothing that
 * tables or their order have a part in.
 */
export async function acquaint(director: LabDirector): Promise<void> {
  const { client, realServers, vips, vips6 } = director;
  const places: { exec: Exec; device: string; addresses: readonly string[] }[] = [
    {
      exec: (argv, options) => director.exec(argv, options),
      device: 'eth1',
      addresses: ['192.168.74.1', '2001:db8:74::1', ...vips, ...vips6],
    },
    { exec: client.exec, device: 'eth0', addresses: [...client.addresses, ...client.addresses6] },
    ...realServers.map(({ exec, address, address6 }) => ({ exec, device: 'eth0', addresses: [address, address6] })),
  ];
  const known = await Promise.all(
    places.map(async ({ exec, device, addresses }) => {
      const [, hardware = ''] = / link\/ether (\S+)/.exec(await ok(exec, ['ip', '-o', 'link', 'show', device])) ?? [];
      return { addresses, hardware };
    }),
  );
  await Promise.all(
    places.map(({ exec, device }, own) => {
      const lines = known.flatMap(({ addresses, hardware }, at) =>
        at === own ? [] : addresses.map((address) => `neigh replace ${address} lladdr ${hardware} dev ${device} nud permanent\n`),
      ); // prettier-ignore
      return ok(exec, ['ip', '-batch', '-'], lines.join(''));
    }),
  );
}

async function ok(exec: Exec, argv: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await exec(argv, stdin === undefined ? {} : { stdin });
  if (code !== 0) throw new Error(`${argv.join(' ')}: exit ${code}\n${stderr}`);
  return stdout;
}
