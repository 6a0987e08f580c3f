import { confirm, type DirectorLock, fetchLive, withLock } from '../../apply';
import {
  type Author,
  chainName,
  type Ledger,
  type LiveDirector,
  markRuleId,
  recordName,
  serviceId,
  UsageError,
} from '../../model';
import { adoptedLedger } from '../../pipeline';
import { authorOf } from '../../author';
import type { AddCommand } from '../command';
import { type Visit, visitDirectors } from '../directors';
import { type DirectorFlags, positive, type ProjectFlags, withDirectors, withProject } from '../options';
import { VERSION } from '../version';

interface AdoptFlags extends ProjectFlags, DirectorFlags {
  entry?: string[];
  lockTimeout?: number;
}

export const addAdopt: AddCommand = (program, io, exit) => {
  const command = program
    .command('adopt')
    .description("record entries that are on the directors already as the stack's own")
    .argument('[stack...]', 'only these stacks')
    .option(
      '--entry <id...>',
      'also these, e.g. tcp/192.0.2.1:80: the next apply removes them unless they are declared',
    )
    .option('--lock-timeout <seconds>', 'wait this long for an apply to finish', positive)
    .addHelpText(
      'after',
      `
What a stack made is remembered on each director, in /var/lib/lvsform. When that record is lost or damaged nothing is
deleted because of it, and this writes a new one: what the stack declares and the director has. Entries of another
stack's record are taken over from it. No table is changed.`,
    );
  withDirectors(withProject(command)).action(async (names: string[], flags: AdoptFlags) => {
    const author = authorOf(io);
    const code = await visitDirectors(names, flags, io, async (visit) => {
      const { stack, access } = visit;
      const entries = await withLock(access, { stack, author, waitSeconds: flags.lockTimeout ?? 0 }, (lock) =>
        adopt(visit, lock, author, flags.entry ?? []),
      );
      io.out(`${access.name}: stack ${stack} owns ${entries.length === 0 ? 'nothing' : entries.join(', ')}\n`);
    });
    exit(code);
  });
};

async function adopt(
  { stack, wish, access }: Visit,
  lock: DirectorLock,
  author: Author,
  wanted: readonly string[],
): Promise<string[]> {
  const live = await fetchLive(access, chainName(stack));
  const there = liveIds(live);
  // Boot files hold a mark rule also where somebody else's provides it.
  const persisted = wish.director.persist === true ? live.otherMarks.map(markRuleId) : [];
  const missing = wanted.filter((id) => !there.has(id));
  if (missing.length > 0)
    throw new UsageError('no-entry', `${access.name} has no ${missing.join(', ')}`, {
      hint: `it has ${[...there].join(', ') || 'nothing'}`,
    });
  const record = recordName(stack);
  const at = new Date().toISOString();
  const ledger = adoptedLedger(stack, wish, live, {
    there: new Set([...there, ...persisted]),
    wanted,
    tool: VERSION,
    author,
    at,
  });
  const { entries } = ledger;
  const note = { at, ...author, stack, outcome: 'adopted', changes: entries };
  for (const [name, other] of Object.entries(live.records.ledgers)) {
    if (name === record || other === 'corrupt' || !other.entries.some((id) => entries.includes(id))) continue;
    const rest: Ledger = { ...other, entries: other.entries.filter((id) => !entries.includes(id)) };
    await confirm(access, { token: lock.token, record: name }, rest, note);
  }
  await confirm(access, { token: lock.token, record }, ledger, note);
  return entries;
}

function liveIds({ table }: LiveDirector): Set<string> {
  return new Set([
    ...table.services.map(({ key }) => serviceId(key)),
    ...table.daemons.map(({ role }) => `sync/${role}`),
    ...table.marks.map(markRuleId),
    'timeouts',
  ]);
}
