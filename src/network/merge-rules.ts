/** Routing rules: removed by wildcard, added when no equal one is there. */
import type { DesiredRule } from './desired.js';
import type { Draft } from './merge-draft.js';
import { MAIN_TABLE } from './route.js';
import { ruleMeaning, ruleText } from './rule.js';
import type { IpFamily, RouteRule } from './state.js';

export function mergeRules(draft: Draft): readonly RouteRule[] {
  const absents = draft.desired.rules.filter((rule) => rule.absent);
  const rules = draft.observed.rules.filter((rule) => {
    const matches = absents.some((absent) => isMatch(absent, rule));
    if (matches && rule.foreign) {
      draft.note(
        'route-rules',
        `rule ${ruleText(rule)} stays: it has selectors that netorch does not model`,
      );
    }
    return !matches || rule.foreign;
  });
  for (const item of draft.desired.rules) {
    if (item.absent) continue;
    for (const rule of newRules(item)) {
      const present = rules.some(
        (other) =>
          !other.foreign &&
          ruleMeaning(other) === ruleMeaning(rule) &&
          (rule.priority === undefined || other.priority === rule.priority),
      );
      if (!present) rules.push(rule);
    }
  }
  return rules;
}

function isMatch(absent: DesiredRule, rule: RouteRule): boolean {
  if (absent.exactly !== undefined) return absent.exactly === rule;
  const fits = <T>(wanted: T | undefined, found: T | undefined): boolean =>
    wanted === undefined || wanted === found;
  return (
    fits(absent.family, rule.family) &&
    fits(absent.priority, rule.priority) &&
    fits(absent.from, rule.from) &&
    fits(absent.to, rule.to) &&
    fits(absent.iif, rule.iif) &&
    fits(absent.fwmark, rule.fwmark) &&
    fits(absent.fwmask, rule.fwmask) &&
    fits(absent.table, rule.table) &&
    fits(absent.action, rule.action) &&
    fits(absent.suppressPrefixLength, rule.suppressPrefixLength)
  );
}

function newRules(item: DesiredRule): readonly RouteRule[] {
  const families: readonly IpFamily[] = item.family === undefined ? [] : [item.family];
  return families.map((family) => ({
    family,
    priority: item.priority,
    from: item.from,
    to: item.to,
    iif: item.iif,
    fwmark: item.fwmark,
    fwmask: item.fwmask,
    table: item.action === undefined ? (item.table ?? MAIN_TABLE) : undefined,
    action: item.action,
    ...(item.suppressPrefixLength === undefined
      ? {}
      : { suppressPrefixLength: item.suppressPrefixLength }),
    foreign: false,
  }));
}
