/**
 * The shorthand of network plans (`bonds:`, `vlans:`, `bridges:`, `ip:` …), expanded to nmstate's
 * long form. Every value keeps the place it was written at, so that errors point into the shorthand.
 *
 * Two steps, because a plan may come from several sources (play, groups, host): `expandShorthand` is for
 * each source before they are merged, `finishShorthand` for the merged plan. Both leave a document in
 * the long form as it is.
 */
import {
  childOf,
  composeList,
  composeMap,
  isPlainMap,
  locatedAt,
  locatedEntries,
  locatedItems,
} from '../config/located.js';
import type { Located } from '../config/located.js';
import { valueText } from '../config/schema-errors.js';
import { NetorchError, throwCollected } from '../errors.js';
import { canonicalIp, defaultDestination } from './ip.js';
import {
  FROM_NAME,
  GATEWAY,
  SHORTHAND_SECTIONS,
  expandInterfaceItem,
  expandSectionItem,
} from './shorthand-interface.js';
import { expandDns, expandRoute, expandRule, routeItems } from './shorthand-routes.js';
import { ShorthandTree, valueFrom } from './shorthand-tree.js';

/**
 * One source's plan without sections of the shorthand. Throws INVALID_VALUE, UNKNOWN_KEY and
 * PLAN_CONFLICT (two words of one source that contradict each other), all of them at once.
 */
export function expandShorthand(document: Located): Located {
  if (!isPlainMap(document.value)) return document;
  const errors: NetorchError[] = [];
  const routes: Located[] = [];
  const rules: Located[] = [];
  const interfaces = new Interfaces(locatedAt(document, ['interfaces']), errors, routes);
  const parts = new Map<string, Located>();
  for (const [key, value] of locatedEntries(document)) {
    const type = Object.hasOwn(SHORTHAND_SECTIONS, key) ? SHORTHAND_SECTIONS[key] : undefined;
    if (type !== undefined) interfaces.addSection(key, type, value);
    else if (key === 'routes' && Array.isArray(value.value)) {
      for (const item of routeItems(value, errors)) {
        routes.push(expandRoute(item, undefined, errors));
      }
    } else if (key === 'rules') {
      if (Array.isArray(value.value)) {
        rules.push(...locatedItems(value).map((item) => expandRule(item, errors)));
      } else if (value.value !== null) parts.set('route-rules', value);
    } else if (key === 'dns') {
      if (value.value === null) continue;
      const own = document.locate([key]);
      const config = new Map([['config', expandDns(value, errors)]]);
      join(parts, 'dns-resolver', composeMap(config, own), errors);
    } else if (key === 'dns-resolver') join(parts, key, value, errors);
    else parts.set(key, value);
  }
  const list = interfaces.toList();
  if (list !== undefined) parts.set('interfaces', list);
  append(parts, 'routes', routes);
  append(parts, 'route-rules', rules);
  throwCollected(errors);
  return composeMap(parts, document.locate([]));
}

/** The merged plan with what only the whole can tell: default routes, bases and ids out of names. */
export function finishShorthand(document: Located): Located {
  const list = childOf(document.value, 'interfaces');
  if (!Array.isArray(list)) return document;
  if (!list.some((item) => hasKey(item, GATEWAY) || hasKey(item, FROM_NAME))) return document;
  const errors: NetorchError[] = [];
  const routes: Located[] = [];
  const items = locatedItems(locatedAt(document, ['interfaces'])).map((item) =>
    finishInterface(item, routes, errors),
  );
  throwCollected(errors);
  const parts = new Map(locatedEntries(document));
  parts.set('interfaces', composeList(items, document.locate(['interfaces'])));
  append(parts, 'routes', routes);
  return composeMap(parts, document.locate([]));
}

class Interfaces {
  readonly #written: Located;
  readonly #errors: NetorchError[];
  readonly #routes: Located[];
  readonly #items: (Located | ShorthandTree)[] = [];
  readonly #byName = new Map<string, ShorthandTree>();

  constructor(written: Located, errors: NetorchError[], routes: Located[]) {
    this.#written = written;
    this.#errors = errors;
    this.#routes = routes;
    for (const item of locatedItems(written)) {
      const name = childOf(item.value, 'name');
      // What has no name, or one that is there already, is complained about later, as it stands.
      if (typeof name !== 'string' || this.#byName.has(name)) {
        this.#items.push(item);
        continue;
      }
      expandInterfaceItem(this.#tree(name, item), name, item, { errors, routes });
    }
  }

  addSection(section: string, type: string, value: Located): void {
    if (value.value === null) return;
    if (!isPlainMap(value.value)) {
      const text = `${section} is ${valueText(value.value)}, must be a map from names to interfaces`;
      this.#errors.push(new NetorchError('INVALID_VALUE', text, { location: value.locate([]) }));
      return;
    }
    for (const [name, item] of locatedEntries(value)) {
      const collected = { errors: this.#errors, routes: this.#routes };
      expandSectionItem(this.#tree(name, item), type, name, item, collected);
    }
  }

  /** undefined: no interface is named at all; what is no list stays for the schema to complain about. */
  toList(): Located | undefined {
    const { value } = this.#written;
    if (value !== undefined && value !== null && !Array.isArray(value)) return this.#written;
    if (this.#items.length === 0) return value === undefined ? undefined : this.#written;
    const items = this.#items.map((item) =>
      item instanceof ShorthandTree ? item.toLocated() : item,
    );
    return composeList(items, this.#written.locate([]));
  }

  #tree(name: string, item: Located): ShorthandTree {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const tree = new ShorthandTree(item.locate([]));
    this.#byName.set(name, tree);
    this.#items.push(tree);
    return tree;
  }
}

function finishInterface(item: Located, routes: Located[], errors: NetorchError[]): Located {
  if (!isPlainMap(item.value)) return item;
  const tree = new ShorthandTree(item.locate([]));
  const name = String(item.value['name']);
  const owner = `"${name}"`;
  for (const [key, value] of locatedEntries(item)) {
    if (key === GATEWAY) routes.push(...gatewayRoutes(name, value, errors));
    else if (key !== FROM_NAME) tree.put([key], value, owner, errors);
  }
  if (item.value[FROM_NAME] === true && item.value['state'] !== 'absent') {
    const at = item.locate([FROM_NAME]);
    const dotted = /^(.+)\.(\d{1,4})$/.exec(name);
    const base = dotted?.[1];
    const id = dotted?.[2] ?? /^vlan-?0*(\d{1,4})$/i.exec(name)?.[1];
    if (base !== undefined && !tree.has(['vlan', 'base-iface'])) {
      tree.put(['vlan', 'base-iface'], valueFrom(base, at), owner, errors);
    }
    if (id !== undefined && !tree.has(['vlan', 'id'])) {
      tree.put(['vlan', 'id'], valueFrom(Number(id), at), owner, errors);
    }
  }
  return tree.toLocated();
}

function gatewayRoutes(name: string, value: Located, errors: NetorchError[]): readonly Located[] {
  const entries = Array.isArray(value.value) ? locatedItems(value) : [value];
  return entries.flatMap((entry) => {
    if (entry.value === null) return [];
    const ip = typeof entry.value === 'string' ? canonicalIp(entry.value) : undefined;
    if (ip === undefined) {
      const text = `interface "${name}": gateway is ${valueText(entry.value)}, must be an IP address like 192.0.2.1`;
      errors.push(new NetorchError('INVALID_VALUE', text, { location: entry.locate([]) }));
      return [];
    }
    const route = {
      destination: defaultDestination(ip.family),
      'next-hop-address': ip.ip,
      'next-hop-interface': name,
    };
    return [valueFrom(route, entry.locate([]))];
  });
}

/** Puts entries behind those of `KEY: {config: […]}`. */
function append(parts: Map<string, Located>, key: string, entries: readonly Located[]): void {
  const [first] = entries;
  if (first === undefined) return;
  const known = parts.get(key);
  const config = known === undefined ? undefined : locatedAt(known, ['config']);
  const own = known?.locate([]) ?? first.locate([]);
  const list = composeList(
    [...(config === undefined ? [] : locatedItems(config)), ...entries],
    own,
  );
  const others = known === undefined ? [] : locatedEntries(known);
  parts.set(key, composeMap(new Map<string, Located>([...others, ['config', list]]), own));
}

function join(
  parts: Map<string, Located>,
  key: string,
  value: Located,
  errors: NetorchError[],
): void {
  const known = parts.get(key);
  if (known === undefined) {
    parts.set(key, value);
    return;
  }
  const tree = new ShorthandTree(known.locate([]));
  tree.put([], known, 'the plan', errors);
  tree.put([], value, 'the plan', errors);
  parts.set(key, tree.toLocated());
}

function hasKey(item: unknown, key: string): boolean {
  return isPlainMap(item) && Object.hasOwn(item, key);
}
