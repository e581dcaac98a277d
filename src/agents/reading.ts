/**
 * Turns the raw readings of a host (readings.sh, observe.sh) into an `ObservedHost`.
 *
 * Nothing a host says is trusted: names pass the same check as names in a plan, anything malformed is an
 * AGENT_PROTOCOL error. The formats are those of iproute2 (ip/ipaddress.c, iproute.c, iprule.c, bridge/vlan.c).
 */
import { NetorchError } from '../errors.js';
import { VDSM_DUMMY, interfaceNameProblem } from '../network/interface-name.js';
import { canonicalIp } from '../network/ip.js';
import { parseOwnedLine } from '../network/owned.js';
import {
  interfaceMap,
  type BondMode,
  type BridgePort,
  type InterfaceState,
  type IpAddress,
  type IpFamily,
  type Link,
  type PortVlan,
} from '../network/state.js';
import { mapText } from '../network/type-options.js';
import { attachmentsOf } from './attachments.js';
import { canonicalLines, splitSections } from './canonical.js';
import { isObject, listOf, numberOf, objectOf, textOf, type Json } from './json-values.js';
import type { ObservedHost, OpenTransaction, SshConnection } from './observed-host.js';
import type { DhcpTool } from '../plan/change.js';
import { findDhcpClients, observedDhcp } from './dhcp-reading.js';
import { findOwners } from './owners.js';
import { readNetworkManager, withProfile } from './networkmanager-reading.js';
import { parsePersistence } from './persistence.js';
import { isDaemonRoute, parseRouteLine, parseRuleLine } from './route-reading.js';
import { vxlanOptions } from './vxlan-reading.js';

const canonicalAddress = (text: string) => canonicalIp(text)?.ip;

type Sections = ReadonlyMap<string, readonly string[]>;

function broken(host: string, what: string): NetorchError {
  return new NetorchError('AGENT_PROTOCOL', `${host}: the host's answer makes no sense: ${what}`);
}

function parseJsonList(host: string, section: string, lines: readonly string[]): readonly Json[] {
  const text = lines.join('').trim();
  if (text === '') return [];
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value)) return value.filter(isObject);
  } catch {
    // reported below
  }
  throw broken(host, `section ${section} is no JSON list`);
}

/** iproute2's JSON names of bond options (ip/iplink_bond.c) that differ from the kernel's option names. */
const BOND_JSON_TO_OPTION: Readonly<Record<string, string>> = {
  ad_lacp_rate: 'lacp_rate',
  ad_lacp_active: 'lacp_active',
  num_peer_notif: 'num_grat_arp',
  peer_notify_delay: 'peer_notif_delay',
};
const BOND_NOT_OPTIONS = new Set(['mode', 'active_slave', 'ad_info']);

function bondOptions(data: Json): Record<string, string> {
  const options: Record<string, string> = {};
  for (const [key, value] of Object.entries(data)) {
    if (BOND_NOT_OPTIONS.has(key)) continue;
    const name = BOND_JSON_TO_OPTION[key] ?? key;
    if (typeof value === 'number' || typeof value === 'string') options[name] = String(value);
    else if (Array.isArray(value)) options[name] = value.map(String).join(',');
    else if (typeof value === 'boolean') options[name] = value ? '1' : '0';
    // arp_validate prints null where it is "none".
    else if (value === null) options[name] = 'none';
  }
  return options;
}

/** ip/iplink_bond_slave.c; kernels before 6.0 have no priority. */
function bondPortOptions(json: Json): Record<string, string> {
  const data = objectOf(objectOf(json, 'linkinfo'), 'info_slave_data');
  const options: Record<string, string> = {};
  for (const key of ['queue_id', 'prio']) {
    const value = numberOf(data, key);
    if (value !== undefined) options[key] = String(value);
  }
  return options;
}

const BRIDGE_NOT_OPTIONS =
  /^(bridge_id|root_id|root_port|root_path_cost|topology_change.*|.*_timer|fdb_n_learned|mcast_hash_elasticity)$/;

function bridgeOptions(data: Json): Record<string, string> {
  const options: Record<string, string> = {};
  for (const [key, value] of Object.entries(data)) {
    if (BRIDGE_NOT_OPTIONS.test(key)) continue;
    // What is printed (ip/iplink_bridge.c) is not always the word that sets it.
    const name = key
      .replace(/_cnt$/, '_count')
      .replace(/_intvl$/, '_interval')
      .replace(/^group_addr$/, 'group_address');
    if (typeof value === 'boolean') options[name] = value ? '1' : '0';
    else if (name === 'vlan_protocol' && typeof value === 'string')
      options[name] = value.toLowerCase();
    else if (name === 'group_fwd_mask') options[name] = String(Number(value));
    else if (typeof value === 'number' || typeof value === 'string') options[name] = String(value);
  }
  // net/bridge/br_stp.c, __br_set_topology_change: for a while it is twice the forward delay, and what it
  // will be again nobody can read.
  if (data['stp_state'] !== 0 && data['topology_change'] === 1) delete options['ageing_time'];
  return options;
}

function portOptions(data: Json): Record<string, string> {
  const options: Record<string, string> = {};
  for (const key of ['priority', 'cost']) {
    const value = numberOf(data, key);
    if (value !== undefined) options[key] = String(value);
  }
  if (typeof data['hairpin'] === 'boolean') options['hairpin'] = data['hairpin'] ? 'on' : 'off';
  return options;
}

const MAC_VLAN_MODES = ['vepa', 'bridge', 'private', 'passthru', 'source'] as const;

/** ip/iplink_vlan.c, vlan_print_opt. */
function vlanOptions(data: Json): Record<string, string> {
  const flags = listOf(data, 'flags');
  const flag = (name: string): string => (flags.includes(name) ? 'on' : 'off');
  const map = (key: string): string =>
    mapText(
      listOf(data, key).flatMap((pair): (readonly [number, number])[] => {
        const from = isObject(pair) ? numberOf(pair, 'from') : undefined;
        const to = isObject(pair) ? numberOf(pair, 'to') : undefined;
        return from === undefined || to === undefined ? [] : [[from, to]];
      }),
    );
  return {
    gvrp: flag('GVRP'),
    mvrp: flag('MVRP'),
    reorder_hdr: flag('REORDER_HDR'),
    loose_binding: flag('LOOSE_BINDING'),
    'ingress-qos-map': map('ingress_qos'),
    'egress-qos-map': map('egress_qos'),
  };
}

function parseVlanTable(json: Json): readonly PortVlan[] {
  const vlans: PortVlan[] = [];
  for (const entry of listOf(json, 'vlans')) {
    if (!isObject(entry)) continue;
    const first = numberOf(entry, 'vlan');
    if (first === undefined) continue;
    const last = numberOf(entry, 'vlanEnd') ?? first;
    const flags = listOf(entry, 'flags');
    for (let vid = first; vid <= last && vid <= 4095; vid++) {
      vlans.push({
        vid,
        pvid: flags.includes('PVID'),
        untagged: flags.includes('Egress Untagged'),
      });
    }
  }
  return vlans.sort((a, b) => a.vid - b.vid);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Kinds not modelled that the kernel unregisters together with the device they stand on. */
const VANISH_WITH_BASE: ReadonlySet<string> = new Set(['ipvlan', 'ipvtap', 'macsec', 'hsr']);

type RawLink = Readonly<{ name: string; json: Json; kind: string | undefined; data: Json }>;

function linkOf(
  raw: RawLink,
  all: readonly RawLink[],
  vlanTables: ReadonlyMap<string, readonly PortVlan[]>,
): Link {
  const { json, kind, data, name } = raw;
  const ports = all.filter((other) => textOf(other.json, 'master') === name);
  switch (kind) {
    case undefined:
      if (textOf(json, 'link_type') === 'loopback') return { kind: 'loopback' };
      return textOf(json, 'link_type') === 'ether'
        ? { kind: 'ethernet' }
        : { kind: 'other', type: textOf(json, 'link_type') ?? 'unknown' };
    case 'veth':
      return { kind: 'veth', peer: textOf(json, 'link') };
    case 'dummy':
      return { kind: 'dummy' };
    case 'bond':
      return {
        kind: 'bond',
        mode: (textOf(data, 'mode') ?? 'balance-rr') as BondMode,
        options: bondOptions(data),
        ports: ports.map((port) => port.name).sort(compareText),
        portOptions: Object.fromEntries(
          ports.map((port) => [port.name, bondPortOptions(port.json)]),
        ),
      };
    case 'vlan': {
      const base = textOf(json, 'link');
      const id = numberOf(data, 'id');
      const protocol = textOf(data, 'protocol')?.toLowerCase();
      if (
        base === undefined ||
        id === undefined ||
        (protocol !== '802.1q' && protocol !== '802.1ad')
      ) {
        return { kind: 'other', type: 'vlan' };
      }
      return { kind: 'vlan', base, id, protocol, options: vlanOptions(data) };
    }
    case 'macvlan':
    case 'macvtap': {
      const base = textOf(json, 'link');
      const mode = MAC_VLAN_MODES.find((known) => known === textOf(data, 'mode'));
      if (base === undefined || mode === undefined) return { kind: 'other', type: kind };
      return {
        kind: kind === 'macvlan' ? 'mac-vlan' : 'mac-vtap',
        base,
        mode,
        promiscuous: data['nopromisc'] !== true,
      };
    }
    case 'vrf': {
      const table = numberOf(data, 'table');
      if (table === undefined) return { kind: 'other', type: kind };
      return { kind, table, ports: ports.map((port) => port.name).sort(compareText) };
    }
    case 'bridge':
      return {
        kind: 'linux-bridge',
        options: bridgeOptions(data),
        ports: ports
          .map((port): BridgePort => ({
            name: port.name,
            options: portOptions(objectOf(objectOf(port.json, 'linkinfo'), 'info_slave_data')),
            vlans: vlanTables.get(port.name) ?? [],
          }))
          .sort((a, b) => compareText(a.name, b.name)),
      };
    case 'vxlan': {
      const id = numberOf(data, 'id');
      if (id === undefined || data['external'] === true) return { kind: 'other', type: 'vxlan' };
      const options = vxlanOptions(data);
      return {
        kind: 'vxlan',
        id,
        base: textOf(data, 'link'),
        local: textOf(data, 'local') ?? textOf(data, 'local6'),
        remote:
          textOf(data, 'remote') ??
          textOf(data, 'remote6') ??
          textOf(data, 'group') ??
          textOf(data, 'group6'),
        destinationPort: numberOf(data, 'port') ?? 8472,
        learning: data['learning'] !== false,
        ...(options === undefined ? {} : { options }),
      };
    }
    default: {
      const base = textOf(json, 'link');
      const isBase = VANISH_WITH_BASE.has(kind) && all.some((other) => other.name === base);
      return { kind: 'other', type: kind, ...(base !== undefined && isBase ? { base } : {}) };
    }
  }
}

type AddressLine = Readonly<{
  device: string;
  family: IpFamily;
  address: IpAddress;
  scope: string;
  isDynamic: boolean;
  isKernelLinkLocal: boolean;
}>;

function parseAddressLine(line: string): AddressLine | undefined {
  const match = /^\d+: +(\S+) +(inet6?) +(\S+?)(?:\/(\d+))? (.*)$/.exec(line);
  if (match === null) return undefined;
  const [, device = '', inet, local = '', , rest = ''] = match;
  const family: IpFamily = inet === 'inet' ? 'ipv4' : 'ipv6';
  // A point-to-point address prints its prefix length with the peer.
  const prefix =
    match[4] ?? / peer \S+\/(\d+)/.exec(rest)?.[1] ?? (family === 'ipv4' ? '32' : '128');
  const words = rest.replace(/\\.*$/, '').split(/\s+/);
  const scope = words[words.indexOf('scope') + 1] ?? 'global';
  const ip = canonicalAddress(local);
  if (ip === undefined) return undefined;
  return {
    device,
    family,
    address: { ip, prefixLength: Number(prefix) },
    scope,
    isDynamic: words.includes('dynamic'),
    isKernelLinkLocal: family === 'ipv6' && scope === 'link',
  };
}

function factsOf(lines: readonly string[]): {
  values: ReadonlyMap<string, string>;
  tools: ReadonlySet<string>;
} {
  const values = new Map<string, string>();
  const tools = new Set<string>();
  for (const line of lines) {
    const space = line.indexOf(' ');
    const key = space < 0 ? line : line.slice(0, space);
    const value = space < 0 ? '' : line.slice(space + 1);
    if (key === 'tool') tools.add(value);
    else values.set(key, value);
  }
  return { values, tools };
}

function parseSshConnection(text: string | undefined): SshConnection | undefined {
  const [client, , server, port] = (text ?? '').trim().split(/\s+/);
  const clientAddress = canonicalAddress((client ?? '').replace(/%.*$/, ''));
  const serverAddress = canonicalAddress((server ?? '').replace(/%.*$/, ''));
  if (clientAddress === undefined || serverAddress === undefined) return undefined;
  return { clientAddress, serverAddress, serverPort: Number(port) };
}

/** Lines of the section @transactions: `ID STATE DEADLINE BEGUN OWNER…`, times in seconds since boot. */
export function parseTransactions(
  lines: readonly string[],
  uptime: number,
): readonly OpenTransaction[] {
  const guards = new Map(
    lines.flatMap((line) => {
      const [, transaction, alive] = /^guard (\S+) ([01])$/.exec(line) ?? [];
      return transaction === undefined ? [] : [[transaction, alive === '1'] as const];
    }),
  );
  return lines.flatMap((line) => {
    const [transaction = '', state = '', deadline = '0', begun = '0', ...owner] = line.split(' ');
    if (transaction === '' || transaction === 'guard' || state === '') return [];
    const isGuarded = guards.get(transaction);
    return [
      {
        transaction,
        state,
        ageSeconds: Math.max(0, Math.floor(uptime - Number(begun))),
        secondsLeft: Math.floor(Number(deadline) - uptime),
        owner: owner.join(' '),
        ...(isGuarded === undefined ? {} : { isGuarded }),
      },
    ];
  });
}

function parseDns(lines: readonly string[]): {
  servers: string[];
  search: string[];
  options: string[];
} {
  const servers: string[] = [];
  let search: string[] = [];
  const options: string[] = [];
  for (const line of lines) {
    const [key, ...values] = line.trim().split(/\s+/);
    if (key === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    // resolv.conf(5): the last search or domain line wins.
    else if (key === 'search' || key === 'domain') search = values;
    else if (key === 'options') options.push(...values);
  }
  return { servers, search, options };
}

/** The raw output of `observe` made into values. `host` is the inventory name, for messages. */
export function parseObservation(host: string, output: string): ObservedHost {
  const sections = splitSections(output);
  if (sections.has('no-ip')) {
    throw new NetorchError('HOST_UNFIT', `${host}: there is no "ip" command on the host`, {
      notes: [
        'netorch needs iproute2 5.0 or newer on every host (Debian and Ubuntu: package iproute2; RHEL: iproute)',
      ],
    });
  }
  const jsonText = (sections.get('link') ?? []).join('');
  if (sections.has('no-json') || !jsonText.trimStart().startsWith('[')) {
    throw new NetorchError(
      'HOST_UNFIT',
      `${host}: the host's "ip" prints no JSON: it is too old, or not iproute2`,
      {
        notes: [
          'netorch needs iproute2 5.0 or newer; busybox has an "ip" of its own that is not enough',
        ],
      },
    );
  }
  if (!sections.has('complete')) throw broken(host, 'it ends too early');
  return observedHost(host, sections);
}

/** In the order of preference: the one that knows most of what documents can ask for comes last but works everywhere. */
const DHCP_TOOLS: readonly DhcpTool[] = ['dhclient', 'udhcpc', 'busybox-udhcpc'];

function observedHost(host: string, sections: Sections): ObservedHost {
  const lines = (name: string) => sections.get(name) ?? [];
  const { values, tools } = factsOf(lines('facts'));
  const rawLinks = parseJsonList(host, 'link', lines('link'))
    .map((json): RawLink => {
      const info = objectOf(json, 'linkinfo');
      return {
        name: textOf(json, 'ifname') ?? '',
        json,
        kind: textOf(info, 'info_kind'),
        data: objectOf(info, 'info_data'),
      };
    })
    .filter(({ name }) => name !== VDSM_DUMMY);
  for (const { name } of rawLinks) {
    if (interfaceNameProblem(name) !== undefined) {
      throw new NetorchError(
        'HOST_UNFIT',
        `${host}: it has an interface with the name ${JSON.stringify(name)}`,
        {
          notes: [
            'netorch works with names of 1–15 letters, digits and "_.:@+-" only: rename it first',
          ],
        },
      );
    }
  }
  const vlanTables = new Map(
    parseJsonList(host, 'vlan', lines('vlan')).map((json) => [
      textOf(json, 'ifname') ?? '',
      parseVlanTable(json),
    ]),
  );
  const addresses = lines('addr').flatMap((line) => parseAddressLine(line) ?? []);
  const sysctl = new Map<string, string>();
  for (const line of lines('sysctl')) {
    const match = /^\/proc\/sys\/net\/(ipv[46]\/conf\/.+\/[a-z0-9_]+):(.*)$/.exec(line);
    if (match?.[1] !== undefined) sysctl.set(match[1], match[2] ?? '');
  }
  const names = new Set(rawLinks.map((raw) => raw.name));
  const clients = findDhcpClients(lines('dhcp'), [...names]);
  const owners = findOwners(
    sections,
    new Map(rawLinks.map((raw) => [numberOf(raw.json, 'ifindex') ?? 0, raw.name])),
    clients.owners,
  );
  const uptime = Number(values.get('uptime') ?? '0');
  const allRoutes = [
    ...lines('route').flatMap((line) => parseRouteLine(line, 'ipv4') ?? []),
    ...lines('route6').flatMap((line) => parseRouteLine(line, 'ipv6') ?? []),
  ];
  const attachments = attachmentsOf({
    qdiscs: parseJsonList(host, 'qdisc', lines('qdisc')),
    mirrors: lines('mirrors'),
    nftables: lines('nftables'),
  });
  const interfaces = rawLinks.map((raw): InterfaceState => {
    const { name, json } = raw;
    const own = addresses.filter((line) => line.device === name);
    const flags = listOf(json, 'flags');
    const statics = (family: IpFamily) =>
      own
        .filter((line) => line.family === family && !line.isDynamic && !line.isKernelLinkLocal)
        .map((line) => line.address);
    const slave = objectOf(objectOf(json, 'linkinfo'), 'info_slave_data');
    const isEthernet = textOf(json, 'link_type') === 'ether';
    const disabled6 = sysctl.get(`ipv6/conf/${name}/disable_ipv6`);
    const dhcp = owners.has(name)
      ? undefined
      : observedDhcp(name, clients.carried.get(name), {
          addressLines: lines('addr'),
          routes: allRoutes,
          uptime,
        });
    const ofClient = dhcp?.process?.permanent ?? [];
    const v4 = statics('ipv4').filter(({ ip }) => !ofClient.some((other) => other.ip === ip));
    const setting6 = (key: string) => sysctl.get(`ipv6/conf/${name}/${key}`);
    const isLoopback = textOf(json, 'link_type') === 'loopback';
    const forwards6 = setting6('forwarding') === '1';
    const autoconf =
      isLoopback || setting6('accept_ra') === undefined
        ? undefined
        : setting6('autoconf') === '1' && Number(setting6('accept_ra')) > (forwards6 ? 1 : 0);
    const altNames = listOf(json, 'altnames').filter(
      (name): name is string => typeof name === 'string',
    );
    const parent = textOf(json, 'parentbus') === 'pci' ? textOf(json, 'parentdev') : undefined;
    const activePort = textOf(objectOf(objectOf(json, 'linkinfo'), 'info_data'), 'active_slave');
    const positive = (key: string) => {
      const value = numberOf(json, key);
      return value === undefined || value === 0 ? undefined : value;
    };
    return {
      name,
      up: flags.includes('UP'),
      mac: isEthernet ? textOf(json, 'address')?.toLowerCase() : undefined,
      mtu: numberOf(json, 'mtu') ?? 0,
      alias: textOf(json, 'ifalias') ?? '',
      altNames: altNames.toSorted(),
      promiscuous: flags.includes('PROMISC'),
      controller: textOf(json, 'master'),
      ipv4: {
        enabled: v4.length > 0 || dhcp !== undefined,
        addresses: v4,
        ...(dhcp === undefined ? {} : { dhcp }),
      },
      ipv6: {
        enabled: disabled6 === '0',
        addresses: statics('ipv6'),
        ...(autoconf === undefined ? {} : { autoconf }),
      },
      link: linkOf(raw, rawLinks, vlanTables),
      facts: {
        index: numberOf(json, 'ifindex') ?? 0,
        carrier: flags.includes('LOWER_UP') && !flags.includes('NO-CARRIER'),
        permanentMac: (textOf(slave, 'perm_hwaddr') ?? textOf(json, 'permaddr'))?.toLowerCase(),
        minMtu: positive('min_mtu'),
        maxMtu: positive('max_mtu'),
        altNames,
        ...(parent === undefined ? {} : { pciAddress: parent }),
        ...(activePort === undefined ? {} : { activePort }),
        dynamicAddresses: [
          ...ofClient,
          ...own.filter((line) => line.isDynamic).map((line) => line.address),
        ],
        ...(forwards6 ? { forwards6 } : {}),
        owner: owners.get(name),
        attachments: attachments.get(name) ?? [],
      },
    };
  });
  const routes = allRoutes.filter((route) => !isDaemonRoute(route));
  const rules = [
    ...lines('rule4').flatMap((line) => parseRuleLine(line, 'ipv4') ?? []),
    ...lines('rule6').flatMap((line) => parseRuleLine(line, 'ipv6') ?? []),
  ];
  const resolvConf = lines('dns').join('\n');
  const networkManager = readNetworkManager(sections);
  return {
    ...(networkManager === undefined ? {} : { networkManager }),
    state: {
      interfaces: interfaceMap(interfaces.map((item) => withProfile(item, networkManager))),
      routes,
      rules,
      dns: parseDns(lines('dns')),
      hostname: values.get('hostname'),
    },
    lines: canonicalLines(sections),
    bootId: values.get('boot-id') ?? '',
    isRoot: values.get('root') === '1',
    hasSystemd: values.get('systemd') === '1',
    tools,
    ipVersion: values.get('ip-version') ?? '',
    kernel: values.get('kernel') ?? '',
    ssh: parseSshConnection(values.get('ssh')),
    transactions: parseTransactions(lines('transactions'), uptime),
    owned: lines('owned').flatMap((line) => parseOwnedLine(line) ?? []),
    daemonRoutes: allRoutes.filter(
      (route) => isDaemonRoute(route) && !LEASED_PROTOCOLS.has(route.protocol),
    ),
    resolvConf,
    dhcpClients: DHCP_TOOLS.filter((tool) => tools.has(tool)),
    resolvedOwnsDns: /^nameserver 127\.0\.0\.5[34]\s*$/m.test(resolvConf),
    persistence: parsePersistence(lines('persistence')),
    bootOwnerLines: lines('boot-owners'),
    bootConfigured: new Set(
      lines('ifupdown').flatMap((line) => {
        const name = /^([^=]+)=/.exec(line)?.[1];
        return name !== undefined && name !== 'lo' && names.has(name) ? [name] : [];
      }),
    ),
  };
}

/** Routes of router advertisements and DHCP come and go with their addresses. */
const LEASED_PROTOCOLS: ReadonlySet<number> = new Set([9, 16]);
