/** Mark rules in mangle PREROUTING that are not ours: they stay, whatever a stack owns, since marks serve routing too. */
import { type DesiredDirector, type LiveDirector, markMatch, type MarkRule, markRuleId } from '../model';

/** Declared mark rules that no rule outside our chain already provides, e.g. one written by hand before the import. */
export function missingMarks(declared: readonly MarkRule[], others: readonly MarkRule[]): MarkRule[] {
  const provided = new Set(others.map(markRuleId));
  return declared.filter((rule) => !provided.has(markRuleId(rule)));
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
