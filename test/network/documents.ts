/** Documents for tests: text in, desired state out, as the program reads them. */
import { stringify } from 'yaml';
import { parseDocument } from '../../src/config/document.js';
import { formatError } from '../../src/errors.js';
import type { DesiredState } from '../../src/network/desired.js';
import { mergeDesired } from '../../src/network/merge.js';
import { parseDesiredState } from '../../src/network/parse.js';
import { showState } from '../../src/network/show.js';
import { interfaceMap } from '../../src/network/state.js';
import type { InterfaceState, NetworkState } from '../../src/network/state.js';

export function desiredOf(text: string, file = 'plan.yml'): DesiredState {
  return parseDesiredState(parseDocument(file, text));
}

export function shown(state: NetworkState): string {
  const { hostname, ...document } = showState(state);
  return stringify(state.hostname === bareHost().hostname ? document : { hostname, ...document });
}

/** A NIC as it comes: up, without addresses; `index` makes its MAC. */
export function nic(name: string, index: number): InterfaceState {
  const mac = `52:54:00:00:00:${index.toString(16).padStart(2, '0')}`;
  return {
    name,
    up: true,
    mac,
    mtu: 1500,
    controller: undefined,
    ipv4: { enabled: false, addresses: [] },
    ipv6: { enabled: true, addresses: [] },
    link: { kind: 'ethernet' },
    facts: {
      index: index + 1,
      carrier: true,
      permanentMac: mac,
      minMtu: 68,
      maxMtu: 9216,
      altNames: [],
      dynamicAddresses: [],
      owner: undefined,
      attachments: [],
    },
  };
}

/** eth1 … eth4, and a tap of a running virtual machine. */
export function bareHost(): NetworkState {
  const nics = [1, 2, 3, 4].map((index) => nic(`eth${index}`, index));
  const tap: InterfaceState = { ...nic('tap0', 9), link: { kind: 'other', type: 'tun' } };
  return {
    interfaces: interfaceMap([...nics, tap]),
    routes: [],
    rules: [],
    dns: { servers: [], search: [], options: [] },
    hostname: 'h1',
  };
}

/** The bare host after a plan, as it would be observed: ready to be the start of another one. */
export function hostWith(text: string): NetworkState {
  const { target, errors } = mergeDesired(bareHost(), desiredOf(text, 'observed.yml'));
  if (errors.length > 0) throw new Error(errors.map(formatError).join('\n'));
  return target;
}
