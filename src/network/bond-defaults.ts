/** What a bond's options are when nobody has set them: what nmstate's empty `options: {}` goes back to. */
import { modesOfBondOption } from './bond.js';
import type { BondMode } from './state.js';

/**
 * Of drivers/net/bonding/bond_main.c (parameters, bond_check_params). Addresses and names (`arp_ip_target`,
 * `ns_ip6_target`, `primary`, `ad_actor_system`) are left out: they are of no effect by themselves, and
 * iproute2 has no word that clears them all.
 */
export const BOND_DEFAULTS: Readonly<Record<string, string>> = {
  miimon: '0',
  updelay: '0',
  downdelay: '0',
  peer_notif_delay: '0',
  use_carrier: '1',
  arp_interval: '0',
  arp_validate: 'none',
  arp_all_targets: 'any',
  arp_missed_max: '2',
  primary_reselect: 'always',
  fail_over_mac: 'none',
  xmit_hash_policy: 'layer2',
  resend_igmp: '1',
  num_grat_arp: '1',
  all_slaves_active: '0',
  min_links: '0',
  lp_interval: '1',
  packets_per_slave: '1',
  lacp_rate: 'slow',
  lacp_active: 'on',
  ad_select: 'stable',
  ad_actor_sys_prio: '65535',
  ad_user_port_key: '0',
  tlb_dynamic_lb: '1',
};

/** The defaults of those options that a bond of this mode shows. */
export function bondDefaults(
  mode: BondMode,
  shown: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  // Modes that cannot do without MII monitoring switch it on.
  const needsMii = modesOfBondOption('arp_interval')?.includes(mode) === false;
  const entries = Object.entries(BOND_DEFAULTS).filter(
    ([option]) =>
      shown[option] !== undefined && modesOfBondOption(option)?.includes(mode) !== false,
  );
  return { ...Object.fromEntries(entries), ...(needsMii ? { miimon: '100' } : {}) };
}
