/** What stands on what: bases below VLANs, ports below bonds and bridges. */
import { desiredBase, locationOf } from './desired.js';
import type { Draft } from './merge-draft.js';
import { baseOf, portsOf } from './state.js';
import type { InterfaceState } from './state.js';

/** Names of interfaces that this one stands on. */
function standsOn(state: Pick<InterfaceState, 'link'>): readonly string[] {
  const base = baseOf(state.link);
  return base === undefined ? portsOf(state.link) : [base];
}

/**
 * Names from the bottom up: everything comes after what it stands on. `loop` is a ring of names when
 * there is no such order. Names are visited as given, so that the result is deterministic.
 */
export function bottomUp(
  below: ReadonlyMap<string, readonly string[]>,
): Readonly<{ order: readonly string[]; loop: readonly string[] | undefined }> {
  const order: string[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  let loop: readonly string[] | undefined;
  const visit = (name: string): void => {
    if (done.has(name) || loop !== undefined) return;
    const at = path.indexOf(name);
    if (at !== -1) {
      loop = [...path.slice(at), name];
      return;
    }
    path.push(name);
    for (const lower of below.get(name) ?? []) if (below.has(lower)) visit(lower);
    path.pop();
    done.add(name);
    order.push(name);
  };
  for (const name of below.keys()) visit(name);
  return { order, loop };
}

function belowOf(
  interfaces: ReadonlyMap<string, Pick<InterfaceState, 'link'>>,
): ReadonlyMap<string, readonly string[]> {
  const below = new Map<string, readonly string[]>();
  for (const [name, state] of interfaces) below.set(name, standsOn(state));
  return below;
}

/** Everything that the interface stands on, however deep. */
export function allBelow(
  interfaces: ReadonlyMap<string, Pick<InterfaceState, 'link'>>,
  name: string,
): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (from: string): void => {
    const state = interfaces.get(from);
    for (const lower of state === undefined ? [] : standsOn(state)) {
      if (found.has(lower)) continue;
      found.add(lower);
      add(lower);
    }
  };
  add(name);
  return found;
}

/**
 * Every new or moved VLAN and VXLAN has its base, no tag is there twice on one base, and nothing stands
 * on itself.
 */
export function checkBases(draft: Draft): void {
  for (const desired of draft.wanted.values()) {
    const state = draft.interfaces.get(desired.name);
    if (state === undefined || desired.state === 'absent') continue;
    const base = baseOf(state.link);
    if (base === undefined) continue;
    const before = draft.before(desired.name);
    if (before !== undefined && baseOf(before.link) === base && draft.before(base) === undefined) {
      continue; // it lives in another namespace, and the plan does not touch that
    }
    const { key } = desiredBase(desired);
    const found = draft.interfaces.get(base);
    if (found === undefined && !draft.wanted.has(base)) {
      draft.errorAt(
        locationOf(desired, key),
        `base-iface of "${desired.name}": ${draft.missing(base)}`,
      );
    } else if (found === undefined && draft.wanted.get(base)?.state === 'absent') {
      draft.error(desired, key, `its base-iface "${base}" is removed by the plan`);
    }
  }
  const tags = new Map<string, string>();
  for (const { name, link } of draft.interfaces.values()) {
    if (link.kind !== 'vlan') continue;
    const tag = `${link.base} ${link.id} ${link.protocol}`;
    const first = tags.get(tag);
    const named = draft.wanted.get(name) ?? draft.wanted.get(first ?? '');
    if (first !== undefined && named !== undefined) {
      const other = named.name === name ? first : name;
      draft.error(named, 'vlan.id', `"${other}" is VLAN ${link.id} on ${link.base} as well`);
    }
    tags.set(tag, name);
  }
  const { loop, order } = bottomUp(belowOf(draft.interfaces));
  draft.order = order;
  if (loop !== undefined) {
    const named = loop.map((name) => draft.wanted.get(name)).find((item) => item !== undefined);
    draft.errorAt(
      named === undefined ? undefined : locationOf(named),
      `interfaces stand on each other in a ring: ${loop.join(' on ')}`,
    );
  }
}
