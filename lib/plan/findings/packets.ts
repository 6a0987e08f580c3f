/** What happens to packets, whatever the order of the steps: marks that lead astray, and gaps in the kernel's own edits. */
import { type Finding, markRuleId, serviceId } from '../../model';
import { conflictingMarks } from '../marks';
import type { Review } from './review';

export function packetFindings(review: Review): Finding[] {
  return [...markConflicts(review), ...marksWithoutService(review), ...lostAnswers(review), ...kernelGaps(review)];
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

function marksWithoutService({ wish, desired }: Review): Finding[] {
  const served = new Set(
    desired.services.flatMap(({ key }) => (key.by === 'fwmark' ? [`${key.family}/${key.mark}`] : [])),
  );
  const unserved = desired.marks.filter((rule) => !served.has(`${rule.family}/${rule.mark}`));
  return unserved.map((rule) => ({
    code: 'mark-without-service',
    severity: 'warning',
    subject: `${wish.director.name}/${markRuleId(rule)}`,
    message: `packets get mark ${rule.mark}, but no ${rule.family === 'inet' ? 'IPv4' : 'IPv6'} service listens to it`,
  }));
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
 * Edits in place during which the kernel loses new connections, whatever the order of the steps. Seen on 6.1:
 *
 * - another scheduler: the service has none from when the old one is let go until a grace period of RCU is over, and
 *   answers "port unreachable" (ip_vs_ctl.c, ip_vs_edit_service);
 * - gatewaying instead of something else: the real server's cached route is renewed by the next packet sent there. Is
 *   that one of a connection that is still masqueraded or tunnelled, then the route has no next hop of its own
 *   (ip_vs_xmit.c, IP_VS_RT_MODE_KNOWN_NH), and gatewayed packets look for the virtual address on the network.
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
    if (
      change.on === 'server' &&
      change.action === 'update' &&
      change.fields.includes('forwarding') &&
      change.after?.forwarding === 'gatewaying' &&
      change.before?.weight !== 0
    ) {
      return [
        {
          code: 'gatewaying-in-place',
          severity: 'warning',
          subject: change.id,
          message: `while connections forwarded by ${change.before?.forwarding ?? 'another method'} are alive, the kernel may lose new ones to this real server`,
          hint: 'set its weight to 0 in an apply of its own, and change it when its connections are gone',
        },
      ];
    }
    return [];
  });
}
