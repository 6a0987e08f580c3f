/** Mark rules in mangle PREROUTING that are not ours: they stay, whatever a stack owns, since marks serve routing too. */
import { type DesiredDirector, type LiveDirector, markMatch, type MarkRule, markRuleId } from '../model';

/** Declared mark rules that no rule outside our chain already provides, e.g. one written by hand before the import. */
export function missingMarks(declared: readonly MarkRule[], others: readonly MarkRule[]): MarkRule[] {
  const provided = new Set(others.map(markRuleId));
  return declared.filter((rule) => !provided.has(markRuleId(rule)));
}

/** Rules of our chain as packets see them: in one that PREROUTING does not jump to they mark nothing. */
export function reachedMarks({ table, chain }: LiveDirector): MarkRule[] {
  return table.marks.filter(({ family }) => chain[family].jumps > 0);
}

/**
 * Declared rules that our chain shall hold: those nobody else provides, and those it holds already. After a boot that
 * restored both, ours stays: it does no harm, and the other one may be gone with the next boot.
 */
export function chainMarks(declared: readonly MarkRule[], live: LiveDirector): MarkRule[] {
  const missing = missingMarks(declared, live.otherMarks);
  const held = new Set([...reachedMarks(live), ...missing].map(markRuleId));
  return declared.filter((rule) => held.has(markRuleId(rule)));
}

/** Rules of the stack that are not in its chain because somebody else provides them, each once. @param isOwn by id */
export function providedMarks(live: LiveDirector, isOwn: (id: string) => boolean): MarkRule[] {
  const others = new Map(live.otherMarks.map((rule) => [markRuleId(rule), rule]));
  return missingMarks([...others.values()], live.table.marks).filter((rule) => isOwn(markRuleId(rule)));
}

export function foreignMarks(wish: DesiredDirector, live: LiveDirector): MarkRule[] {
  const declared = new Set(wish.table.marks.map(markRuleId));
  return live.otherMarks.filter((rule) => !declared.has(markRuleId(rule)));
}

/** Mark rules outside our chain that match just what a declared one matches and set another mark. */
export function conflictingMarks(wish: DesiredDirector, live: LiveDirector): MarkRule[] {
  const declared = new Map(wish.table.marks.map((rule) => [markMatch(rule), rule.mark]));
  return live.otherMarks.filter((rule) => {
    const mark = declared.get(markMatch(rule));
    return mark !== undefined && mark !== rule.mark;
  });
}
