/** The iproute2 backend, way there: each operation as lines of `ip -batch`, `bridge -batch` or a write. Pure. */
import { assertNever } from '../errors.js';
import { quoteSh } from '../quote-sh.js';
import { BOND_DELAYS } from '../network/bond.js';
import { baseOf } from '../network/state.js';
import type { DnsState, InterfaceState, Link, RouteRule } from '../network/state.js';
import { typeOptionWords } from '../network/type-options.js';
import { NEW_VLAN_OPTIONS } from '../network/vlan.js';
import type { Change, Operation } from '../plan/change.js';
import { batchLine, EMPTY_WORD } from './batch.js';
import { flushLines, startLines, stopLine } from './dhcp-clients.js';
import { routeWords } from './route-words.js';
import type { Segment, StepLine } from './steps.js';

type Step = Readonly<{ tool: Segment['tool']; text: string }>;

const ip = (...words: readonly (string | number)[]): Step => ({
  tool: 'ip',
  text: batchLine(words),
});
/** `ip -6`: the family of a rule cannot be said in a batch line. */
const ip6 = (...words: readonly (string | number)[]): Step => ({
  tool: 'ip6',
  text: batchLine(words),
});
const bridge = (...words: readonly (string | number)[]): Step => ({
  tool: 'bridge',
  text: batchLine(words),
});

/** Kernel option name → keyword of `ip link … type bond` (ip/iplink_bond.c), where they differ. */
const BOND_KEYWORDS: Readonly<Record<string, string>> = { peer_notif_delay: 'peer_notify_delay' };

const EMPTY_BOND_LISTS: ReadonlySet<string> = new Set(['arp_ip_target', 'ns_ip6_target']);

/** What a new bond has anyway. */
function withoutEmpty(options: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== ''));
}

/** The file that takes an empty line for "no primary" (bond_option_primary_set). */
function clearPrimary(name: string, options: Readonly<Record<string, string>>): readonly Step[] {
  if (options['primary'] !== '') return [];
  return [{ tool: 'write', text: `/sys/class/net/${batchLine([name])}/bonding/primary ` }];
}

export function bondWords(options: Readonly<Record<string, string>>): readonly string[] {
  // The mode decides which options are taken, so it comes first; the rest in a fixed order.
  return (
    Object.entries(options)
      .sort(([a], [b]) => (a === 'mode' ? -1 : b === 'mode' ? 1 : a < b ? -1 : 1))
      // `ip` has no word for "no primary": see clearPrimary. An empty list of targets is one.
      .filter(([key, value]) => value !== '' || EMPTY_BOND_LISTS.has(key))
      .flatMap(([key, value]) => [BOND_KEYWORDS[key] ?? key, value === '' ? EMPTY_WORD : value])
  );
}

export function bridgeWords(options: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(options)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) => [key, value]);
}

/** Kinds by the words of `ip link`, where they differ from those of documents. */
const KIND_WORDS: Readonly<Partial<Record<Link['kind'], string>>> = {
  'mac-vlan': 'macvlan',
  'mac-vtap': 'macvtap',
  'linux-bridge': 'bridge',
};

export function kindWord(kind: Link['kind']): string {
  return KIND_WORDS[kind] ?? kind;
}

/** `link BASE`, for those that are made on one (a vxlan says it among its options). */
export function baseWords(link: Link): readonly string[] {
  const base = link.kind === 'vxlan' ? undefined : baseOf(link);
  return base === undefined ? [] : ['link', base];
}

/** Without miimon the kernel takes no delay, not even 0 (bond_options.c, _bond_option_delay_set): a new bond has none then. */
function newBondOptions(
  options: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const delays: readonly string[] = Number(options['miimon'] ?? 0) === 0 ? BOND_DELAYS : [];
  return Object.fromEntries(
    Object.entries(withoutEmpty(options)).filter(([key]) => !delays.includes(key)),
  );
}

/** `type …` and what follows, for `ip link add`; undefined for what cannot be made. */
export function linkTypeWords(link: Link): readonly (string | number)[] | undefined {
  switch (link.kind) {
    case 'bond':
      return ['type', 'bond', ...bondWords({ mode: link.mode, ...newBondOptions(link.options) })];
    case 'vlan':
      return [
        'type',
        'vlan',
        'protocol',
        link.protocol,
        'id',
        link.id,
        ...typeOptionWords(
          Object.fromEntries(
            Object.entries(link.options ?? {}).filter(
              ([key, value]) => NEW_VLAN_OPTIONS[key] !== value,
            ),
          ),
        ),
      ];
    case 'linux-bridge':
      return ['type', 'bridge', ...bridgeWords(link.options)];
    case 'vxlan': {
      const isMulticast = /^(22[4-9]|23\d)\.|^ff/i.test(link.remote ?? '');
      return [
        'type',
        'vxlan',
        'id',
        link.id,
        ...(link.base === undefined ? [] : ['dev', link.base]),
        ...(link.local === undefined ? [] : ['local', link.local]),
        ...(link.remote === undefined ? [] : [isMulticast ? 'group' : 'remote', link.remote]),
        'dstport',
        link.destinationPort,
        link.learning ? 'learning' : 'nolearning',
        ...Object.values(link.options ?? {}).flatMap((words) => words.split(' ')),
      ];
    }
    case 'veth':
      return ['type', 'veth', ...(link.peer === undefined ? [] : ['peer', 'name', link.peer])];
    case 'mac-vlan':
    case 'mac-vtap':
      return [
        'type',
        kindWord(link.kind),
        'mode',
        link.mode,
        ...(link.promiscuous ? [] : ['nopromisc']),
      ];
    case 'vrf':
      return ['type', 'vrf', 'table', link.table];
    case 'dummy':
      return ['type', 'dummy'];
    case 'ethernet':
    case 'loopback':
    case 'other':
      return undefined;
  }
}

export function isPassthru(link: Link): boolean {
  return 'mode' in link && link.mode === 'passthru';
}

function createLink(item: InterfaceState): Step {
  const type = linkTypeWords(item.link);
  if (type === undefined) throw new Error(`${item.name} cannot be made: it is a ${item.link.kind}`);
  return ip(
    'link',
    'add',
    ...baseWords(item.link),
    'name',
    item.name,
    // In mode passthru the MAC is that of the base: to give another one is to change it there.
    ...(item.mac === undefined || isPassthru(item.link) ? [] : ['address', item.mac]),
    'mtu',
    item.mtu,
    ...type,
  );
}

export function ruleWords(rule: RouteRule, action: 'add' | 'del'): readonly (string | number)[] {
  const mark =
    rule.fwmark === undefined
      ? []
      : ['fwmark', rule.fwmask === undefined ? rule.fwmark : `${rule.fwmark}/${rule.fwmask}`];
  return [
    'rule',
    action,
    ...(rule.from === undefined ? [] : ['from', rule.from]),
    ...(rule.to === undefined ? [] : ['to', rule.to]),
    ...(rule.iif === undefined ? [] : ['iif', rule.iif]),
    ...mark,
    ...(rule.table === undefined ? [] : ['lookup', rule.table]),
    ...(rule.suppressPrefixLength === undefined
      ? []
      : ['suppress_prefixlength', rule.suppressPrefixLength]),
    ...(rule.action === undefined ? [] : [rule.action]),
    ...(rule.priority === undefined ? [] : ['pref', rule.priority]),
  ];
}

function ruleStep(rule: RouteRule, action: 'add' | 'del'): Step {
  const words = ruleWords(rule, action);
  return rule.family === 'ipv6' ? ip6(...words) : ip(...words);
}

export function resolvConf(dns: DnsState): string {
  return [
    '# Written by netorch; the file below this mount is as it was.',
    ...(dns.search.length > 0 ? [`search ${dns.search.join(' ')}`] : []),
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
  ].join('\n');
}

/** Switching it off leaves what the router gave: that is taken away. */
function autoconfSteps(name: string, enabled: boolean, forwards: boolean): readonly Step[] {
  const write = (key: string, value: number): Step => ({
    tool: 'write',
    text: `/proc/sys/net/ipv6/conf/${batchLine([name])}/${key} ${value}`,
  });
  if (!enabled) {
    return [
      write('accept_ra', 0),
      write('autoconf', 0),
      ip6('addr', 'flush', 'dev', name, 'to', '::/0', 'dynamic'),
      ip6('route', 'flush', 'dev', name, 'proto', 9),
    ];
  }
  return [
    write('autoconf', 1),
    // Documentation/networking/ip-sysctl.rst: a router takes advertisements with 2 only.
    write('accept_ra', forwards ? 2 : 1),
    { tool: 'sh', text: `solicit ${batchLine([name])}` },
  ];
}

const setType = (name: string, kind: string, words: readonly string[]): Step =>
  ip('link', 'set', 'dev', name, 'type', kind, ...words);

function stepsOf(operation: Operation): readonly Step[] {
  switch (operation.op) {
    case 'create-link':
      return [createLink(operation.link)];
    case 'delete-link':
      return [ip('link', 'del', 'dev', operation.name)];
    case 'set-up':
      return [ip('link', 'set', 'dev', operation.name, 'up')];
    case 'set-down':
      return [ip('link', 'set', 'dev', operation.name, 'down')];
    case 'set-mtu':
      return [ip('link', 'set', 'dev', operation.name, 'mtu', operation.mtu)];
    case 'set-mac':
      return [ip('link', 'set', 'dev', operation.name, 'address', operation.mac)];
    case 'set-alias':
      // Not by `ip`: a batch line cannot hold every text, a file can.
      return [
        {
          tool: 'write',
          text: `/sys/class/net/${batchLine([operation.name])}/ifalias ${operation.alias}`,
        },
      ];
    case 'set-alt-names': {
      const step = (action: string) => (altName: string) =>
        ip('link', 'property', action, 'dev', operation.name, 'altname', altName);
      return [...operation.remove.map(step('del')), ...operation.add.map(step('add'))];
    }
    case 'set-promiscuous':
      return [
        ip('link', 'set', 'dev', operation.name, 'promisc', operation.promiscuous ? 'on' : 'off'),
      ];
    case 'attach':
      return [ip('link', 'set', 'dev', operation.name, 'master', operation.to)];
    case 'detach':
      return [ip('link', 'set', 'dev', operation.name, 'nomaster')];
    case 'set-bond-options':
      return [
        ...(bondWords(operation.options).length === 0
          ? []
          : [setType(operation.name, 'bond', bondWords(operation.options))]),
        ...clearPrimary(operation.name, operation.options),
      ];
    case 'set-bridge-options':
      return [setType(operation.name, 'bridge', bridgeWords(operation.options))];
    case 'set-type-options':
      return [
        setType(operation.name, kindWord(operation.kind), typeOptionWords(operation.options)),
      ];
    case 'set-port-options':
      return [
        setType(
          operation.name,
          operation.of === 'bond' ? 'bond_slave' : 'bridge_slave',
          bridgeWords(operation.options),
        ),
      ];
    case 'add-port-vlan': {
      const { vid, pvid, untagged } = operation.vlan;
      return [
        bridge(
          'vlan',
          'add',
          'dev',
          operation.name,
          'vid',
          vid,
          ...(pvid ? ['pvid'] : []),
          ...(untagged ? ['untagged'] : []),
        ),
      ];
    }
    case 'delete-port-vlan':
      return [bridge('vlan', 'del', 'dev', operation.name, 'vid', operation.vid)];
    case 'set-ipv6-enabled':
      return [
        {
          tool: 'write',
          text: `/proc/sys/net/ipv6/conf/${batchLine([operation.name])}/disable_ipv6 ${operation.enabled ? 0 : 1}`,
        },
      ];
    case 'add-address': {
      const { ip: address, prefixLength } = operation.address;
      const broadcast = operation.family === 'ipv4' && prefixLength < 31 ? ['brd', '+'] : [];
      return [
        ip('addr', 'replace', `${address}/${prefixLength}`, ...broadcast, 'dev', operation.name),
      ];
    }
    case 'delete-address':
      return [
        ip(
          'addr',
          'del',
          `${operation.address.ip}/${operation.address.prefixLength}`,
          'dev',
          operation.name,
        ),
      ];
    case 'add-route':
      return [ip(...routeWords(operation.route, 'replace'))];
    case 'delete-route':
      return [ip(...routeWords(operation.route, 'del'))];
    case 'add-rule':
      return [ruleStep(operation.rule, 'add')];
    case 'delete-rule':
      return [ruleStep(operation.rule, 'del')];
    case 'stop-dhcp':
      return [
        { tool: 'sh', text: stopLine(operation.process) },
        ...flushLines(operation.name, operation.process).map((text): Step => ({
          tool: 'ip',
          text,
        })),
      ];
    case 'start-dhcp':
      return startLines(operation.name, operation.tool, operation.dhcp).map((text): Step => ({
        tool: 'sh',
        text,
      }));
    case 'set-autoconf':
      return autoconfSteps(operation.name, operation.enabled, operation.forwards);
    case 'set-hostname':
      return [
        { tool: 'write', text: `/proc/sys/kernel/hostname ${batchLine([operation.hostname])}` },
      ];
    case 'set-dns':
      return resolvConf(operation.dns)
        .split('\n')
        .map((text): Step => ({ tool: 'dns', text }));
    default:
      return assertNever(operation);
  }
}

/** The fewest segments that keep the order of the operations. */
export function segmentsOf(changes: readonly Change[]): readonly Segment[] {
  const segments: { tool: Segment['tool']; lines: StepLine[] }[] = [];
  for (const change of changes) {
    for (const step of change.operations.flatMap(stepsOf)) {
      const last = segments.at(-1);
      const line = { text: step.text, change: change.id };
      if (last?.tool === step.tool) last.lines.push(line);
      else segments.push({ tool: step.tool, lines: [line] });
    }
  }
  return segments;
}

const END = 'NETORCH_END';
const PROGRAMS = { ip: 'ip', ip6: 'ip -6', bridge: 'bridge' } as const;

/** apply.sh. The batch's own message names the line: "Command failed -:3". */
export function applyScript(segments: readonly Segment[]): string {
  const parts = segments.map((segment, index) => {
    const number = `S=${index + 1}`;
    const texts = segment.lines.map((line) => line.text);
    switch (segment.tool) {
      case 'ip':
      case 'ip6':
      case 'bridge':
        return `${number}\n${PROGRAMS[segment.tool]} -batch - <<'${END}' || return 1\n${texts.join('\n')}\n${END}`;
      case 'write':
        return [
          number,
          ...texts.map((text) => {
            const space = text.indexOf(' ');
            const value = text.slice(space + 1);
            // Not echo: dash's takes backslashes for its own.
            return `printf '%s\\n' ${quoteSh(value)} >${text.slice(0, space)} || return 1`;
          }),
        ].join('\n');
      case 'dns':
        // Something must be there to be mounted over.
        return `${number}\n: >dns.set\n[ -e /etc/resolv.conf ] || { : >/etc/resolv.conf && : >dns.made; } || return 1\numount /etc/resolv.conf 2>/dev/null\ncat >../resolv.conf <<'${END}'\n${texts.join('\n')}\n${END}\nchmod 644 ../resolv.conf && mount --bind ../resolv.conf /etc/resolv.conf || return 1`;
      case 'sh':
        return [number, ...texts.map((text) => `${text} || return 1`)].join('\n');
      default:
        return assertNever(segment.tool);
    }
  });
  return `${parts.join('\n')}\nreturn 0\n`;
}
