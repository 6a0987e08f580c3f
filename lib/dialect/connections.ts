import { misread, readLines, splitWords } from './text';
import { readEngine, readHostPort } from './values';

type Endpoint = { address: string; port: number };

/** One entry of the kernel's connection table. */
export interface Connection {
  /** `tcp`, `udp`, `sctp`, `esp`, `ah`; `ip` for the persistence template of a fwmark service. */
  protocol: string;
  expiresSeconds: number;
  state: string;
  /** A port of 0 means a persistence template: it binds a client, it is not a connection. */
  source: Endpoint;
  /** A port of 65535 means a template that no longer binds. */
  virtual: Endpoint;
  destination: Endpoint;
  /** The mark of a fwmark service's template. Its connections show no sign of it. */
  mark: number | null;
  persistenceEngine: string | null;
  persistenceData: string | null;
}

const TITLE = 'IPVS connection entries';
const HEADER = 'pro expire state source virtual destination';
const HEADER_WITH_ENGINE = `${HEADER} pe name pe_data`;
const PROTOCOLS: ReadonlySet<string> = new Set(['TCP', 'UDP', 'SCTP', 'ESP', 'AH', 'IP']);

/** Reads `ipvsadm -Lcn`, with or without `--persistent-conn`. @throws ParseError */
export function parseConnections(text: string): Connection[] {
  const connections: Connection[] = [];
  let headers = 0;
  readLines('ipvsadm -Lcn', text, (line) => {
    const words = splitWords(line);
    if (headers === 2) {
      connections.push(readConnection(words));
      return;
    }
    const expected = headers === 0 ? [TITLE] : [HEADER, HEADER_WITH_ENGINE];
    if (!expected.includes(words.join(' '))) misread('expected the headers of ipvsadm -Lcn');
    headers += 1;
  });
  return connections;
}

function readConnection(words: readonly string[]): Connection {
  const [protocol = '', expire = '', state = '', source = '', virtual = '', destination = '', engine, ...data] = words;
  if (!PROTOCOLS.has(protocol)) misread(`'${protocol}' is not a protocol`);
  const [, minutes, seconds] = /^(\d+):(\d\d)$/.exec(expire) ?? misread(`'${expire}' is not minutes and seconds`);
  // `ERR!` for protocols whose states the kernel does not follow, as ESP (ip_vs_proto.c, ip_vs_state_name).
  if (!/^[A-Z_0-9]+!?$/.test(state)) misread(`'${state}' is not a state`);
  const service = readHostPort(virtual);
  return {
    protocol: protocol.toLowerCase(),
    expiresSeconds: Number(minutes) * 60 + Number(seconds),
    state,
    source: readHostPort(source),
    virtual: service,
    destination: readHostPort(destination),
    mark: protocol === 'IP' ? markOf(service.address) : null,
    persistenceEngine: engine === undefined ? null : readEngine(engine),
    persistenceData: data.length === 0 ? null : data.join(' '),
  };
}

/** The kernel puts the mark into the first four bytes of the template's address (ip_vs_core.c, ip_vs_sched_persist). */
function markOf(address: string): number | null {
  if (!address.includes(':')) return address.split('.').reduce((mark, byte) => mark * 256 + Number(byte), 0);
  const [high = '', low = ''] = address.split(':');
  return parseInt(high || '0', 16) * 65536 + parseInt(low || '0', 16);
}
