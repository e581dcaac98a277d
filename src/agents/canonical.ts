/**
 * The canonical form of a host's readings: one line an object, without what changes by itself (counters,
 * timers, carrier, indices, lifetimes) and without what the kernel, router advertisements, DHCP or routing
 * daemons own. Two hosts' states are "the same" when their canonical lines are (design: "What 'back to
 * what it was' means").
 *
 * It is computed on the controller (from the observed readings, to make the baseline) and on the host (with
 * sed, to compare). Both come from the one table below, written in the subset of regular expressions that
 * JavaScript and POSIX ERE share; `\s` and `\d` are translated.
 */

import type { Rewrite } from '../backends/recorded-alt-names.js';

type Rule =
  | Readonly<{ substitute: string; by: string }>
  | Readonly<{ drop: string }>
  /** Drops lines that do not match. */
  | Readonly<{ keep: string }>;

type Section = Readonly<{ name: string; rules: readonly Rule[] }>;

const remove = (pattern: string): Rule => ({ substitute: pattern, by: '' });
const number = (key: string): Rule => remove(`"${key}":[-0-9.]+,?`);
const text = (key: string): Rule => remove(`"${key}":"[^"]*",?`);

/** Not `/ +$/`, which takes a quadratic time on a long run of blanks: what a host says is not trusted. */
const TRIM: readonly Rule[] = [{ substitute: ' +', by: ' ' }, remove(' $')];

const LINK_RULES: readonly Rule[] = [
  // Flags that follow the cable, and those that only mirror other attributes.
  remove(',"(LOWER_UP|M-DOWN|DORMANT|RUNNING|ECHO|SLAVE|MASTER|ALLMULTI)"'),
  remove('"(NO-CARRIER|LOWER_UP|M-DOWN)",'),
  ...[
    'link_index',
    'promiscuity',
    'allmulti',
    'min_mtu',
    'max_mtu',
    // The longest queue that any mac-vlan of the same base asked for.
    'usedbcqueuelen',
    'num_tx_queues',
    'num_rx_queues',
  ].map(number),
  ...[
    'gso_max_size',
    'gso_max_segs',
    'tso_max_size',
    'tso_max_segs',
    'gro_max_size',
    'gso_ipv4_max_size',
    'gro_ipv4_max_size',
  ].map(number),
  ...['carrier_changes', 'carrier_up_count', 'carrier_down_count', 'link_netnsid'].map(number),
  ...['operstate', 'qdisc', 'parentbus', 'parentdev', 'active_slave'].map(text),
  // Bond: what LACP and the monitor found.
  remove('"ad_info":\\{[^}]*\\},?'),
  remove('"ad_(actor|partner)_oper_port_state_str":\\[["a-z_,]*\\],?'),
  ...[
    'ad_actor_oper_port_state',
    'ad_partner_oper_port_state',
    'ad_aggregator_id',
    'link_failure_count',
  ].map(number),
  text('mii_status'),
  // Of a port's "state" only that of bond and bridge ports is printed.
  text('state'),
  // Bridge: identity follows the MAC, timers run, the topology is learned; a port's cost follows its speed.
  ...['bridge_id', 'root_id', 'designated_bridge', 'designated_root', 'id', 'no'].map(text),
  ...[
    'root_port',
    'root_path_cost',
    'topology_change',
    'topology_change_detected',
    'topology_change_ack',
    'config_pending',
  ].map(number),
  ...[
    'hello_timer',
    'tcn_timer',
    'topology_change_timer',
    'gc_timer',
    'hold_timer',
    'message_age_timer',
    'forward_delay_timer',
  ].map(number),
  ...['designated_port', 'designated_cost', 'cost', 'fdb_n_learned'].map(number),
  // Spanning tree shortens it while the topology changes (net/bridge/br_stp.c, __br_set_topology_change).
  { substitute: '"ageing_time":\\d+,("stp_state":[1-9])', by: '$1' },
  // What came last may be gone, and with LACP it comes only some time after the port (bond_fill_slave_info).
  { substitute: ',+\\}', by: '}' },
  // One line an interface, led by its name.
  remove('"ifindex":\\d+,'),
  { substitute: '(^\\[|,)\\{("link":"[^"]*",)?"ifname":"([^"]*)"', by: '\nlink $3 {$2' },
  remove('\\]$'),
  remove('^\\n'),
];

const ROUTE_RULES = (name: string): readonly Rule[] => [
  // The kernel's own tables and types: local, broadcast, anycast, multicast.
  { drop: ' table 255 ' },
  { drop: '^[2-5] ' },
  // Kernel, RA, DHCP and routing daemons: present or not by their own will (rtnetlink.h, RTPROT_*).
  { drop: ' proto (2|8|9|1[0-68]|42|18[6-9]|192) ' },
  remove(' (linkdown|dead|offload|trap|offload_failed|rt_offload|rt_trap)'),
  remove(' expires \\d+sec'),
  remove(' error -?\\d+'),
  { substitute: '\\\\', by: ' ' },
  { substitute: '\\s+', by: ' ' },
  remove(' $'),
  { substitute: '^', by: `${name} ` },
];

/** Made by the kernel with the first VRF, and kept for good (drivers/net/vrf.c, vrf_fib_rule). */
const VRF_RULE: Rule = { drop: '^1000:.*\\[l3mdev-table\\]' };

const SECTIONS: readonly Section[] = [
  { name: 'link', rules: LINK_RULES },
  {
    name: 'addr',
    rules: [
      // DHCP and RA addresses come back by themselves.
      { drop: ' dynamic' },
      remove('\\\\.*$'),
      remove(' (tentative|optimistic|dadfailed|deprecated)'),
      { substitute: '^\\d+: +([^ ]+) +', by: 'addr $1 ' },
      ...TRIM,
    ],
  },
  { name: 'route', rules: ROUTE_RULES('route') },
  { name: 'route6', rules: ROUTE_RULES('route6') },
  {
    name: 'rule4',
    rules: [
      VRF_RULE,
      { substitute: '\\s+', by: ' ' },
      remove(' $'),
      { substitute: '^', by: 'rule4 ' },
    ],
  },
  {
    name: 'rule6',
    rules: [
      VRF_RULE,
      { substitute: '\\s+', by: ' ' },
      remove(' $'),
      { substitute: '^', by: 'rule6 ' },
    ],
  },
  {
    name: 'neigh',
    rules: [...TRIM, { substitute: '^([^ ]+) dev ([^ ]+) (.*)$', by: 'neigh $2 $1 $3' }],
  },
  {
    name: 'vlan',
    rules: [
      { substitute: '(^\\[|,)\\{"ifname":"([^"]*)",', by: '\nvlan $2 {' },
      remove('\\]$'),
      remove('^\\n'),
    ],
  },
  {
    name: 'fdb',
    rules: [
      { keep: '( static| dst )' },
      remove(' (offload|extern_learn|sticky)'),
      { substitute: '^([^ ]+) dev ([^ ]+) (.*)$', by: 'fdb $2 $1 $3' },
      ...TRIM,
    ],
  },
  {
    name: 'sysctl',
    rules: [
      { substitute: '^/proc/sys/kernel/hostname:', by: 'hostname ' },
      { substitute: '^/proc/sys/net/(ipv[46])/conf/([^/]+)/([a-z0-9_]+):', by: 'sysctl $2 $1 $3 ' },
    ],
  },
  {
    name: 'dns',
    rules: [{ keep: '^(nameserver|search|options|domain) ' }, { substitute: '^', by: 'dns ' }],
  },
];

const END = 'end';

function toSed(pattern: string): string {
  return pattern.replaceAll('\\s', '[[:space:]]').replaceAll('\\d', '[0-9]').replaceAll('/', '\\/');
}

function sedReplacement(by: string): string {
  return by
    .replaceAll('&', '\\&')
    .replaceAll('/', '\\/')
    .replaceAll('\n', '\\n')
    .replace(/\$(\d)/g, '\\$1');
}

/**
 * The sed -E script that turns the output of `readings` into canonical lines; `linkRewrites`: what of links
 * does not count besides.
 */
export function canonicalSedScript(linkRewrites: readonly Rewrite[] = []): string {
  const lines: string[] = [];
  SECTIONS.forEach((section, index) => {
    const next = SECTIONS[index + 1]?.name ?? END;
    // A header line must fall through: it ends one range and begins the next.
    lines.push(`/^@${section.name}$/,/^@${next}$/{`, '/^@/!{', '/^$/d');
    const rules: readonly (Rule | Rewrite)[] =
      section.name === 'link' ? [...section.rules, ...linkRewrites] : section.rules;
    rules.forEach((rule, place) => {
      const label = `${section.name}${place}`;
      const repeat = 'repeat' in rule && rule.repeat === true;
      if (repeat) lines.push(`:${label}`);
      if ('drop' in rule) lines.push(`/${toSed(rule.drop)}/d`);
      else if ('keep' in rule) lines.push(`/${toSed(rule.keep)}/!d`);
      else lines.push(`s/${toSed(rule.substitute)}/${sedReplacement(rule.by)}/g`);
      if (repeat) lines.push(`t${label}`);
    });
    lines.push('b', '}', '}');
  });
  lines.push('/^@/d');
  return `${lines.join('\n')}\n`;
}

function canonicalLine(line: string, rules: readonly Rule[]): readonly string[] {
  let current = line;
  for (const rule of rules) {
    if ('drop' in rule) {
      if (new RegExp(rule.drop).test(current)) return [];
    } else if ('keep' in rule) {
      if (!new RegExp(rule.keep).test(current)) return [];
    } else {
      current = current.replace(new RegExp(rule.substitute, 'g'), rule.by);
    }
  }
  return current.split('\n');
}

/** Canonical lines of all sections, in the order of the readings. */
export function canonicalLines(
  sections: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  return SECTIONS.flatMap((section) =>
    (sections.get(section.name) ?? [])
      .filter((line) => line !== '')
      .flatMap((line) => canonicalLine(line, section.rules)),
  );
}

/** Cuts the output of the agent into its sections ("@name" lines). */
export function splitSections(output: string): ReadonlyMap<string, readonly string[]> {
  const sections = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of output.split('\n')) {
    const header = /^@([a-z0-9-]+)$/.exec(line);
    if (header?.[1] !== undefined) {
      current = [];
      sections.set(header[1], current);
    } else {
      current?.push(line);
    }
  }
  return sections;
}
