/**
 * What the NetworkManager backend does not do (yet), by name: what it cannot say in a profile, or netorch has not
 * learnt to. Nothing of a plan is left out silently. Pure.
 */
import { NetorchError } from '../errors.js';
import { settingKeys } from '../network/dhcp.js';
import type { NetworkManagerState } from '../network/networkmanager.js';
import { ownProfile, profileUuid } from '../network/networkmanager.js';
import {
  failOverMac,
  type InterfaceState,
  type NetworkState,
  type Route,
} from '../network/state.js';
import { sharedSettings, type SharedSettings } from './networkmanager-shared.js';
import type { Change, ChangePlan, Operation } from './change.js';

/** Bond options that NetworkManager 1.42 knows (libnm-core-impl/nm-setting-bond.c). */
export const NM_BOND_OPTIONS: ReadonlySet<string> = new Set(
  `ad_actor_sys_prio ad_actor_system ad_select ad_user_port_key all_slaves_active arp_all_targets arp_interval
   arp_ip_target arp_validate downdelay fail_over_mac lacp_rate lp_interval miimon min_links num_grat_arp
   packets_per_slave peer_notif_delay primary primary_reselect resend_igmp tlb_dynamic_lb updelay use_carrier
   xmit_hash_policy`
    .trim()
    .split(/\s+/),
);

/** Kernel option to property and unit of a bridge's profile (libnm-core-impl/nm-setting-bridge.c). */
export const NM_BRIDGE_OPTIONS: Readonly<
  Record<
    string,
    Readonly<{ property: string; unit: 'boolean' | 'number' | 'seconds' | 'protocol' }>
  >
> = {
  ageing_time: { property: 'ageing-time', unit: 'seconds' },
  forward_delay: { property: 'forward-delay', unit: 'seconds' },
  group_fwd_mask: { property: 'group-forward-mask', unit: 'number' },
  hello_time: { property: 'hello-time', unit: 'seconds' },
  max_age: { property: 'max-age', unit: 'seconds' },
  mcast_hash_max: { property: 'multicast-hash-max', unit: 'number' },
  mcast_last_member_count: { property: 'multicast-last-member-count', unit: 'number' },
  mcast_last_member_interval: { property: 'multicast-last-member-interval', unit: 'number' },
  mcast_membership_interval: { property: 'multicast-membership-interval', unit: 'number' },
  mcast_querier: { property: 'multicast-querier', unit: 'boolean' },
  mcast_querier_interval: { property: 'multicast-querier-interval', unit: 'number' },
  mcast_query_interval: { property: 'multicast-query-interval', unit: 'number' },
  mcast_query_response_interval: { property: 'multicast-query-response-interval', unit: 'number' },
  mcast_query_use_ifaddr: { property: 'multicast-query-use-ifaddr', unit: 'boolean' },
  mcast_snooping: { property: 'multicast-snooping', unit: 'boolean' },
  mcast_startup_query_count: { property: 'multicast-startup-query-count', unit: 'number' },
  mcast_startup_query_interval: { property: 'multicast-startup-query-interval', unit: 'number' },
  priority: { property: 'priority', unit: 'number' },
  stp_state: { property: 'stp', unit: 'boolean' },
  vlan_default_pvid: { property: 'vlan-default-pvid', unit: 'number' },
  vlan_filtering: { property: 'vlan-filtering', unit: 'boolean' },
  vlan_protocol: { property: 'vlan-protocol', unit: 'protocol' },
  vlan_stats_enabled: { property: 'vlan-stats-enabled', unit: 'boolean' },
};

/** Kinds of links by the type of their profiles. */
export const NM_TYPES: Readonly<Partial<Record<InterfaceState['link']['kind'], string>>> = {
  ethernet: '802-3-ethernet',
  // NetworkManager has profiles of a type of its own for what it made, and takes others for NICs.
  veth: '802-3-ethernet',
  bond: 'bond',
  vlan: 'vlan',
  'linux-bridge': 'bridge',
  dummy: 'dummy',
  vxlan: 'vxlan',
  vrf: 'vrf',
  'mac-vlan': 'macvlan',
  'mac-vtap': 'macvlan',
};

type LimitsInput = Readonly<{
  host: string;
  observed: NetworkState;
  networkManager: NetworkManagerState;
  plan: Pick<ChangePlan, 'changes' | 'target'>;
}>;

/** NOT_SUPPORTED, one for each thing that cannot be carried out; at the place in the document that asked for it. */
export function networkManagerErrors(input: LimitsInput): readonly NetorchError[] {
  const { host, plan } = input;
  const shared = sharedSettings(input);
  const seen = new Set<string>();
  return plan.changes.flatMap((change: Change) =>
    change.operations.flatMap((operation) => {
      const what = limitOf(input, shared, operation);
      if (what === undefined || seen.has(what)) return [];
      seen.add(what);
      return [
        new NetorchError(
          'NOT_SUPPORTED',
          `${host}: through NetworkManager netorch does not do ${what}`,
          {
            location: change.why.location,
            notes: [
              'docs/networkmanager.md tells what it does; leave this out of the plan for this host',
            ],
          },
        ),
      ];
    }),
  );
}

function limitOf(
  input: LimitsInput,
  shared: SharedSettings,
  operation: Operation,
): string | undefined {
  const { observed, plan } = input;
  switch (operation.op) {
    case 'create-link':
      return linkLimit(input, operation.link);
    case 'set-down': {
      const after = plan.target.interfaces.get(operation.name);
      return after?.up === false
        ? `"state: down" for ${operation.name}: an interface of its own that is not active stays up`
        : undefined;
    }
    case 'set-bond-options': {
      const { name, options } = operation;
      return followLimit(name, plan.target.interfaces.get(name)?.link) ?? bondLimit(name, options);
    }
    case 'set-bridge-options':
      return bridgeLimit(operation.name, operation.options);
    case 'set-port-options':
      return operation.of === 'bond'
        ? `queue-id and priority of bond ports (${operation.name})`
        : undefined;
    case 'add-port-vlan':
    case 'delete-port-vlan': {
      const controller = plan.target.interfaces.get(operation.name)?.controller;
      return controller === undefined &&
        observed.interfaces.get(operation.name)?.link.kind !== 'ethernet'
        ? `the VLAN table of the bridge ${operation.name} itself`
        : undefined;
    }
    case 'add-route':
      return shared.limits.get(operation) ?? routeLimit(operation.route);
    case 'delete-route':
      return shared.limits.get(operation);
    case 'set-alias':
      return `descriptions (${operation.name})`;
    case 'set-alt-names':
      return `alt-names (${operation.name})`;
    case 'set-promiscuous':
      return `"accept-all-mac-addresses" (${operation.name})`;
    case 'set-type-options':
      return `${Object.keys(operation.options).join(', ')} of ${operation.name} (${operation.kind})`;
    case 'add-rule':
    case 'delete-rule':
    case 'set-dns':
      return shared.limits.get(operation);
    case 'set-hostname':
      return 'hostname';
    case 'start-dhcp':
      return operation.tool === 'networkmanager'
        ? undefined
        : `settings of DHCP (${settingKeys(operation.dhcp.settings).join(', ')} of ${operation.name})`;
    case 'set-mac':
    case 'set-autoconf':
    case 'stop-dhcp':
    case 'delete-link':
    case 'set-up':
    case 'set-mtu':
    case 'attach':
    case 'detach':
    case 'set-ipv6-enabled':
    case 'add-address':
    case 'delete-address':
      return undefined;
  }
}

function linkLimit(input: LimitsInput, item: InterfaceState): string | undefined {
  const { name, link } = item;
  const type = NM_TYPES[link.kind];
  if (type === undefined || link.kind === 'veth' || link.kind === 'ethernet') {
    return `new interfaces of the type ${link.kind} (${name})`;
  }
  if (!item.up) return `"state: down" for ${name}: an interface that is not active is not there`;
  const stale = input.networkManager.profiles.find(({ uuid }) => uuid === profileUuid(name));
  if (stale !== undefined && stale.type !== type) {
    return `a ${link.kind} ${name} while its own former profile of the type ${stale.type} is there ("nmcli connection delete uuid ${stale.uuid}")`;
  }
  const isKnown = ownProfile(input.networkManager, name, type) !== undefined;
  switch (link.kind) {
    case 'bond':
      return (
        followLimit(name, link) ??
        (isKnown && input.observed.interfaces.has(name) ? undefined : bondLimit(name, link.options))
      );
    case 'linux-bridge':
      return bridgeLimit(name, input.observed.interfaces.has(name) ? {} : link.options);
    case 'vlan': {
      const odd = Object.entries(link.options ?? {}).filter(
        ([key, value]) =>
          value !== (key === 'reorder_hdr' ? 'on' : key.endsWith('map') ? '' : 'off'),
      );
      return odd.length === 0
        ? undefined
        : `${odd.map(([key]) => key).join(', ')} of the VLAN ${name}`;
    }
    case 'mac-vlan':
    case 'mac-vtap':
      return link.mode === 'source' ? `mac-vlans of the mode "source" (${name})` : undefined;
    default:
      return undefined;
  }
}

/** Made active by NetworkManager 1.42, such a bond has a MAC of NetworkManager's choice, and no other can be given to it. */
function followLimit(name: string, link: InterfaceState['link'] | undefined): string | undefined {
  return link !== undefined && failOverMac(link) === 'follow'
    ? `"fail_over_mac: follow" (${name})`
    : undefined;
}

function bondLimit(name: string, options: Readonly<Record<string, string>>): string | undefined {
  for (const [key, value] of Object.entries(options)) {
    if (key === 'mode') continue;
    if (!NM_BOND_OPTIONS.has(key)) return `the bond option ${key} (${name})`;
    if (value.includes(',')) return `more than one address in ${key} (${name})`;
  }
  return undefined;
}

function bridgeLimit(name: string, options: Readonly<Record<string, string>>): string | undefined {
  for (const [key, value] of Object.entries(options)) {
    const known = NM_BRIDGE_OPTIONS[key];
    if (known === undefined) return `the bridge option ${key} (${name})`;
    if (known.unit === 'seconds' && Number(value) % 100 !== 0) {
      return `the bridge option ${key} in parts of a second (${name})`;
    }
  }
  return undefined;
}

function routeLimit(route: Route): string | undefined {
  return route.family === 'ipv6' && (route.nextHops ?? []).some(({ weight }) => weight !== 1)
    ? `weights of next hops of IPv6 (${route.destination})`
    : undefined;
}
