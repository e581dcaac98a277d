/** Bonds: the `link-aggregation:` part of documents, and which option goes with which mode. */
import { z } from 'zod';
import { portsConfigSection } from './bond-port.js';
import { canonicalIp } from './ip.js';
import { interfaceReference } from './interface-name.js';
import { documentation, integer, mac, mapping, oneOf, refused, scalarText } from './scalars.js';
import type { BondMode } from './state.js';

/** In the kernel's numbering, 0–6. */
export const BOND_MODES = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
  '802.3ad',
  'balance-tlb',
  'balance-alb',
] as const satisfies readonly BondMode[];

const LACP: readonly BondMode[] = ['802.3ad'];
const ONE_ACTIVE: readonly BondMode[] = ['active-backup', 'balance-tlb', 'balance-alb'];
const ARP_MONITORED: readonly BondMode[] = [
  'balance-rr',
  'active-backup',
  'balance-xor',
  'broadcast',
];

/**
 * The modes that take an option; an option not listed goes with every mode. From the kernel's
 * drivers/net/bonding/bond_options.c (`unsuppmodes`).
 */
const MODES_OF_OPTION: Readonly<Record<string, readonly BondMode[]>> = {
  packets_per_slave: ['balance-rr'],
  arp_interval: ARP_MONITORED,
  arp_validate: ARP_MONITORED,
  arp_missed_max: ARP_MONITORED,
  lacp_rate: LACP,
  lacp_active: LACP,
  ad_actor_sys_prio: LACP,
  ad_actor_system: LACP,
  ad_user_port_key: LACP,
  primary: ONE_ACTIVE,
  tlb_dynamic_lb: ['balance-tlb', 'balance-alb'],
};

/** The modes that take the option; undefined: all of them. */
export function modesOfBondOption(option: string): readonly BondMode[] | undefined {
  return Object.hasOwn(MODES_OF_OPTION, option) ? MODES_OF_OPTION[option] : undefined;
}

const count = (maximum: number) => integer(0, maximum).transform(String);
const flag = scalarText(
  { true: '1', false: '0', yes: '1', no: '0', on: '1', off: '0', 1: '1', 0: '0' },
  'must be true or false',
);
const onOff = scalarText(
  { true: 'on', false: 'off', yes: 'on', no: 'off', on: 'on', off: 'off', 1: 'on', 0: 'off' },
  'must be on or off',
);

const addressList = (family: 'ipv4' | 'ipv6') =>
  z
    .union([z.string(), z.array(z.string())], {
      error: `must be up to 16 ${family} addresses, separated by commas`,
    })
    .transform((value, context) => {
      const parts = (typeof value === 'string' ? value.split(',') : value)
        .map((part) => part.trim())
        .filter((part) => part !== '');
      const ips = parts.map((part) => canonicalIp(part));
      if (parts.length > 16 || ips.some((ip) => ip?.family !== family)) {
        context.addIssue({
          code: 'custom',
          message: `must be up to 16 ${family} addresses, separated by commas`,
        });
        return z.NEVER;
      }
      return ips.map((ip) => ip?.ip ?? '').join(',');
    });

/** Names of ports are checked where they are used; '' takes the primary away. */
const portOrNone = z.union([z.literal(''), interfaceReference], {
  error: 'must be the name of a port, or empty',
});

/** Values as the kernel has them in text: names for enumerations, decimal numbers, '0' and '1'. */
export const bondOptions = {
  miimon: count(2_147_483_647),
  updelay: count(2_147_483_647),
  downdelay: count(2_147_483_647),
  peer_notif_delay: count(300_000),
  use_carrier: flag,
  arp_interval: count(2_147_483_647),
  arp_ip_target: addressList('ipv4'),
  ns_ip6_target: addressList('ipv6'),
  arp_validate: oneOf(
    ['none', 'active', 'backup', 'all', 'filter', 'filter_active', 'filter_backup'],
    { numbered: true },
  ),
  arp_all_targets: oneOf(['any', 'all'], { numbered: true }),
  arp_missed_max: integer(1, 255).transform(String),
  primary: portOrNone,
  primary_reselect: oneOf(['always', 'better', 'failure'], { numbered: true }),
  fail_over_mac: oneOf(['none', 'active', 'follow'], { numbered: true }),
  xmit_hash_policy: oneOf(
    ['layer2', 'layer3+4', 'layer2+3', 'encap2+3', 'encap3+4', 'vlan+srcmac'],
    { numbered: true },
  ),
  resend_igmp: count(255),
  num_grat_arp: count(255),
  num_unsol_na: count(255),
  all_slaves_active: scalarText(
    { dropped: '0', delivered: '1', true: '1', false: '0', on: '1', off: '0', 1: '1', 0: '0' },
    'must be dropped or delivered',
  ),
  min_links: count(2_147_483_647),
  lp_interval: integer(1, 2_147_483_647).transform(String),
  packets_per_slave: count(65_535),
  lacp_rate: oneOf(['slow', 'fast'], { numbered: true }),
  lacp_active: onOff,
  ad_select: oneOf(['stable', 'bandwidth', 'count'], { numbered: true }),
  ad_actor_sys_prio: integer(1, 65_535).transform(String),
  ad_user_port_key: count(1023),
  ad_actor_system: mac,
  tlb_dynamic_lb: flag,
} as const;

export const BOND_OPTION_NAMES: readonly string[] = Object.keys(bondOptions);

const ports = z.array(interfaceReference, 'must be a list of names').optional();

const optionalOptions = Object.fromEntries(
  Object.entries(bondOptions).map(([name, schema]) => [name, schema.optional()]),
) as { [K in keyof typeof bondOptions]: z.ZodOptional<(typeof bondOptions)[K]> };

const NO_SLB =
  'balance-slb is done by NetworkManager with nftables, and not by netorch: balance-xor with a LAG, or active-backup, may do';

export const bondSection = mapping({
  mode: oneOf(BOND_MODES, { numbered: true }).optional(),
  options: mapping({
    ...optionalOptions,
    balance_slb: refused(NO_SLB),
    'balance-slb': refused(NO_SLB),
  }).optional(),
  port: ports,
  ports,
  slaves: ports,
  slave: ports,
  'ports-config': portsConfigSection,
  description: documentation,
});

export type BondSection = z.output<typeof bondSection>;

/** The options given, by kernel name. `num_unsol_na` and `num_grat_arp` are one value in the kernel. */
export function desiredBondOptions(
  options: NonNullable<BondSection['options']>,
): Readonly<Record<string, string>> {
  const result: Record<string, string> = {};
  for (const name of BOND_OPTION_NAMES) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (typeof value === 'string') result[name === 'num_unsol_na' ? 'num_grat_arp' : name] = value;
  }
  return result;
}

/** What is wrong with the options of a bond of this mode; [option, sentence] for each mistake. */
export function bondOptionProblems(
  mode: BondMode,
  options: Readonly<Record<string, string>>,
): readonly (readonly [string, string])[] {
  return Object.keys(options).flatMap((option) => {
    const modes = modesOfBondOption(option);
    if (modes === undefined || modes.includes(mode) || isOff(option, options[option])) return [];
    return [
      [option, `${option} does not go with mode ${mode}: it needs ${modes.join(' or ')}`] as const,
    ];
  });
}

/** A monitor that is off, a primary that is none: says nothing, in any mode. */
function isOff(option: string, value: string | undefined): boolean {
  if (option === 'arp_interval') return value === '0';
  if (option === 'arp_validate') return value === 'none';
  return option === 'primary' && value === '';
}

/**
 * The mistakes that do not depend on the mode: two monitors at once (the kernel stops the first one
 * without a word), delays that are no multiple of miimon (the kernel rounds them down).
 */
export function monitorProblems(
  options: Readonly<Record<string, string>>,
): readonly (readonly [string, string])[] {
  const number = (name: string): number => Number(options[name] ?? '0');
  const miimon = number('miimon');
  if (miimon > 0 && number('arp_interval') > 0) {
    return [['arp_interval', 'arp_interval and miimon exclude each other: set one of them to 0']];
  }
  return BOND_DELAYS.flatMap((name): [string, string][] => {
    const delay = number(name);
    if (delay === 0) return [];
    if (miimon === 0) return [[name, `${name} needs miimon`]];
    if (delay % miimon === 0) return [];
    return [[name, `${name} is ${delay}, must be a multiple of miimon (${miimon})`]];
  });
}

/** Kept by the kernel in units of miimon, and shown as 0 without it (bond_netlink.c, bond_fill_info). */
export const BOND_DELAYS = ['updelay', 'downdelay', 'peer_notif_delay'] as const;

/** Taken by the kernel only while the bond has no ports (bond_options.c, BOND_OPTFLAG_NOSLAVES). */
export const BOND_OPTIONS_WITHOUT_PORTS: ReadonlySet<string> = new Set(['mode', 'fail_over_mac']);

/** Taken only while the bond is down (BOND_OPTFLAG_IFDOWN), or treated so to be on the safe side. */
export const BOND_OPTIONS_WHEN_DOWN: ReadonlySet<string> = new Set([
  'mode',
  'lacp_rate',
  'lacp_active',
  'ad_select',
  'ad_actor_sys_prio',
  'ad_actor_system',
  'ad_user_port_key',
  'tlb_dynamic_lb',
  'arp_validate',
]);
