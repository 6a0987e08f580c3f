/** Who made what, and what follows from it: removals by ownership, ledgers, and what the director undid itself. */
import { type Finding, isTakenBack, recordName, RETRY_UNDO, serviceId } from '../../model';
import type { Review } from './review';

const ADOPT = '`lvsform adopt` writes it anew';

export function ownershipFindings(review: Review): Finding[] {
  return [
    ...undone(review),
    ...unconfirmed(review),
    ...unreadableLedger(review),
    ...missingLedger(review),
    ...undeclaredRemovals(review),
    ...keptForOthers(review),
    ...takenFromOthers(review),
  ];
}

/** The last apply was taken back, or a part of it: by the director itself, or by a rollback. */
function undone({ stack, live }: Review): Finding[] {
  const undo = live.records.undo[recordName(stack)];
  if (undo === undefined || !isTakenBack(undo)) return [];
  const detail = undo.detail === '' ? '' : `: ${undo.detail}`;
  if (undo.state === 'stuck')
    return [{ code: 'undone', severity: 'warning', message: `the undo of the last apply was refused in part${detail}`, hint: RETRY_UNDO }]; // prettier-ignore
  const left = undo.state === 'partly' ? ' as far as nobody had changed it since' : '';
  const message = `the last apply was undone${left}${detail}`;
  return [{ code: 'undone', severity: 'warning', message }];
}

/** An apply is under way elsewhere, or its client has just died. */
function unconfirmed({ stack, live }: Review): Finding[] {
  if (live.records.undo[recordName(stack)]?.state !== 'armed') return [];
  const message = 'the last apply is not confirmed yet: what is live now may be taken back by the director itself';
  return [{ code: 'unconfirmed', severity: 'warning', message, hint: 'plan again in a moment; `lvsform locks` shows who is at work' }]; // prettier-ignore
}

function unreadableLedger({ stack, ledgers }: Review): Finding[] {
  if (ledgers.state !== 'corrupt') return [];
  const message = `the ledger of stack ${stack} can't be read: nothing is removed that is not declared`;
  return [{ code: 'ledger-corrupt', severity: 'warning', message, hint: ADOPT }];
}

/** Services that are there already become the stack's own. */
function missingLedger({ wish, live, ledgers, destroy }: Review): Finding[] {
  if (ledgers.state !== 'missing' || destroy) return [];
  const there = new Set(live.table.services.map((service) => serviceId(service.key)));
  const adopted = wish.table.services.filter((service) => there.has(serviceId(service.key)));
  if (adopted.length === 0) return [];
  const message =
    'there is no ledger, but declared services are live: the next apply that changes something records them';
  return [{ code: 'ledger-missing', severity: 'info', message, hint: '`lvsform adopt` records them now' }];
}

/** `owns: 'table'` says in so many words what it removes. */
function undeclaredRemovals({ wish, changes, destroy }: Review): Finding[] {
  if (wish.director.owns !== 'table' || destroy) return [];
  const { name } = wish.director;
  const absent = new Set((wish.absent ?? []).map((key) => `${name}/${serviceId(key)}`));
  const removed = changes.filter(
    ({ on, action, id }) => action === 'delete' && (on === 'service' || on === 'daemon') && !absent.has(id),
  );
  if (removed.length === 0) return [];
  const message = `owns: 'table': everything this stack does not declare is removed: ${removed.map((change) => change.id).join(', ')}`;
  return [{ code: 'removes-undeclared', severity: 'warning', message }];
}

/** `owns: 'table'` ends where another stack's ledger begins. */
function keptForOthers({ wish, ledgers, spared }: Review): Finding[] {
  const { name } = wish.director;
  const byStack = new Map<string, string[]>();
  const unknown: string[] = [];
  for (const id of spared) {
    const stack = ledgers.others.get(id);
    if (stack === undefined) unknown.push(`${name}/${id}`);
    else byStack.set(stack, [...(byStack.get(stack) ?? []), `${name}/${id}`]);
  }
  return [
    ...[...byStack].map(([stack, ids]): Finding => ({
      code: 'kept-other-stack',
      severity: 'info',
      message: `owns: 'table', but stack ${stack} made these, so they stay: ${ids.join(', ')}`,
    })),
    ...(unknown.length === 0
      ? []
      : [
          {
            code: 'ledger-corrupt',
            severity: 'warning' as const,
            message: `owns: 'table', but the ledger ${ledgers.unreadable.join(', ')} can't be read, so what may be that stack's stays: ${unknown.join(', ')}`,
            hint: ADOPT,
          },
        ]),
  ];
}

/** What is declared absent goes whoever made it, and its maker may bring it back. */
function takenFromOthers({ wish, ledgers, changes }: Review): Finding[] {
  const { name } = wish.director;
  return (wish.absent ?? []).flatMap((key): Finding[] => {
    const id = serviceId(key);
    const stack = ledgers.others.get(id);
    const goes = changes.some((change) => change.on === 'service' && change.id === `${name}/${id}`);
    if (stack === undefined || !goes) return [];
    const message = `is removed, though stack ${stack} made it: its next apply makes it again if it still declares it`;
    return [{ code: 'absent-other-stack', severity: 'warning', subject: `${name}/${id}`, message }];
  });
}
