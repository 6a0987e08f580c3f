import { type LiveDirector, type Timeouts, TimeoutsResource } from '../../../lib/model';
import type { Meaning } from '../../../lib/artefact';
import type { Values } from '../wire/value';
import { type Kind, kindAttributes } from './kind';

const IMPORT_EXAMPLE = 'timeouts';

/** `ipvs_timeouts`: a director's connection timeouts. */
export const timeouts: Kind = {
  type: 'ipvs_timeouts',
  description:
    'Connection timeouts of a director. They have no "before" to go back to: destroying the resource leaves them as they are.',
  schema: TimeoutsResource,
  attributes: kindAttributes(TimeoutsResource, IMPORT_EXAMPLE),
  identified: true,
  importExample: IMPORT_EXAMPLE,
  look: ({ table }, meaning) => form(table.timeouts, declared(meaning)),
  plain: (meaning) => form(declared(meaning), declared(meaning)),
  find: (live, id) => (id === 'timeouts' ? whole(live) : null),
  list: () => ['timeouts'],
};

function declared({ entries: [entry] }: Meaning): Partial<Timeouts> {
  return entry?.on === 'timeouts' ? entry.timeouts : {};
}

function whole({ table }: LiveDirector): Values {
  return form(table.timeouts, table.timeouts);
}

/** What is left open stays open. */
function form(values: Partial<Timeouts>, given: Partial<Timeouts>): Values {
  const pick = (name: keyof Timeouts): number | null => (given[name] === undefined ? null : (values[name] ?? null));
  return { tcp_seconds: pick('tcpSeconds'), tcp_fin_seconds: pick('tcpFinSeconds'), udp_seconds: pick('udpSeconds') };
}
