import { type DirectorTable, hostPort, type LiveDirector, markMatch, serviceId } from '../model';
import { PLAIN, type Style } from './style';
import { formatValue, persistenceWords } from './words';

/** A director's table for people; entries in `ours` are told apart from foreign ones. */
export function renderTable(
  director: string,
  live: LiveDirector,
  ours: ReadonlySet<string>,
  style: Style = PLAIN,
): string {
  const { table, otherMarks, capabilities } = live;
  const owner = (id: string): string => (ours.has(id) ? '' : style.faint('  (foreign)'));
  const lines = [
    style.strong(director) + style.faint(`  ipvsadm ${capabilities.ipvsadm}, kernel ${capabilities.kernel}`),
    ...table.services.flatMap((service) => [
      `  ${serviceId(service.key)}  ${serviceWords(service)}${owner(serviceId(service.key))}`,
      ...service.realServers.map((server) => {
        const thresholds =
          server.upperThreshold > 0 ? `  thresholds ${server.upperThreshold}/${server.lowerThreshold}` : '';
        const tunnel =
          server.tunnel === null || server.tunnel.type === 'ipip' ? '' : `  tunnel ${formatValue(server.tunnel)}`;
        return `    -> ${hostPort(server.address, server.port)}  ${server.forwarding}  weight ${server.weight}${thresholds}${tunnel}`;
      }),
    ]),
    ...table.marks.map((rule) => `  mark ${rule.mark}  ${markMatch(rule)}`),
    ...otherMarks.map((rule) => `  mark ${rule.mark}  ${markMatch(rule)}${style.faint('  (rule in PREROUTING)')}`),
    `  timeouts  tcp ${table.timeouts.tcpSeconds} s, tcpFin ${table.timeouts.tcpFinSeconds} s, udp ${table.timeouts.udpSeconds} s`,
    ...table.daemons.map(
      (daemon) => `  sync ${daemon.role}  ${daemon.interface}, id ${daemon.syncId}${owner(`sync/${daemon.role}`)}`,
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function serviceWords(service: DirectorTable['services'][number]): string {
  const words = [
    service.scheduler,
    ...service.schedulerFlags,
    ...(service.persistence === null ? [] : [`persistent ${persistenceWords(service.persistence)}`]),
    ...(service.persistenceEngine === null ? [] : [`engine ${service.persistenceEngine}`]),
    ...(service.onePacket ? ['one-packet'] : []),
  ];
  return words.join(' ');
}
