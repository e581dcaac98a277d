/** Policy routing: rules come and go one by one. */
import { ruleMeaning, ruleText } from '../network/rule.js';
import type { RouteRule } from '../network/state.js';
import type { PlanDraft, Why } from './plan-draft.js';

export function settleRules(draft: PlanDraft): void {
  const text = (rule: RouteRule) => `${rule.priority ?? ''} ${ruleMeaning(rule)}`;
  const matches = (wanted: RouteRule, rule: RouteRule) =>
    ruleMeaning(wanted) === ruleMeaning(rule) &&
    (wanted.priority === undefined || wanted.priority === rule.priority);
  for (const rule of [...draft.model.rules]) {
    if (rule.foreign || draft.input.target.rules.some((wanted) => matches(wanted, rule))) continue;
    draft.emit(
      {
        id: `remove rule ${text(rule)}`,
        action: 'delete',
        object: 'rule',
        summary: `remove rule ${ruleText(rule)}`,
        why: whyRule(draft, rule, true),
      },
      { op: 'delete-rule', rule },
    );
  }
  for (const wanted of draft.input.target.rules) {
    if (wanted.foreign || draft.model.rules.some((rule) => matches(wanted, rule))) continue;
    const inTheWay = draft.model.rules.filter((rule) => countsAsEqual(wanted, rule));
    draft.emit(
      {
        id: `add rule ${text(wanted)}`,
        action: 'create',
        object: 'rule',
        summary: `add rule ${ruleText(wanted)}`,
        why: whyRule(draft, wanted, false),
      },
      ...inTheWay.map((rule) => ({ op: 'delete-rule', rule }) as const),
      { op: 'add-rule', rule: wanted },
      ...inTheWay.map((rule) => ({ op: 'add-rule', rule }) as const),
    );
  }
}

function whyRule(draft: PlanDraft, rule: RouteRule, absent: boolean): Why {
  const wanted = draft.input.desired.rules.find(
    (item) =>
      item.absent === absent &&
      (item.exactly === undefined || ruleMeaning(item.exactly) === ruleMeaning(rule)) &&
      (item.from === undefined || item.from === rule.from) &&
      (item.to === undefined || item.to === rule.to) &&
      (item.table === undefined || item.table === rule.table),
  );
  return { text: wanted?.reason ?? 'route-rules', location: wanted?.location };
}

/**
 * net/ipv4/fib_rules.c, fib4_rule_compare: a new rule without a source or destination counts as there
 * already (EEXIST) when one of the same priority is, which has one. The other way round it does not.
 */
function countsAsEqual(wanted: RouteRule, present: RouteRule): boolean {
  const strip = (rule: RouteRule): RouteRule => ({
    ...rule,
    from: wanted.from === undefined ? undefined : rule.from,
    to: wanted.to === undefined ? undefined : rule.to,
  });
  return (
    !present.foreign &&
    wanted.priority !== undefined &&
    wanted.priority === present.priority &&
    ruleMeaning(strip(present)) === ruleMeaning(wanted)
  );
}
