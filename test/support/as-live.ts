import { type DesiredDirector, type DirectorTable, type LiveDirector, NO_RECORDS } from '../../lib/model';

/** A table as if it had been read from a director of Debian 12. */
export function asLive(table: DirectorTable): LiveDirector {
  const chain = (family: 'inet' | 'inet6') => {
    const present = table.marks.some((rule) => rule.family === family);
    return { present, jumps: present ? 1 : 0 };
  };
  return {
    table,
    otherMarks: [],
    chain: { inet: chain('inet'), inet6: chain('inet6') },
    capabilities: { ipvsadm: '1.31', kernel: '6.1.0', iptables: { inet: 'nft', inet6: 'nft' }, maxWeight: 2147483647 },
    connections: {},
    settings: { expireNodestConn: false, expireQuiescentTemplate: false },
    records: NO_RECORDS,
  };
}

/** The wish for exactly this table and nothing else. */
export function asWish(
  table: DirectorTable,
  director: DesiredDirector['director'] = { name: 'lb1', host: 'lb1' },
): DesiredDirector {
  return { director: { ...director, owns: 'table' }, table, policies: {}, sources: {} };
}
