import { type LiveDirector, markMatch, type MarkRule, markRuleId, MarkRuleResource } from '../../../lib/model';
import type { Meaning } from '../../../lib/artefact';
import type { Values } from '../wire/value';
import { type Kind, kindAttributes } from './kind';

const IMPORT_EXAMPLE = 'mark/12/inet/tcp/192.0.2.1/32:80,443';

/** `ipvs_mark_rule`: iptables rules that mark packets on their way into IPVS. */
export const markRule: Kind = {
  type: 'ipvs_mark_rule',
  description: 'Rules of iptables that mark packets on their way into IPVS, in a chain of the stack.',
  schema: MarkRuleResource,
  attributes: kindAttributes(MarkRuleResource, IMPORT_EXAMPLE),
  // What it matches is its id, and another match is swapped in at once instead of being deleted and made anew.
  identified: false,
  importExample: IMPORT_EXAMPLE,
  look: (live, meaning) => {
    const declared = rulesOf(meaning);
    const there = seen(live);
    const ids = new Set(there.map(markRuleId));
    const present = declared.filter((rule) => ids.has(markRuleId(rule)));
    if (present.length > 0) return form(present);
    // The same packets with another mark: that is a change, not an absence.
    const matches = new Set(declared.map(markMatch));
    const changed = there.filter((rule) => matches.has(markMatch(rule)));
    return changed.length === 0 ? null : form(changed);
  },
  plain: (meaning) => form(rulesOf(meaning)),
  find: (live, id) => {
    const rule = seen(live).find((candidate) => markRuleId(candidate) === id);
    return rule === undefined ? null : form([rule]);
  },
  list: (live) => live.table.marks.map(markRuleId),
};

/** Rules that packets meet: those of a chain nobody jumps to mark nothing. */
function seen(live: LiveDirector): MarkRule[] {
  return [...live.table.marks.filter(({ family }) => live.chain[family].jumps > 0), ...live.otherMarks];
}

function rulesOf({ entries }: Meaning): MarkRule[] {
  return entries.flatMap((entry) => (entry.on === 'mark' ? [entry.rule] : []));
}

function form(rules: readonly MarkRule[]): Values {
  const [rule] = rules;
  if (rule === undefined) throw new RangeError('a mark rule is at least one rule');
  const address = rule.destination ?? rule.source;
  return {
    mark: rule.mark,
    family: address === null && rule.family === 'inet6' ? 'inet6' : null,
    protocol: rule.protocol,
    destination: rule.destination,
    source: rule.source,
    input_interface: rule.inputInterface,
    ports: rules.flatMap(({ ports }) => ports),
  };
}
