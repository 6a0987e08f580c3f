import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  parseConnections,
  parseDaemons,
  parseMangle,
  parseRulesFile,
  parseSave,
  parseTable,
  parseTimeouts,
  readListing,
  type TableKind,
} from '../../lib/dialect';
import { ParseError } from '../../lib/model';

const FOLDER = join(__dirname, '../fixtures/listings');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

const size = (services: readonly { realServers: readonly unknown[] }[]): string =>
  `${services.length} services, ${services.reduce((sum, { realServers }) => sum + realServers.length, 0)} real servers`;

const save = (text: string): string => size(parseSave(text));
const table = (kind: TableKind) => (text: string) => size(parseTable(text, kind).services);
const connections = (text: string): string => `${parseConnections(text).length} connections`;
const daemons = (text: string): string => parseDaemons(text).map((daemon) => `${daemon.role} ${daemon.syncId}`).join(', '); // prettier-ignore
const mangle = (text: string): string => {
  const { chains, rules } = parseMangle(text, text.includes('ip6tables') ? 'inet6' : 'inet');
  return `${chains.length} chains, ${rules.length} rules, ${rules.filter((rule) => rule.mark !== null).length} marks`;
};
/** Refused by the reader that finds out the kind by itself. */
const refused = (text: string): string => {
  try {
    return readListing(text).kind;
  } catch (error) {
    if (error instanceof ParseError) return `${error.listing}: ${error.reason}`;
    throw error;
  }
};
/** Transcripts and tables of experiments: no listing of any command. */
const record = (text: string): string => (text.length > 0 ? 'a record' : 'nothing');

const NAMES = /names instead of numbers/;
const NEGATIVE = /ipvsadm up to 1.31 can't list or restore/;
const PROC = /^\/proc\/net\/ip_vs: /;
const FULL = '22 services, 23 real servers';

/** Every recording with its reader and what it must find. The first match counts. */
const EXPECTED: readonly (readonly [RegExp, (text: string) => string, string | RegExp])[] = [
  [/^Sn-full\.1\.(?:27|28|29|30|31|31-5)\.txt$/, save, FULL],
  [/^Sn-empty\./, save, '0 services, 0 real servers'],
  [/^Sn-fwmark-fixed\./, save, '5 services, 0 real servers'],
  [/^Sn-fwmark-negative\./, refused, NEGATIVE],
  [/^Sn-sort-overflow\./, save, '7 services, 0 real servers'],
  [/^Sn-wide-weights\./, save, '1 services, 4 real servers'],
  [/^S-full-names\./, refused, NAMES],
  [/^L-full-names\./, refused, NAMES],
  [/^Lc-names\./, refused, NAMES],
  [/^input-full\.rules$/, (text) => size(parseRulesFile(text).services), FULL],
  [/^Ln-(?:full|nosort)\./, table('table'), FULL],
  [/^Ln-empty\./, table('table'), '0 services, 0 real servers'],
  [/^Ln-one-service\./, table('table'), '1 services, 4 real servers'],
  [/^Ln-wide-weights\./, table('table'), '1 services, 4 real servers'],
  [/^Ln-fwmark-negative\./, refused, NEGATIVE],
  [/^Ln-conns\.1/, table('table'), '6 services, 9 real servers'],
  [/^Ln-tun-info\./, table('tunnels'), FULL],
  [/^Ln-thresholds\./, table('thresholds'), FULL],
  [/^Ln-conns-thresholds\./, table('thresholds'), '6 services, 9 real servers'],
  [/^Ln-wide-thresholds\./, table('thresholds'), '1 services, 4 real servers'],
  [/^Ln-persistent-conn\./, table('persistent-connections'), FULL],
  [/^Ln-conns-persistent\./, table('persistent-connections'), '6 services, 9 real servers'],
  [/^Ln-conns-persistent-one\./, table('persistent-connections'), '1 services, 2 real servers'],
  [/^Ln-stats-zero\./, table('stats'), FULL],
  [/^Ln-conns-stats(?:-exact)?\./, table('stats'), '6 services, 9 real servers'],
  [/^Ln-rate-zero\./, table('rate'), FULL],
  [/^Ln-conns-rate\./, table('rate'), '6 services, 9 real servers'],
  [/^Lcn(?:-persistent)?\./, connections, '16 connections'],
  [/^timeout\./, (text) => Object.values(parseTimeouts(text)).join(' '), '900 120 300'],
  [/^daemon-none\.|^daemon-backup\.1\.27/, daemons, ''],
  [/^daemon-master\.|^daemon-both\.1\.27/, daemons, 'master 5'],
  [/^daemon-backup\./, daemons, 'backup 9'],
  [/^daemon-both\./, daemons, 'master 5, backup 9'],
  [/^ip6tables-save-mangle\./, mangle, '5 chains, 1 rules, 1 marks'],
  [/^iptables-save-mangle-empty\./, mangle, '5 chains, 0 rules, 0 marks'],
  [/^iptables-(?:save|save-c|S)-mangle\./, mangle, '6 chains, 5 rules, 3 marks'],
  [/^iptables-save-incompatible\./, refused, /rules made with nft/],
  [/^iptables-S-chain\./, mangle, '1 chains, 3 rules, 2 marks'],
  [/^iptables-S-chain-missing\./, mangle, '0 chains, 0 rules, 0 marks'],
  [/^proc_net_ip_vs/, refused, PROC],
  [/^(?:transcript-.*|R-matrix|edit-semantics|odd-inputs|sysctl-vs-defaults|README)\.txt$|^errors\.tsv$/, record, 'a record'],
]; // prettier-ignore

describe('every recording is read by the parser of its kind, or refused', () => {
  const names = readdirSync(FOLDER, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.meta'))
    .map((entry) => entry.name);

  it('has recordings', () => {
    expect(names.length).toBeGreaterThan(90);
  });

  it.each(names)('%s', (name) => {
    const [, reader, expected] = EXPECTED.find(([pattern]) => pattern.test(name)) ?? [];
    if (reader === undefined || expected === undefined) throw new Error(`${name} has no expectation: add one`);
    if (typeof expected === 'string') expect(reader(read(name))).toBe(expected);
    else expect(reader(read(name))).toMatch(expected);
  });
});

describe('one table, read with six builds', () => {
  it('is the same in 1.31, 1.31-5 and the rules it was made from, thresholds aside', () => {
    const services = parseSave(read('Sn-full.1.31.txt'));
    expect(parseSave(read('Sn-full.1.31-5.txt'))).toEqual(services);
    const made = parseRulesFile(read('input-full.rules')).services;
    const key = (service: { key: unknown }): string => JSON.stringify(service.key);
    const byKey = new Map(made.map((service) => [key(service), service]));
    for (const service of services) {
      const twin = byKey.get(key(service));
      const servers = twin?.realServers.map((server) => ({ ...server, upperThreshold: 0, lowerThreshold: 0 }));
      expect({ ...twin, realServers: new Set(servers) }).toEqual({ ...service, realServers: new Set(service.realServers) }); // prettier-ignore
    }
  });

  it.each(['1.30', '1.29', '1.28'])('differs in %s by tunnel types only', (version) => {
    const plain = parseSave(read('Sn-full.1.31.txt')).map((service) => ({
      ...service,
      realServers: service.realServers.map((server) => ({
        ...server,
        tunnel: server.tunnel === null ? null : { type: 'ipip' },
      })),
    }));
    expect(parseSave(read(`Sn-full.${version}.txt`))).toEqual(plain);
  });

  it('says the same as a table, tunnels and all', () => {
    const listed = parseTable(read('Ln-tun-info.1.31.txt'), 'tunnels').services;
    const saved = parseSave(read('Sn-full.1.31.txt'));
    expect(listed.map(({ key, realServers }) => [key, realServers.map((s) => [s.address, s.port, s.forwarding, s.weight, s.tunnel])])) // prettier-ignore
      .toEqual(saved.map(({ key, realServers }) => [key, realServers.map((s) => [s.address, s.port, s.forwarding, s.weight, s.tunnel])])); // prettier-ignore
  });
});
