/** What others keep on a director: tables as kube-proxy and keepalived make them. Nothing of lvsform may touch them. */

/** kube-proxy in IPVS mode: a service for every port of every cluster address, endpoints behind each, marks and chains. */
export const KUBE_SERVICES = Array.from({ length: 36 }, (_, at) => {
  const service = `198.51.100.${10 + at}:${at % 3 === 0 ? 443 : 80}`;
  const option = at % 9 === 4 ? '-u' : '-t';
  const sticky = at % 6 === 5 ? ' -p 10800' : '';
  return [
    `-A ${option} ${service} -s ${at % 2 === 0 ? 'rr' : 'lc'}${sticky}`,
    ...Array.from({ length: at % 3 }, (_, pod) => `-a ${option} ${service} -r 10.244.${at}.${2 + pod}:8080 -m -w 1`),
  ];
}).flat();

/** keepalived: weights that were lowered by checkers, a quiescent server, a firewall mark of its own, IPv6. */
export const KEEPALIVED_SERVICES = [
  '-A -t 203.0.113.10:80 -s wlc -p 50 -M 255.255.255.0',
  '-a -t 203.0.113.10:80 -r 10.1.0.11:80 -g -w 3 -x 500 -y 400',
  '-a -t 203.0.113.10:80 -r 10.1.0.12:80 -g -w 0',
  '-A -t 203.0.113.10:443 -s sh -b sh-port',
  '-a -t 203.0.113.10:443 -r 10.1.0.11:443 -i -w 1',
  '-A -t [2001:db8:feed::10]:80 -s wrr',
  '-a -t [2001:db8:feed::10]:80 -r [2001:db8:feed::a]:80 -g -w 2',
  '-A -f 2147480000 -s rr',
  '-a -f 2147480000 -r 10.1.0.13:0 -g -w 1',
];

/** For iptables-restore and ip6tables-restore: chains of others, and mark rules before and after where ours will be. */
export const FOREIGN_RULES = (family: 'inet' | 'inet6'): string => {
  const [one, all] =
    family === 'inet' ? ['203.0.113.10/32', '10.244.0.0/16'] : ['2001:db8:feed::10/128', 'fd00:244::/56'];
  return `*mangle
:KUBE-IPTABLES-HINT - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-PROXY-CANARY - [0:0]
-A PREROUTING -d ${one} -p tcp -m tcp --dport 21 -j MARK --set-xmark 0x7ffff460/0xffffffff
-A PREROUTING -s ${all} -m comment --comment "kubernetes, not ours" -j MARK --set-xmark 0x4000/0x4000
-A PREROUTING -p udp -m udp --dport 514 -j MARK --set-xmark 0x99/0xffffffff
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j ACCEPT
COMMIT
*nat
:KUBE-MARK-MASQ - [0:0]
:KUBE-SERVICES - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
COMMIT
`;
};
