/** Short words for routes, rules and DNS to nmstate's keys. */
import {
  childOf,
  composeMap,
  isPlainMap,
  locatedEntries,
  locatedItems,
} from '../config/located.js';
import type { Located } from '../config/located.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError } from '../errors.js';
import { canonicalIp, defaultDestination } from './ip.js';
import { ShorthandTree, valueFrom } from './shorthand-tree.js';

const ROUTE_WORDS: Readonly<Record<string, string>> = {
  to: 'destination',
  via: 'next-hop-address',
  dev: 'next-hop-interface',
  table: 'table-id',
  from: 'source',
  src: 'source',
  type: 'route-type',
};

const RULE_WORDS: Readonly<Record<string, string>> = {
  from: 'ip-from',
  to: 'ip-to',
  table: 'route-table',
};

const DNS_WORDS: Readonly<Record<string, string>> = { servers: 'server', domains: 'search' };

/** A list of routes, or a map from destinations to gateways. */
export function routeItems(value: Located, errors: NetorchError[]): readonly Located[] {
  if (Array.isArray(value.value)) return locatedItems(value);
  if (isPlainMap(value.value)) {
    return locatedEntries(value).map(([to, via]) =>
      valueFrom({ to, via: via.value }, via.locate([])),
    );
  }
  const text = `routes is ${valueText(value.value)}, must be a list of routes like {to: 198.51.100.0/24, via: 192.0.2.1}`;
  errors.push(new NetorchError('INVALID_VALUE', text, { location: value.locate([]) }));
  return [];
}

/** `device`: the interface that the route stands on, unless it names one itself. */
export function expandRoute(
  item: Located,
  device: string | undefined,
  errors: NetorchError[],
): Located {
  if (!isPlainMap(item.value)) return item; // the schema of routes says what is wrong
  const at = item.locate([]);
  const tree = renamed(item, ROUTE_WORDS, 'a route', errors);
  if (device !== undefined && !tree.has(['next-hop-interface']) && !tree.has(['route-type'])) {
    tree.put(['next-hop-interface'], valueFrom(device, at), 'a route', errors);
  }
  const route = tree.toLocated();
  if (childOf(route.value, 'destination') !== 'default') return route;
  const gateway = childOf(route.value, 'next-hop-address');
  const via = typeof gateway === 'string' ? canonicalIp(gateway) : undefined;
  const parts = new Map(locatedEntries(route));
  parts.set(
    'destination',
    valueFrom(defaultDestination(via?.family ?? 'ipv4'), route.locate(['destination'])),
  );
  return composeMap(parts, at);
}

export function expandRule(item: Located, errors: NetorchError[]): Located {
  if (!isPlainMap(item.value)) return item;
  return renamed(item, RULE_WORDS, 'a rule', errors).toLocated();
}

/** A list of servers, or `{servers, search, options}`. */
export function expandDns(value: Located, errors: NetorchError[]): Located {
  if (!isPlainMap(value.value)) {
    const servers = typeof value.value === 'string' ? [value.value] : value.value;
    return valueFrom({ server: servers }, value.locate([]));
  }
  return renamed(value, DNS_WORDS, 'dns', errors).toLocated();
}

function renamed(
  item: Located,
  words: Readonly<Record<string, string>>,
  owner: string,
  errors: NetorchError[],
): ShorthandTree {
  const tree = new ShorthandTree(item.locate([]));
  for (const [key, value] of locatedEntries(item)) {
    const word = Object.hasOwn(words, key) ? words[key] : undefined;
    tree.put([word ?? key], value, owner, errors);
  }
  return tree;
}
