/**
 * What the options of a bridge are when it is made (net/bridge/br_device.c br_dev_setup, br_multicast.c,
 * br_vlan.c), in iproute2's words. A bridge made anew gets only what differs: a kernel without VLAN
 * filtering or multicast snooping refuses these options whatever their value.
 */
const BRIDGE_DEFAULTS: Readonly<Record<string, readonly string[]>> = {
  ageing_time: ['30000'],
  forward_delay: ['1500'],
  group_fwd_mask: ['0'],
  hello_time: ['200'],
  max_age: ['2000'],
  mcast_igmp_version: ['2'],
  mcast_last_member_count: ['2'],
  mcast_last_member_interval: ['100'],
  mcast_membership_interval: ['26000'],
  mcast_mld_version: ['1'],
  mcast_querier: ['0'],
  mcast_querier_interval: ['25500'],
  mcast_query_interval: ['12500'],
  mcast_query_response_interval: ['1000'],
  mcast_query_use_ifaddr: ['0'],
  mcast_router: ['1'],
  mcast_snooping: ['1'],
  mcast_startup_query_count: ['2'],
  // A quarter of 125 s, rounded by the kernel's tick.
  mcast_startup_query_interval: ['3124', '3125'],
  mcast_stats_enabled: ['0'],
  nf_call_arptables: ['0'],
  nf_call_ip6tables: ['0'],
  nf_call_iptables: ['0'],
  priority: ['32768'],
  stp_state: ['0'],
  vlan_default_pvid: ['1'],
  vlan_filtering: ['0'],
  vlan_protocol: ['802.1Q'],
  vlan_stats_enabled: ['0'],
};

export function isBridgeDefault(option: string, value: string): boolean {
  return BRIDGE_DEFAULTS[option]?.includes(value) === true;
}
