/**
 * A big table of made-up addresses in the shape of one that a load balancer for Kubernetes published: each service has
 * the cluster's nodes as real servers, nearly all of them with weight 0, and most are tunnels under `mh`.
 */

/** Mulberry32: the same table in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

interface Entry {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
  tunnelled: boolean;
  servers: { address: string; weight: number }[];
}

function bigTable(services: number, serversEach: number, seed: number): Entry[] {
  const random = seeded(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const nodes = [...new Set(Array.from({ length: serversEach * 4 }, () => `10.20.${below(40)}.${below(256)}`))];
  const perVip = 12;
  return Array.from({ length: services }, (_, i): Entry => ({
    protocol: i % 300 === 299 ? 'udp' : 'tcp',
    address: `198.51.100.${1 + Math.floor(i / perVip)}`,
    port: 71 + (i % perVip) * 1801,
    tunnelled: below(100) < 80,
    servers: nodes.slice(0, serversEach).map((address) => ({ address, weight: below(100) < 7 ? 1 : 0 })),
  }));
}

/** What `ipvsadm -Sn` and `ipvsadm -Ln --thresholds` of 1.31 print for it. */
export function listBigTable(services = 635, serversEach = 19, seed = 20): { save: string; thresholds: string } {
  const table = bigTable(services, serversEach, seed);
  const save = table.flatMap((service) => {
    const name = `${service.protocol === 'tcp' ? '-t' : '-u'} ${service.address}:${service.port}`;
    const method = service.tunnelled ? '-i' : '-g';
    const tunnel = service.tunnelled ? ' --tun-type ipip' : '';
    return [
      `-A ${name} -s ${service.tunnelled ? 'mh -b mh-fallback,mh-port' : 'wrr'}`,
      ...service.servers.map(
        ({ address, weight }) => `-a ${name} -r ${address}:${service.port} ${method} -w ${weight}${tunnel}`,
      ),
    ];
  });
  const thresholds = table.flatMap((service) => [
    `${service.protocol.toUpperCase().padEnd(4)} ${`${service.address}:${service.port}`.padEnd(28)} ${service.tunnelled ? 'mh (mh-fallback,mh-port)' : 'wrr'}`,
    ...service.servers.map(({ address }) => `  -> ${`${address}:${service.port}`.padEnd(27)} ${zeros}`),
  ]);
  return { save: `${save.join('\n')}\n`, thresholds: `${[...THRESHOLDS_HEADER, ...thresholds].join('\n')}\n` };
}

const zeros = ['0'.padEnd(10), '0'.padEnd(10), '0'.padEnd(10), '0'].join(' ');

const THRESHOLDS_HEADER = [
  'IP Virtual Server version 1.2.1 (size=4096)',
  'Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn ',
  '  -> RemoteAddress:Port          ',
];
