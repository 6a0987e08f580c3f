/** What happens to packets, whatever the order of the steps: marks that lead astray, and gaps in the kernel's own edits. */
import { canonicalAddress, type Director, familyOf, type Finding, holdsAddress, holdsPort, type MarkRule, markRuleId, type ServerChange, serviceId } from '../../model'; // prettier-ignore
import { conflictingMarks } from '../marks';
import type { Review } from './review';

export function packetFindings(review: Review): Finding[] {
  return [
    ...markConflicts(review),
    ...marksWithoutService(review),
    ...takenLogins(review),
    ...lostAnswers(review),
    ...kernelGaps(review),
  ];
}

function markConflicts({ wish, live }: Review): Finding[] {
  return conflictingMarks(wish, live).map((rule) => ({
    code: 'conflicting-mark',
    severity: 'warning',
    subject: `${wish.director.name}/${markRuleId(rule)}`,
    message: `a rule in PREROUTING, not ours, gives the same packets mark ${rule.mark}; the later rule wins`,
    hint: 'remove that rule, or declare its mark',
  }));
}

/** Whether a service of the complete table listens to what a rule marks. */
function isServed({ family, mark }: MarkRule, { desired }: Review): boolean {
  return desired.services.some(({ key }) => key.by === 'fwmark' && key.family === family && key.mark === mark);
}

function marksWithoutService(review: Review): Finding[] {
  const { wish, desired } = review;
  const unserved = desired.marks.filter((rule) => !isServed(rule, review));
  return unserved.map((rule) => ({
    code: 'mark-without-service',
    severity: 'warning',
    subject: `${wish.director.name}/${markRuleId(rule)}`,
    message: `packets get mark ${rule.mark}, but no ${rule.family === 'inet' ? 'IPv4' : 'IPv6'} service listens to it`,
  }));
}

/** IPVS takes what is marked also where it is meant for the director itself: from when rule and service are both there. */
function takenLogins(review: Review): Finding[] {
  const { wish, desired, changes } = review;
  const created = new Set(changes.filter(({ action }) => action === 'create').map(({ id }) => id));
  const id = (name: string): string => `${wish.director.name}/${name}`;
  const isNew = (rule: MarkRule): boolean =>
    created.has(id(markRuleId(rule))) ||
    created.has(id(serviceId({ by: 'fwmark', mark: rule.mark, family: rule.family })));
  const taking = desired.marks.filter(
    (rule) => isNew(rule) && isServed(rule, review) && marksLogins(rule, wish.director),
  );
  return taking.map((rule) => ({
    code: 'mark-takes-logins',
    severity: 'warning',
    subject: id(markRuleId(rule)),
    message: `logins over SSH, port ${wish.director.port ?? 22}, get mark ${rule.mark} as well: new ones would go to a real server`,
    hint: 'let the rule match the virtual address, an interface, a source, or ports without that of sshd',
  }));
}

/** Whether a rule matches connections from anywhere to the port of sshd, at an address that may be the director's own. */
function marksLogins(rule: MarkRule, { host, port = 22 }: Director): boolean {
  const { protocol, source, destination, inputInterface, family } = rule;
  if (source !== null || inputInterface !== null || (protocol !== null && protocol !== 'tcp')) return false;
  const address = canonicalAddress(host);
  if (address !== undefined && familyOf(address) !== family) return false;
  if (destination !== null && (address === undefined || !holdsAddress(destination, address))) return false;
  return holdsPort(rule, port);
}

function lostAnswers({ wish, desired }: Review): Finding[] {
  return desired.services
    .filter(
      (service) => service.onePacket && service.realServers.some((server) => server.forwarding === 'masquerading'),
    )
    .filter((service) => wish.sources[serviceId(service.key)] !== undefined)
    .map((service) => ({
      code: 'one-packet-masquerading',
      severity: 'warning',
      subject: `${wish.director.name}/${serviceId(service.key)}`,
      message: 'one-packet scheduling does not translate answers: clients of masquerading servers get none',
      hint: 'use Forward.gatewaying() or Forward.ipip()',
    }));
}

/**
 * Edits in place during which the kernel loses connections, whatever the order of the steps. Seen on 6.1:
 *
 * - another scheduler: the service has none from when the old one is let go until a grace period of RCU is over, and
 *   answers "port unreachable" (ip_vs_ctl.c, ip_vs_edit_service);
 * - gatewaying instead of something else, or something else instead of it: a connection keeps the method it began with,
 *   and the real server's cached route is renewed by the next packet sent there. Is that one of a connection that is
 *   masqueraded or tunnelled, then the route has no next hop of its own (ip_vs_xmit.c, IP_VS_RT_MODE_KNOWN_NH), and
 *   gatewayed packets look for the virtual address on the network: those of new connections, or of open ones.
 */
function kernelGaps({ changes }: Review): Finding[] {
  return changes.flatMap((change): Finding[] => {
    if (change.on === 'service' && change.action === 'update' && change.fields.includes('scheduler')) {
      return [
        {
          code: 'scheduler-swap',
          severity: 'info',
          subject: change.id,
          message: 'the kernel refuses new connections for some milliseconds while it swaps schedulers',
        },
      ];
    }
    if (change.on === 'server' && change.action === 'update' && change.before?.weight !== 0) return routeGaps(change);
    return [];
  });
}

function routeGaps({ id, before, after }: ServerChange): Finding[] {
  const [was, now] = [before?.forwarding, after?.forwarding];
  if (was === now || (was !== 'gatewaying' && now !== 'gatewaying')) return [];
  const message =
    now === 'gatewaying'
      ? `while connections forwarded by ${was ?? 'another method'} are alive, the kernel may lose new ones to this real server`
      : 'the kernel may cut the connections to this real server that are open';
  const hint = 'set its weight to 0 in an apply of its own, and change it when its connections are gone';
  return [{ code: 'gatewaying-in-place', severity: 'warning', subject: id, message, hint }];
}
