/**
 * The topologies that VDSM (oVirt) knows: NIC → [bond] → [VLAN] → [bridge], one untagged network and any
 * number of tagged ones on a base (vdsm lib/vdsm/network, netswitch/validator.py and link/). Outside of
 * oVirt more is legal, so that a breach is a warning, unless the plan says `policy: vdsm`.
 */
import { MAIN_TABLE } from './route.js';
import { portsOf } from './state.js';
import type { InterfaceState, NetworkState } from './state.js';
import type { DesiredState } from './desired.js';

type Breach = Readonly<{
  interface: string;
  /** Where it is written, as in `DesiredInterface.locations`. */
  key: string;
  text: string;
}>;

/** Of the interfaces that the plan names, in the order of the plan. */
export function vdsmBreaches(target: NetworkState, desired: DesiredState): readonly Breach[] {
  const isStrict = desired.policy === 'vdsm';
  const defaults = new Set<string>();
  for (const { destination, table, nextHopInterface } of target.routes) {
    const isDefault = destination === '0.0.0.0/0' && table === MAIN_TABLE;
    if (isDefault && nextHopInterface !== undefined) defaults.add(nextHopInterface);
  }
  const breaches: Breach[] = [];
  for (const { name, state: wanted } of desired.interfaces) {
    const state = target.interfaces.get(name);
    if (state === undefined || wanted === 'ignore' || wanted === 'absent') continue;
    const add = (found: Found): void => {
      for (const [key, text] of found) breaches.push({ interface: name, key, text });
    };
    add(structure(state, target, isStrict));
    add(secondDefaults(state, defaults));
    // Names and kinds are nobody's business where no VDSM will read them.
    if (isStrict) add(vocabulary(state));
  }
  return breaches;
}

type Found = readonly (readonly [string, string])[];

const NONE: Found = [];

function structure(state: InterfaceState, target: NetworkState, isStrict: boolean): Found {
  const { link } = state;
  const kindOf = (other: string): string => {
    const found = target.interfaces.get(other)?.link;
    return found?.kind === 'other' ? found.type : (found?.kind ?? 'unknown');
  };
  if (link.kind === 'vlan') {
    const base = kindOf(link.base);
    if (base !== 'ethernet' && base !== 'bond') {
      return [['vlan.base', `it stands on ${link.base}, a ${base}: VLANs stand on NICs and bonds`]];
    }
    const above = target.interfaces.get(link.base)?.controller;
    if (above !== undefined && kindOf(above) === 'bond') {
      return [
        ['vlan.base', `it stands on ${link.base}, a port of ${above}: it belongs on the bond`],
      ];
    }
  }
  if (link.kind === 'bond') {
    return portsOf(link).flatMap((port) =>
      kindOf(port) === 'ethernet'
        ? []
        : [
            [
              `bond.ports.${port}`,
              `its port ${port} is a ${kindOf(port)}: bonds have NICs`,
            ] as const,
          ],
    );
  }
  if (link.kind === 'linux-bridge') {
    const uplinks = portsOf(link).filter((port) =>
      ['ethernet', 'bond', 'vlan'].includes(kindOf(port)),
    );
    // A bridge that filters VLANs is a switch of its own, and no network of VDSM from the start.
    const isSwitch = link.options['vlan_filtering'] === '1' && !isStrict;
    if (uplinks.length > 1 && !isSwitch) {
      return [
        ['bridge.ports', `it has several uplinks (${uplinks.join(', ')}): a network has one`],
      ];
    }
  }
  return NONE;
}

/** One network has the default route: all other interfaces with one are named. */
function secondDefaults(state: InterfaceState, devices: ReadonlySet<string>): Found {
  if (!devices.has(state.name) || devices.size === 1) return NONE;
  const others = [...devices].filter((device) => device !== state.name);
  return [['', `it has a default route, as ${others.join(', ')} has: one network may have it`]];
}

function vocabulary(state: InterfaceState): Found {
  const { link, name } = state;
  if (link.kind === 'bond' && !/^bond\w+$/.test(name)) {
    return [['', 'a bond is called bond and letters or digits after it']];
  }
  if (link.kind === 'linux-bridge' && (/[:./\s]/.test(name) || name.startsWith('-'))) {
    return [['', 'the name of a bridge has no ":", "." or "/"']];
  }
  const known = ['ethernet', 'bond', 'vlan', 'linux-bridge', 'dummy', 'loopback', 'other'];
  if (known.includes(link.kind)) return [];
  return [['kind', `a ${link.kind} is part of no network of VDSM`]];
}
