/** Options of bonds, bridges, their ports and VLANs, as documents write them. */
import type { BondMode } from '../../src/network/state.js';
import type { Random } from './random.js';

type Section = Readonly<Record<string, unknown>>;

/** Adds `key` with one of the values, or leaves it out. */
function sometimes(random: Random, options: Record<string, unknown>) {
  return (key: string, values: readonly unknown[], percent = 25): void => {
    if (random.chance(percent)) options[key] = random.pick(values);
  };
}

export function bondOptions(random: Random, mode: BondMode, ports: readonly string[]): Section {
  const options: Record<string, unknown> = {};
  const maybe = sometimes(random, options);
  const isArpMonitored = ['balance-rr', 'active-backup', 'balance-xor', 'broadcast'].includes(mode);
  if (isArpMonitored && random.chance(20)) {
    options['arp_interval'] = random.pick([200, 1000]);
    options['arp_ip_target'] = random.pick(['10.0.1.9', '10.0.1.9,10.0.2.9']);
    if (mode === 'active-backup')
      maybe('arp_validate', ['none', 'active', 'all', 'filter', 'backup'], 40);
    maybe('arp_all_targets', ['any', 'all']);
    maybe('arp_missed_max', [2, 4]);
    if (mode === 'active-backup') maybe('ns_ip6_target', ['2001:db8:9::1'], 20);
  } else if (random.chance(75)) {
    options['miimon'] = 100;
    maybe('updelay', [0, 200, 300]);
    maybe('downdelay', [0, 200]);
    maybe('peer_notif_delay', [0, 100], 10);
    maybe('use_carrier', [true, false], 10);
  }
  maybe('resend_igmp', [1, 4], 10);
  maybe('num_grat_arp', [1, 3], 10);
  maybe('min_links', [0, 1], 15);
  maybe('all_slaves_active', [true, false], 10);
  maybe('lp_interval', [1, 5], 10);
  if (['balance-xor', '802.3ad', 'balance-tlb'].includes(mode))
    maybe('xmit_hash_policy', ['layer2', 'layer3+4', 'layer2+3', 'encap3+4', 'vlan+srcmac']);
  if (mode === 'balance-rr') maybe('packets_per_slave', [1, 10]);
  if (mode === '802.3ad') {
    maybe('lacp_rate', ['slow', 'fast'], 50);
    maybe('lacp_active', ['on', 'off'], 10);
    maybe('ad_select', ['stable', 'bandwidth', 'count']);
    maybe('ad_actor_sys_prio', [65_535, 1000], 15);
    maybe('ad_user_port_key', [0, 12], 15);
    maybe('ad_actor_system', ['02:00:00:00:ad:01'], 15);
  }
  if (mode === 'active-backup') {
    maybe('fail_over_mac', ['none', 'active', 'follow'], 30);
    // Nobody answers there: the bond tries one port after the other, for ever, and MACs would move along.
    if (options['arp_interval'] !== undefined) delete options['fail_over_mac'];
  }
  if (['active-backup', 'balance-tlb', 'balance-alb'].includes(mode)) {
    if (ports.length > 0) maybe('primary', ports, 30);
    maybe('primary_reselect', ['always', 'better', 'failure']);
  }
  if (mode === 'balance-tlb') maybe('tlb_dynamic_lb', [true, false]);
  return options;
}

export function portVlans(random: Random): Section {
  if (random.chance(30)) return { mode: 'access', tag: random.pick([10, 20, 30]) };
  const tags = random.pick([
    [{ id: 10 }, { id: 11 }],
    [{ 'id-range': { min: 100, max: 105 } }],
    [{ id: 20 }, { 'id-range': { min: 30, max: 31 } }],
  ]);
  return {
    mode: 'trunk',
    'trunk-tags': tags,
    ...(random.chance(40) ? { 'enable-native': true, tag: random.pick([1, 40]) } : {}),
  };
}

export function bridgeOptions(random: Random, filters: boolean): Section {
  const options: Record<string, unknown> = {};
  const maybe = sometimes(random, options);
  if (random.chance(70)) {
    const stp: Record<string, unknown> = { enabled: random.chance(40) };
    if (random.chance(30)) stp['forward-delay'] = random.pick([15, 20]);
    if (random.chance(20)) stp['hello-time'] = random.pick([2, 3]);
    if (random.chance(20)) stp['max-age'] = random.pick([20, 24]);
    if (random.chance(30)) stp['priority'] = random.pick([32_768, 4096]);
    options['stp'] = stp;
  }
  // Under spanning tree nobody can read it back while the topology changes.
  const { enabled } = (options['stp'] ?? {}) as { enabled?: boolean };
  if (enabled === false) maybe('mac-ageing-time', [300, 60]);
  maybe('group-forward-mask', [0, 8]);
  maybe('multicast-snooping', [true, false]);
  maybe('multicast-router', [0, 1, 2], 10);
  maybe('multicast-querier', [true, false], 10);
  maybe('hash-max', [4096, 512], 10);
  maybe('multicast-query-interval', [12_500, 6000], 10);
  maybe('multicast-last-member-count', [2, 4], 10);
  maybe('multicast-startup-query-count', [2, 3], 10);
  maybe('multicast-query-use-ifaddr', [true, false], 10);
  maybe('multicast-membership-interval', [26_000, 13_000], 10);
  if (filters) {
    options['vlan-filtering'] = true;
    maybe('vlan-default-pvid', [1, 7], 20);
    maybe('vlan-protocol', ['802.1q', '802.1ad'], 10);
  }
  return options;
}

/** Of a VLAN, besides base, id and protocol. */
export function vlanOptions(random: Random): Section {
  const options: Record<string, unknown> = {};
  const maybe = sometimes(random, options);
  maybe('registration-protocol', ['none', 'gvrp', 'mvrp'], 15);
  maybe('reorder-headers', [true, false], 15);
  maybe('loose-binding', [true, false], 15);
  maybe(
    'ingress-qos-map',
    [
      [{ from: 1, to: 2 }],
      [
        { from: 3, to: 1 },
        { from: 5, to: 4 },
      ],
      [],
    ],
    12,
  );
  maybe('egress-qos-map', [[{ from: 0, to: 3 }], []], 12);
  return options;
}

/** What a bond knows of its ports: in no bond two of them have one queue. */
export function portsConfig(
  random: Random,
  mode: BondMode,
  ports: readonly string[],
): readonly Section[] {
  const hasPriorities = ['active-backup', 'balance-tlb', 'balance-alb'].includes(mode);
  return ports.map((name, index) => ({
    name,
    ...(hasPriorities && random.chance(50) ? { priority: random.pick([-1, 7, 100]) } : {}),
    'queue-id': random.pick([index, index + 1, 0]) === 0 ? 0 : index + 1,
  }));
}
